/// Where the answer to a long poll goes. It is called at most once, from any thread.
public protocol PollSink: AnyObject, Sendable {
    func finish(_ reply: Reply)
}

/// The one getUpdates request that waits.
struct WaitingPoll: Sendable {
    let id: UInt64
    let limit: Int
    let sink: any PollSink
}

/// The parameters of getUpdates. Bot API, "getUpdates".
struct PollRequest: Sendable {
    var offset: Int64 = 0
    /// 1…100.
    var limit = 100
    /// Seconds.
    var timeout = 0
    /// `nil` leaves the set as it was.
    var allowed: AllowedUpdates?

    /// Telegram holds a poll no longer than this, in seconds.
    static let maximumTimeout = 50

    init(_ parameters: Parameters) throws(APIError) {
        offset = parameters.integer("offset") ?? 0
        if let limit = parameters.integer("limit"), (1...100).contains(limit) { self.limit = Int(limit) }
        timeout = Int(min(max(parameters.integer("timeout") ?? 0, 0), Int64(Self.maximumTimeout)))
        allowed = try AllowedUpdates(parameters)
    }
}

/// What came of getUpdates.
enum PollOutcome: Sendable {
    case reply(Reply)
    /// The answer comes through the sink, or by ``BotState/expirePoll(_:now:)`` after so many seconds.
    case wait(id: UInt64, seconds: Int)
}

/// An answer to a poll that waited, to be given after the lock is released.
struct PollAnswer: Sendable {
    let sink: any PollSink
    let reply: Reply
    func give() { sink.finish(reply) }
}

extension BotState {
    mutating func getUpdates(
        _ request: PollRequest,
        sink: () -> any PollSink,
        now: Int64
    ) -> (outcome: PollOutcome, terminated: PollAnswer?) {
        if webhook != nil {
            counts.refused[Method.getUpdates.index] += 1
            return (.reply(Reply(.webhookActive)), nil)
        }
        let terminated = endPoll(with: .otherPoller)
        if let allowed = request.allowed { self.allowed = allowed.kinds }
        expire(now: now)
        confirm(queue.confirm(offset: request.offset), now: now)
        if !queue.isEmpty || request.timeout == 0 {
            return (.reply(handOut(limit: request.limit, now: now)), terminated)
        }
        lastPollID += 1
        poll = WaitingPoll(id: lastPollID, limit: request.limit, sink: sink())
        return (.wait(id: lastPollID, seconds: request.timeout), terminated)
    }

    /// The answer for the waiting poll, if there is one and something to give it.
    mutating func wakePoll(now: Int64) -> PollAnswer? {
        guard let poll, !queue.isEmpty else { return nil }
        self.poll = nil
        return PollAnswer(sink: poll.sink, reply: handOut(limit: poll.limit, now: now))
    }

    /// The timeout of a poll has passed; `nil` when it was answered before.
    mutating func expirePoll(_ id: UInt64, now: Int64) -> PollAnswer? {
        guard let poll, poll.id == id else { return nil }
        self.poll = nil
        return PollAnswer(sink: poll.sink, reply: handOut(limit: poll.limit, now: now))
    }

    /// The client of a poll has gone.
    mutating func abandonPoll(_ id: UInt64) {
        if poll?.id == id { poll = nil }
    }

    mutating func endPoll(with error: APIError) -> PollAnswer? {
        guard let poll else { return nil }
        self.poll = nil
        return PollAnswer(sink: poll.sink, reply: Reply(error))
    }

    mutating func expire(now: Int64) { discard(queue.expire(now: now)) }

    mutating func confirm(_ updates: [PendingUpdate], now: Int64) {
        counts.confirmed += Int64(updates.count)
        for update in updates { log.update(update.sequence) { $0.confirmedAt = now } }
    }

    private mutating func handOut(limit: Int, now: Int64) -> Reply {
        let count = min(limit, queue.count)
        var size = 32
        for index in 0..<count { size += queue[index].body.count + 1 }
        var out = JSONWriter(reserving: size)
        out.raw("{\"ok\":true,\"result\":[")
        for index in 0..<count {
            if index > 0 { out.raw(",") }
            let update = queue[index]
            out.json(update.body)
            markHandedOut(update, now: now)
        }
        out.raw("]}")
        return Reply(body: out.bytes)
    }

    mutating func markHandedOut(_ update: PendingUpdate, now: Int64) {
        var again = false
        log.update(update.sequence) { entry in
            again = entry.handedOutTimes > 0
            if !again { entry.handedOutAt = now }
            entry.handedOutTimes += 1
        }
        if again { counts.handedOutAgain += 1 } else { counts.handedOut += 1 }
    }
}
