import ArgumentParser
import FleetCtlKit
import LocalServices

struct HomeOptions: ParsableArguments {
    @Option(help: "Directory of the local fleet. [FLEET_HOME, else .fleet]")
    var home: String?

    var directory: ServiceHome { ServiceHome(home ?? Environment.value("FLEET_HOME") ?? ".fleet") }

    func fleet(progress: @escaping @Sendable (String) -> Void = { Console.line($0) }) -> LocalFleet {
        LocalFleet(
            home: directory,
            binaries: FleetBinaries(directory: Environment.value("FLEET_BIN")),
            environment: Environment.all,
            progress: progress
        )
    }
}
