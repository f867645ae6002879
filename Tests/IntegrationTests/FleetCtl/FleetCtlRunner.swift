import FleetTesting
import Foundation
import Testing

/// Runs the built `fleetctl` as a person would, and keeps what it says.
struct FleetCtlRunner: Sendable {
    let home: String

    struct Answer: Sendable {
        let status: Int32
        let out: String
        let err: String
        var all: String { out + err }

        /// stdout as JSON, when the command was asked for that.
        func decoded<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
            try JSONDecoder().decode(type, from: Data(out.utf8))
        }
    }

    /// - Parameter input: what it reads from stdin.
    @discardableResult
    func run(
        _ arguments: [String],
        input: String = "",
        home: String? = nil,
        environment: [String: String] = [:]
    ) async throws -> Answer {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ctl-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String, _ text: String = "") throws -> FileHandle {
            let url = folder.appendingPathComponent(name)
            try Data(text.utf8).write(to: url)
            return try FileHandle(forUpdating: url)
        }
        let process = Process()
        process.executableURL = try BuiltProcess.locate("fleetctl")
        process.arguments = arguments + ["--home", home ?? self.home]
        // Servers of its own, whatever the tests around it use.
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("FLEET_") }
            .merging(environment) { _, new in new }
        // Files, not pipes: what it leaves running in the background could keep a pipe open.
        process.standardInput = try file("in", input)
        process.standardOutput = try file("out")
        process.standardError = try file("err")
        let status: Int32 = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = {
                continuation.resume(
                    returning: $0.terminationReason == .exit ? $0.terminationStatus : -$0.terminationStatus)
            }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        func text(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
        }
        return Answer(status: status, out: try text("out"), err: try text("err"))
    }

    /// The same with `-o json`, decoded.
    func json<Value: Decodable>(_ arguments: [String], as type: Value.Type = Value.self) async throws -> Value {
        let answer = try await run(arguments + ["-o", "json"])
        try #require(answer.status == 0, "\(arguments): \(answer.all)")
        return try answer.decoded(type)
    }
}

/// What the kernel knows of processes: proc(5).
enum ProcessList {
    /// Every process but this one.
    static var ids: [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
            .filter { $0 != getpid() }
    }

    static func text(_ id: Int32, _ part: String) -> String {
        guard let data = FileManager.default.contents(atPath: "/proc/\(id)/\(part)") else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    /// Those whose command line or environment names `path`, each with the time of its start.
    static func naming(_ path: String) -> Set<String> {
        Set(
            ids.filter { text($0, "cmdline").contains(path) || text($0, "environ").contains(path) }.map(identity))
    }

    /// Of `identities`, those that still run.
    static func alive(_ identities: Set<String>) -> Set<String> { identities.intersection(ids.map(identity)) }

    /// 0 when it has ended.
    static func parent(of id: Int32) -> Int32 {
        let fields = fields(id)
        return fields.count > 1 ? Int32(fields[1]) ?? 0 : 0
    }

    /// What `stat` says after the name.
    private static func fields(_ id: Int32) -> [Substring] {
        text(id, "stat").split(separator: ")").last?.split(separator: " ") ?? []
    }

    private static func identity(_ id: Int32) -> String {
        let fields = fields(id)
        // A process that has ended and waits for its parent to notice holds nothing any more.
        guard fields.count > 19, fields[0] != "Z" else { return "\(id) ended" }
        return "\(id) \(fields[19])"
    }
}
