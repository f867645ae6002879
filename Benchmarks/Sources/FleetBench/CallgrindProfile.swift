import Foundation

/// What callgrind wrote: instructions in all, and by the part of the worker that executed them.
///
/// The format is described in valgrind's manual, "Callgrind Format Specification". Only the costs of functions
/// themselves are summed, so what a part has done for it by the allocator or by Swift's runtime counts there.
struct CallgrindProfile {
    private(set) var total = 0
    private(set) var parts: [String: Int] = [:]

    init(contentsOf path: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        var names: [Substring: String] = [:]
        var objects: [Substring: String] = [:]
        var library: String?
        var part = "other"
        var isInclusive = false
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            guard let first = line.first else { continue }
            if Self.startsCost(first) {
                // A line of costs: position, instructions. After `calls=` it is what the called function cost.
                if isInclusive {
                    isInclusive = false
                    continue
                }
                let cost = line.split(separator: UInt8(ascii: " ")).dropFirst().first
                guard let cost, let count = Int(String(decoding: cost, as: UTF8.self)) else { continue }
                total += count
                parts[part, default: 0] += count
            } else if line.starts(with: "calls=".utf8) {
                isInclusive = true
            } else if line.starts(with: "fn=".utf8) || line.starts(with: "cfn=".utf8) {
                guard let (key, name) = Self.reference(line) else { continue }
                if !name.isEmpty { names[key] = Self.part(of: name) }
                if first == UInt8(ascii: "f") { part = library ?? names[key] ?? "other" }
            } else if line.starts(with: "ob=".utf8) || line.starts(with: "cob=".utf8) {
                guard let (key, name) = Self.reference(line) else { continue }
                if !name.isEmpty { objects[key] = Self.libraries.first { name.contains($0.name) }?.part }
                if first == UInt8(ascii: "o") { library = objects[key] }
            }
        }
        if total == 0 { throw BenchError("callgrind counted nothing") }
    }

    private static func startsCost(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "*")
    }

    /// `fn=(12) name` the first time, `fn=(12)` from then on.
    private static func reference(_ line: Substring.UTF8View) -> (key: Substring, name: Substring)? {
        let value = Substring(line.drop { $0 != UInt8(ascii: "(") })
        guard let end = value.firstIndex(of: ")") else { return nil }
        return (value[...end], value[value.index(after: end)...].drop { $0 == " " })
    }

    /// All of a library counts for what it serves; its own functions often have no names.
    private static let libraries: [(name: Substring, part: String)] = [
        ("libcurl", "sending"), ("libnghttp2", "sending"), ("librabbitmq", "broker"), ("libpq", "database"),
    ]

    private static func part(of function: Substring) -> String {
        for (part, marks) in marks where marks.contains(where: { function.contains($0) }) { return part }
        return "other"
    }

    /// By what a function's symbol contains; the first that fits counts. Swift's symbols carry the module's name behind
    /// its length.
    private static let marks: [(part: String, marks: [String])] = [
        ("hashing", ["Hasher", "RawDictionaryStorage", "_NativeDictionary", "HashTable", "_NativeSet"]),
        (
            "memory",
            [
                "malloc", "free", "swift_retain", "swift_release", "swift_allocObject", "swift_dealloc", "memmove",
                "memcpy", "memset", "RefCount", "swift_slowAlloc", "swift_slowDealloc", "bridgeObject",
                "isUniquelyReferenced", "realloc", "calloc", "swift_arrayInit", "swift_arrayDestroy",
            ]
        ),
        (
            "tasks",
            [
                "swift_task", "swift_job", "TaskAllocator", "TaskGroup", "AsyncTask", "swift_continuation",
                "ExecutorTrackingInfo", "AccessSet", "swift_beginAccess", "swift_endAccess", "dispatch", "pthread",
                "DefaultActor", "TaskLocal",
            ]
        ),
        ("text_and_json", ["10FleetModel", "JSONText", "JSONScanner"]),
        ("handler", ["6BotKit"]),
        ("sending", ["11TelegramAPI", "13HTTPTransport", "9SendQueue", "12FloodControl"]),
        ("lane", ["13WorkerRuntime"]),
        ("broker", ["6Broker"]),
        ("database", ["5Store"]),
    ]
}
