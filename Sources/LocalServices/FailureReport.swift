/// Reads why a server did not start from what it logged.
enum FailureReport {
    /// - Parameters:
    ///   - output: the end of the server's log.
    ///   - log: where the rest of it is.
    static func error(_ service: String, output: String, log: String) -> ServiceError {
        let lower = output.lowercased()
        if lower.contains("no space left on device") || lower.contains("enospc") {
            return ServiceError(
                .diskFull,
                service,
                "did not start: the disk is full",
                advice: "free some space, or choose another home with --home (log: \(log))"
            )
        }
        if lower.contains("address already in use") || lower.contains("eaddrinuse") {
            return ServiceError(
                .portTaken,
                service,
                "did not start: its port is taken by another program",
                advice: "stop that program, or take other ports with `fleetctl services up --new-ports` (log: \(log))"
            )
        }
        return ServiceError(
            .didNotStart,
            service,
            "did not start: \(tellingLine(in: output) ?? "it said nothing")",
            advice: "see \(log)"
        )
    }

    /// The last line that names a failure, else the last line at all, without its time stamp; at most 200 characters.
    static func tellingLine(in output: String) -> String? {
        let lines = output.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " } }.filter { !$0.isEmpty }
        let words = ["FATAL:", "PANIC:", "[error]", "error:", "ERROR:"]
        let line = lines.last { line in words.contains { line.contains($0) } } ?? lines.last
        guard var line else { return nil }
        for word in ["FATAL:", "PANIC:", "[error]"] {
            if let range = firstRange(of: word, in: line) { line = line[range...] }
        }
        return String(line.prefix(200))
    }

    private static func firstRange(of word: String, in line: Substring) -> Substring.Index? {
        line.indices.first { line[$0...].hasPrefix(word) }
    }
}
