/// Times as people write them on a command line: `500ms`, `10s`, `2m`, `1h`; a bare number is seconds.
public enum DurationText {
    public static func parse(_ text: String) -> Duration? {
        let number = text.prefix { $0.isNumber || $0 == "." }
        guard let value = Double(number), value.isFinite, value >= 0, value < 1e9 else { return nil }
        let factor: Double? =
            switch text.dropFirst(number.count) {
            case "ms": 0.001
            case "", "s": 1
            case "m": 60
            case "h": 3600
            default: nil
            }
        return factor.map { .milliseconds(Int64((value * $0 * 1000).rounded())) }
    }
}

/// Numbers for people.
public enum NumberText {
    /// `12,345`.
    public static func grouped(_ value: some BinaryInteger) -> String {
        let digits = String(value.magnitude)
        var out = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { out.append(",") }
            out.append(digit)
        }
        return value < 0 ? "-" + out : out
    }

    /// Six characters at most: `99999`, `123.4k`, `45.6M`, `7.8G`.
    public static func short(_ value: Int64) -> String {
        switch value {
        case ..<100_000: String(value)
        case ..<1_000_000: fixed(Double(value) / 1e3) + "k"
        case ..<1_000_000_000: fixed(Double(value) / 1e6) + "M"
        default: fixed(Double(value) / 1e9) + "G"
        }
    }

    /// With so many digits after the point.
    public static func fixed(_ value: Double, _ places: Int = 1) -> String {
        guard value.isFinite else { return "–" }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = Int64((abs(value) * scale).rounded())
        let whole = scaled / Int64(scale)
        let sign = value < 0 && scaled != 0 ? "-" : ""
        if places == 0 { return "\(sign)\(whole)" }
        let rest = String(scaled % Int64(scale))
        return "\(sign)\(whole)." + String(repeating: "0", count: places - rest.count) + rest
    }

    /// `23 MB` from bytes.
    public static func megabytes(_ bytes: Int64) -> String { "\(bytes / 1_000_000) MB" }

    /// `4s`, `12m`, `3h`, `5d` from milliseconds.
    public static func age(milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds / 1000)
        switch seconds {
        case ..<120: return "\(seconds)s"
        case ..<7200: return "\(seconds / 60)m"
        case ..<172_800: return "\(seconds / 3600)h"
        default: return "\(seconds / 86_400)d"
        }
    }
}

extension Duration {
    /// In milliseconds, with fractions.
    public var inMilliseconds: Double {
        Double(components.seconds) * 1000 + Double(components.attoseconds) / 1e15
    }
    /// In seconds, with fractions.
    public var inSeconds: Double { inMilliseconds / 1000 }
}
