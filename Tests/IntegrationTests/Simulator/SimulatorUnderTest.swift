import Foundation
import Glibc
import HTTPTransport

/// A telegram-simulator process on a free port of the loopback interface. ``stop()`` ends it.
final class SimulatorUnderTest {
    private let process = Process()
    private let errors = Pipe()
    let url: String
    let port: Int

    /// It has to say that it listens within this time.
    static let deadline = 20

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// The executable stands beside the test bundle, which is itself an executable on Linux.
    static func executable(_ name: String) throws -> URL {
        let bundle = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        let url = bundle.deletingLastPathComponent().appendingPathComponent(name)
        guard FileManager.default.isExecutableFile(atPath: url.path) else {
            throw Failure(description: "\(url.path) is missing: build all products before the tests run")
        }
        return url
    }

    init(_ arguments: [String] = []) throws {
        process.executableURL = try Self.executable("telegram-simulator")
        process.arguments = ["--listen", "127.0.0.1:0", "--seed", "1"] + arguments
        process.standardError = errors
        try process.run()
        let identifier = process.processIdentifier
        let watchdog = DispatchWorkItem { kill(identifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Self.deadline), execute: watchdog)
        let line = Self.readLine(errors.fileHandleForReading)
        watchdog.cancel()
        let words = line.split(separator: " ")
        guard let url = words.first(where: { $0.hasPrefix("http://") }).map(String.init),
            let port = url.split(separator: ":").last.flatMap({ Int($0) })
        else {
            process.terminate()
            process.waitUntilExit()
            throw Failure(description: "the simulator said: \(line)")
        }
        self.url = url
        self.port = port
    }

    /// SIGTERM; returns the exit code.
    @discardableResult func stop() -> Int32 {
        process.terminate()
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Runs one that is expected to end by itself; returns its exit code and what it said.
    static func run(_ arguments: [String]) throws -> (code: Int32, text: String) {
        let process = Process()
        let errors = Pipe()
        process.executableURL = try executable("telegram-simulator")
        process.arguments = arguments
        process.standardError = errors
        try process.run()
        let identifier = process.processIdentifier
        let watchdog = DispatchWorkItem { kill(identifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(deadline), execute: watchdog)
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        watchdog.cancel()
        return (process.terminationStatus, text)
    }

    private static func readLine(_ file: FileHandle) -> String {
        var line: [UInt8] = []
        while let byte = try? file.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }
}
