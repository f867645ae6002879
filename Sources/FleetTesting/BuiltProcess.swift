import Foundation
import Synchronization

/// One of the project's own executables, started for a test as it would be in production: a real process with its
/// environment, its stderr kept, killed when the test lets go of it.
public final class BuiltProcess: Sendable {
    // Foundation's Process is not Sendable; it is only touched under this lock.
    private let process: Mutex<ProcessBox>
    private let output: Output
    public let pid: Int32

    private struct ProcessBox: @unchecked Sendable {
        // @unchecked: reached through the Mutex alone.
        let process: Process
    }

    public struct NotBuilt: Error, CustomStringConvertible {
        public let description: String
    }

    /// The last part of what a process wrote, for the message of a failed test.
    private final class Output: Sendable {
        private struct State {
            var bytes: [UInt8] = []
            var waiters: [(text: String, continuation: CheckedContinuation<Bool, Never>)] = []
            var isOver = false
        }
        private let state = Mutex(State())
        private static let bound = 1 << 20

        func append(_ data: Data) {
            let ready = state.withLock { state in
                state.bytes.append(contentsOf: data)
                if data.isEmpty { state.isOver = true }
                if state.bytes.count > Self.bound { state.bytes.removeFirst(state.bytes.count - Self.bound) }
                let text = String(decoding: state.bytes, as: UTF8.self)
                let isOver = state.isOver
                let ready = state.waiters.filter { isOver || text.contains($0.text) }
                state.waiters.removeAll { isOver || text.contains($0.text) }
                return ready.map { ($0.continuation, text.contains($0.text)) }
            }
            for (continuation, found) in ready { continuation.resume(returning: found) }
        }

        /// The other end of the pipe is closed, so that nothing more comes.
        var isOver: Bool { state.withLock { $0.isOver } }

        var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }

        func wait(for text: String) async -> Bool {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if String(decoding: state.bytes, as: UTF8.self).contains(text) { return true }
                    if state.isOver { return false }
                    state.waiters.append((text, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        }
    }

    /// - Parameters:
    ///   - name: as built: `bot-worker`, `telegram-simulator`, …
    ///   - environment: on top of the test's own.
    public convenience init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        try self.init(at: Self.locate(name), arguments, environment: environment)
    }

    /// Any other program, for those that are measured beside the project's own.
    public init(at executable: URL, _ arguments: [String], environment: [String: String] = [:]) throws {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardError = pipe
        let output = Output()
        pipe.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            output.append(data)
            if data.isEmpty { handle.readabilityHandler = nil }
        }
        try process.run()
        pid = process.processIdentifier
        self.output = output
        self.process = Mutex(ProcessBox(process: process))
    }

    deinit { kill(pid, SIGKILL) }

    /// What it wrote to stderr, at least its end.
    public var stderr: String { output.text }

    /// Waits until stderr holds `text`. `false`: the process ended without it.
    public func writes(_ text: String) async -> Bool { await output.wait(for: text) }

    public var hasEnded: Bool { process.withLock { !$0.process.isRunning } }

    public func signal(_ signal: Int32) { kill(pid, signal) }

    /// Waits for its end, and for what it wrote last, unless a child of its own keeps stderr open.
    /// - Returns: the exit status, or minus the signal that killed it.
    public func exit() async -> Int32 {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let process = self.process.withLock { $0 }.process
                process.waitUntilExit()
                let deadline = ContinuousClock.now + .seconds(1)
                while !self.output.isOver, ContinuousClock.now < deadline { usleep(1000) }
                let status = process.terminationStatus
                continuation.resume(returning: process.terminationReason == .exit ? status : -status)
            }
        }
    }

    /// In `FLEET_BIN`, or beside the test bundle, where the package manager puts them.
    public static func locate(_ name: String) throws -> URL {
        if let directory = ProcessInfo.processInfo.environment["FLEET_BIN"] {
            return URL(fileURLWithPath: directory).appendingPathComponent(name)
        }
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for _ in 0..<4 {
            let candidate = folder.appendingPathComponent(name)
            if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
            folder.deleteLastPathComponent()
        }
        let fallback = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
            .appendingPathComponent(".build/debug/\(name)")
        if FileManager.default.isExecutableFile(atPath: fallback.path) { return fallback }
        throw NotBuilt(description: "\(name) is not built; `swift build` makes it")
    }
}
