#if canImport(Glibc)
import Glibc
#endif

/// A moment: milliseconds since 1970-01-01T00:00:00Z. In JSON it is ISO 8601 with milliseconds, in UTC.
public struct Timestamp: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// Milliseconds from `earlier` to this.
    public func milliseconds(since earlier: Timestamp) -> Int64 { milliseconds - earlier.milliseconds }

    public var description: String {
        var seconds = time_t(milliseconds / 1000)
        var rest = milliseconds % 1000
        if rest < 0 {
            rest += 1000
            seconds -= 1
        }
        var fields = tm()
        gmtime_r(&seconds, &fields)
        func pad(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date =
            "\(pad(Int(fields.tm_year) + 1900, 4))-\(pad(Int(fields.tm_mon) + 1, 2))-\(pad(Int(fields.tm_mday), 2))"
        let time = "\(pad(Int(fields.tm_hour), 2)):\(pad(Int(fields.tm_min), 2)):\(pad(Int(fields.tm_sec), 2))"
        return "\(date)T\(time).\(pad(Int(rest), 3))Z"
    }

    /// Reads what `description` writes; fractions and their absence are both taken.
    public init?(_ text: String) {
        let parts = text.split(whereSeparator: { "-T:.Z".contains($0) })
        guard text.hasSuffix("Z"), parts.count == 6 || parts.count == 7 else { return nil }
        let numbers = parts.prefix(6).compactMap { Int32($0) }
        // Years of four digits only, so that no arithmetic on a stranger's time can overflow.
        guard numbers.count == 6, parts[0].count == 4, (0...9999).contains(numbers[0]),
            (1...12).contains(numbers[1]), (1...31).contains(numbers[2]), (0...23).contains(numbers[3]),
            (0...59).contains(numbers[4]), (0...60).contains(numbers[5])
        else { return nil }
        var fields = tm()
        fields.tm_year = numbers[0] - 1900
        fields.tm_mon = numbers[1] - 1
        fields.tm_mday = numbers[2]
        fields.tm_hour = numbers[3]
        fields.tm_min = numbers[4]
        fields.tm_sec = numbers[5]
        var rest: Int64 = 0
        if parts.count == 7 {
            guard let value = Int64((String(parts[6]) + "000").prefix(3)), value >= 0 else { return nil }
            rest = value
        }
        milliseconds = Int64(timegm(&fields)) * 1000 + rest
    }
}

extension Timestamp: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a UTC time: \(text)")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
