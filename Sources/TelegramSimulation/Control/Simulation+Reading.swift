import Synchronization

extension Simulation {
    /// Entries of one answer of the log or the transcript.
    static let readLimit = 100_000
    static let defaultReadLimit = 1000

    /// `GET /sim/bots/{id}/log?after=SEQ&limit=N`.
    func readLog(_ request: ControlRequest, _ bot: SimulatedBot) -> Reply {
        read(request, bot, include: { _ in true }) { entry, sequence, out in entry.write(sequence: sequence, to: &out) }
    }

    /// `GET /sim/bots/{id}/transcript?chat=ID&after=SEQ&limit=N`.
    func readTranscript(_ request: ControlRequest, _ bot: SimulatedBot) -> Reply {
        let chat = request.query.integer("chat")
        return read(request, bot, include: { chat == nil || $0.chat == chat }) { entry, sequence, out in
            entry.writeTranscript(sequence: sequence, to: &out)
        }
    }

    private func read(
        _ request: ControlRequest,
        _ bot: SimulatedBot,
        include: (borrowing LogEntry) -> Bool,
        write: (borrowing LogEntry, Int64, inout JSONWriter) -> Void
    ) -> Reply {
        let after = request.query.integer("after") ?? 0
        let asked = Int(clamping: request.query.integer("limit") ?? Int64(Self.defaultReadLimit))
        let limit = min(max(asked, 1), Self.readLimit)
        let snapshot = bot.state.withLock { $0.log.snapshot(after: after) }
        var out = JSONWriter(reserving: 1 << 16)
        out.raw("{\"ok\":true,\"entries\":[")
        var taken = 0
        var last = max(after, 0)
        snapshot.forEach { sequence, entry in
            last = sequence
            if include(entry) {
                write(entry, sequence, &out)
                taken += 1
            }
            return taken < limit
        }
        out.raw("]")
        // Where the next request goes on, what there is, and whether something older is gone for good.
        out.member("next", last)
        out.member("last_seq", snapshot.last)
        out.member("dropped", snapshot.dropped)
        out.raw("}")
        return Reply(body: out.bytes)
    }

    /// `GET /sim/counts`, of all bots or of `?bot=ID`.
    func readCounts(_ request: ControlRequest) throws(APIError) -> Reply {
        var chosen = bots
        if let text = request.query.text("bot") {
            guard let id = Int64(text), let bot = bot(id: id) else {
                throw APIError(404, "Not Found: no bot has the id \(text)")
            }
            chosen = [bot]
        }
        var total = Tally()
        var perBot = JSONWriter(reserving: 256 * chosen.count)
        for bot in chosen {
            let tally = bot.state.withLock { Tally($0) }
            total.add(tally)
            perBot.comma()
            perBot.raw("{")
            perBot.member("id", bot.identity.id)
            tally.write(to: &perBot)
            perBot.raw("}")
        }
        var out = JSONWriter(reserving: perBot.bytes.count + 2048)
        out.raw("{\"ok\":true,\"total\":{")
        total.write(to: &out)
        out.raw("},\"bots\":[")
        // No comma is wanted between the bracket and the first element, nor after the last.
        out.json(perBot.bytes)
        out.raw("]}")
        return Reply(body: out.bytes)
    }
}

/// Counts of one bot, or of several added up.
private struct Tally: Sendable {
    var counts = BotCounts()
    var pending: Int64 = 0
    var logged: Int64 = 0
    var dropped: Int64 = 0

    init() {}

    init(_ state: borrowing BotState) {
        counts = state.counts
        pending = Int64(state.queue.count)
        logged = Int64(state.log.count)
        dropped = state.log.dropped
    }

    mutating func add(_ other: Tally) {
        counts.injected += other.counts.injected
        counts.filtered += other.counts.filtered
        counts.handedOut += other.counts.handedOut
        counts.handedOutAgain += other.counts.handedOutAgain
        counts.confirmed += other.counts.confirmed
        counts.discarded += other.counts.discarded
        counts.messages += other.counts.messages
        counts.tooManyRequests += other.counts.tooManyRequests
        counts.webhookFailures += other.counts.webhookFailures
        for index in counts.calls.indices {
            counts.calls[index] += other.counts.calls[index]
            counts.refused[index] += other.counts.refused[index]
        }
        pending += other.pending
        logged += other.logged
        dropped += other.dropped
    }

    func write(to out: inout JSONWriter) {
        out.member("injected", counts.injected)
        out.member("filtered", counts.filtered)
        out.member("handed_out", counts.handedOut)
        out.member("handed_out_again", counts.handedOutAgain)
        out.member("confirmed", counts.confirmed)
        out.member("discarded", counts.discarded)
        out.member("pending", pending)
        out.member("messages", counts.messages)
        out.member("too_many_requests", counts.tooManyRequests)
        out.member("webhook_failures", counts.webhookFailures)
        out.member("log_entries", logged)
        out.member("log_dropped", dropped)
        out.key("calls")
        Self.write(counts.calls, to: &out)
        out.key("refused")
        Self.write(counts.refused, to: &out)
    }

    /// Only the methods that were called.
    private static func write(_ numbers: [Int64], to out: inout JSONWriter) {
        out.raw("{")
        for method in Method.allCases where numbers[method.index] > 0 {
            out.comma()
            out.text(method.name)
            out.raw(":")
            out.number(numbers[method.index])
        }
        out.raw("}")
    }
}
