import FleetCtlKit

/// What a run was, did and found. Written as JSON; ``text`` is for people.
public struct ChaosReport: Sendable, Codable {
    public var seed: UInt64
    public var seconds: Int
    /// Does the same again.
    public var command: String
    /// Faults that were done.
    public var faults = 0
    /// The same by kind.
    public var kinds: [String: Int] = [:]
    /// Why a kind was left out.
    public var skipped: [String: String] = [:]
    public var audit: AuditResult
    /// From the making of a message to its first reply.
    public var latency: LatencySummary?
    public var timeline: [TimelineEntry]
    /// How often the coordinator was started.
    public var coordinatorStarts = 0
    /// Everything was answered before the time at the end was over.
    public var settled = true
    public var isRight: Bool

    public init(
        options: ChaosOptions, evidence: Evidence, timeline: [TimelineEntry], settled: Bool, coordinatorStarts: Int
    ) {
        seed = options.seed
        seconds = options.seconds
        command = options.command
        self.settled = settled
        self.coordinatorStarts = coordinatorStarts
        let recovery = Recovery(evidence)
        self.timeline = timeline.sorted { $0.start < $1.start }.map { entry in
            var entry = entry
            entry.recoveryMilliseconds = recovery.milliseconds(after: entry)
            return entry
        }
        for entry in timeline where entry.applied { kinds[entry.kind.rawValue, default: 0] += 1 }
        faults = timeline.count { $0.applied }
        for entry in timeline where !entry.applied && kinds[entry.kind.rawValue] == nil {
            skipped[entry.kind.rawValue] = entry.note
        }
        audit = ChaosAudit(evidence: evidence, timeline: timeline).result()
        var latencies = LatencyHistogram()
        var seen: Set<MessageKey> = []
        let made = Dictionary(evidence.updates.map { (MessageKey($0), $0.at) }) { first, _ in first }
        for reply in evidence.replies where seen.insert(MessageKey(reply)).inserted {
            if let at = made[MessageKey(reply)] { latencies.add(milliseconds: Double(reply.at - at) / 1000) }
        }
        latency = latencies.summary
        isRight = audit.isClean
    }

    // MARK: For people

    public var text: String {
        var lines = timelineLines
        lines.append("")
        lines += kindLines
        lines.append("")
        lines += repeatLines
        lines += audit.violations.map { violation in
            let chat = violation.chat.map { " chat \($0)" } ?? ""
            let update = violation.updateID.map { " update \($0)" } ?? ""
            return "\(violation.offence.rawValue): \(violation.bot)\(chat)\(update): \(violation.text)"
        }
        lines.append("")
        lines += summary
        return lines.joined(separator: "\n") + "\n"
    }

    private func clock(_ microseconds: Int64) -> String {
        let start = timeline.first?.start ?? microseconds
        return NumberText.fixed(Double(microseconds - start) / 1_000_000, 1)
    }

    private var timelineLines: [String] {
        var table = TextTable([
            .init("#", .right), .init("FROM", .right), .init("TO", .right), .init("BACK", .right), .init("FAULT"),
            .init("WHAT"),
        ])
        for entry in timeline {
            let back = entry.recoveryMilliseconds.map { NumberText.fixed(Double($0) / 1000, 1) } ?? "never"
            table.add([
                "\(entry.number)", clock(entry.start), clock(entry.end), entry.applied ? back : "-", entry.text,
                entry.applied ? entry.note : "left out: \(entry.note)",
            ])
        }
        return [
            "seconds from the first fault; BACK: from a fault's end until all messages made before it were answered",
            "",
        ]
            + table.rendered(width: 160).split(separator: "\n").map(String.init)
    }

    private var kindLines: [String] {
        var table = TextTable([
            .init("KIND"), .init("FAULTS", .right), .init("BACK, MEDIAN", .right), .init("BACK, MAX", .right),
        ])
        for (kind, count) in kinds.sorted(by: { $0.key < $1.key }) {
            let times = timeline.filter { $0.applied && $0.kind.rawValue == kind }.map {
                $0.recoveryMilliseconds ?? .max
            }.sorted()
            func text(_ value: Int) -> String {
                value == .max ? "never" : NumberText.fixed(Double(value) / 1000, 1) + " s"
            }
            table.add([kind, "\(count)", text(times[times.count / 2]), text(times[times.count - 1])])
        }
        for (kind, why) in skipped.sorted(by: { $0.key < $1.key }) { table.add([kind, "0", "", "", why]) }
        return table.rendered(width: 100).split(separator: "\n").map(String.init)
            + skipped.sorted { $0.key < $1.key }.map { "left out: \($0.key): \($0.value)" }
    }

    /// One line a cause, and one for each that has none; the JSON lists all.
    private var repeatLines: [String] {
        let byCause = Dictionary(grouping: audit.repeats.filter { $0.cause != nil }) { $0.cause ?? "" }
        let explained = byCause.sorted { ($0.value[0].fault ?? 0, $0.key) < ($1.value[0].fault ?? 0, $1.key) }.map {
            "sent again \($0.value.count) times: \($0.key)"
        }
        return explained
            + audit.repeats.filter { $0.cause == nil }.map { item in
                "sent again WITHOUT A CAUSE: \(item.bot) chat \(item.chat) update \(item.updateID ?? 0) "
                    + "at \(clock(item.first)) and \(clock(item.again))"
            }
    }

    private var summary: [String] {
        let explained = audit.repeats.count { $0.cause != nil }
        return [
            "faults \(faults), updates \(audit.injected), settled \(audit.settled), replied \(audit.replied)"
                + (latency.map { "; reply after \($0.text)" } ?? ""),
            "lost \(audit[.lost]), twice in the database \(audit[.twice]), out of order \(audit[.disorder]), "
                + "left over \(audit[.left]), sent again with a cause \(explained), without one \(audit[.unexplained])",
            (isRight ? "RIGHT" : "WRONG") + "; again: \(command)",
        ]
    }
}
