import FleetModel
import Glibc
import Logging
import Synchronization

/// One line on stderr per event, for people on a terminal or, with `FLEET_LOG_FORMAT=json`, for machines. The keys of
/// the JSON form are stable: `time`, `level`, `process`, `message`, and the metadata's own.
///
/// The level is one for the whole process and can be changed while it runs (``setLevel(_:)``).
public struct FleetLogHandler: LogHandler {
    public enum Format: String, Sendable {
        case text, json
    }

    private let label: String
    private let format: Format
    public var metadata = Logger.Metadata()

    private static let level = Mutex(Logger.Level.info)

    init(label: String, format: Format) {
        self.label = label
        self.format = format
    }

    /// Makes this the process's log; call it once, first thing. Level and format come from `FLEET_LOG_LEVEL` and
    /// `FLEET_LOG_FORMAT`.
    public static func bootstrap(_ label: String) -> Logger {
        let format = environment("FLEET_LOG_FORMAT").flatMap(Format.init(rawValue:)) ?? .text
        if let level = environment("FLEET_LOG_LEVEL").flatMap(Logger.Level.init(rawValue:)) { setLevel(level) }
        LoggingSystem.bootstrap { FleetLogHandler(label: $0, format: format) }
        return Logger(label: label)
    }

    public static func setLevel(_ level: Logger.Level) { self.level.withLock { $0 = level } }

    public var logLevel: Logger.Level {
        get { Self.level.withLock { $0 } }
        set { Self.setLevel(newValue) }
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var all = metadata
        if let extra = event.metadata { all.merge(extra) { _, new in new } }
        let fields = all.map { (key: $0.key, value: "\($0.value)") }.sorted { $0.key < $1.key }
        var line = Self.line(
            format,
            time: .now,
            level: event.level,
            label: label,
            message: "\(event.message)",
            fields: fields
        )
        line.append(UInt8(ascii: "\n"))
        // One write per line, so that lines of several processes on one pipe do not mix.
        line.withUnsafeBytes { _ = write(2, $0.baseAddress, $0.count) }
    }

    static func line(
        _ format: Format,
        time: Timestamp,
        level: Logger.Level,
        label: String,
        message: String,
        fields: [(key: String, value: String)]
    ) -> [UInt8] {
        switch format {
        case .json:
            var out: [UInt8] = Array("{\"time\":\"\(time)\",\"level\":\"\(level)\",\"process\":".utf8)
            JSONText.append(label, to: &out)
            JSONText.append(raw: ",\"message\":", to: &out)
            JSONText.append(message, to: &out)
            for field in fields {
                out.append(UInt8(ascii: ","))
                JSONText.append(field.key, to: &out)
                out.append(UInt8(ascii: ":"))
                JSONText.append(field.value, to: &out)
            }
            out.append(UInt8(ascii: "}"))
            return out
        case .text:
            let tail = fields.map { " \($0.key)=\($0.value)" }.joined()
            let text = "\(time) \(level.rawValue) \(label): \(message)\(tail)"
            return text.utf8.map { $0 == 10 || $0 == 13 ? 32 : $0 }
        }
    }

    private static func environment(_ name: String) -> String? {
        guard let raw = getenv(name) else { return nil }
        return String(cString: raw)
    }
}
