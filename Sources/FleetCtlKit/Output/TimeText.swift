import FleetModel

/// Moments as people write them on a command line: `2026-11-23`, `2026-11-23T08:20`, `2026-11-23T08:20:34Z`, all in
/// UTC, or how long ago: `90s`, `15m`, `2h`, `7d`.
public enum TimeText {
    public static func parse(_ text: String, now: Timestamp) -> Timestamp? {
        if let ago = age(text) { return Timestamp(milliseconds: now.milliseconds - ago) }
        var time = text.hasSuffix("Z") ? String(text.dropLast()) : text
        switch time.utf8.count {
        case 10: time += "T00:00:00"
        case 16: time += ":00"
        default: break
        }
        return Timestamp(time + "Z")
    }

    private static func age(_ text: String) -> Int64? {
        guard let unit = text.last else { return nil }
        if unit == "d" {
            guard let days = Int64(text.dropLast()), (0...100_000).contains(days) else { return nil }
            return days * 86_400_000
        }
        guard "smh".contains(unit), text.dropLast().allSatisfy(\.isNumber), let duration = DurationText.parse(text)
        else { return nil }
        return Int64(duration.inMilliseconds)
    }
}
