import ArgumentParser
import FleetCtlKit
import Glibc

@main
struct Main {
    static func main() async {
        // A closed pipe (`fleetctl … | head`) ends the output, not with a signal's status.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try FleetCtl.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let fault as Fault {
            Console.error(fault.message)
            exit(fault.status.rawValue)
        } catch {
            exit(report(error))
        }
    }

    /// Help goes to stdout with status 0, what ArgumentParser did not understand to stderr with status 2, everything
    /// else is an error in one line.
    private static func report(_ error: any Error) -> Int32 {
        let code = FleetCtl.exitCode(for: error)
        if code == .success {
            print(FleetCtl.fullMessage(for: error))
            return ExitStatus.ok.rawValue
        }
        if code == .validationFailure {
            Console.line(FleetCtl.fullMessage(for: error))
            return ExitStatus.usage.rawValue
        }
        if let exit = error as? ExitCode { return exit.rawValue }
        Console.error("\(error)")
        return ExitStatus.error.rawValue
    }
}
