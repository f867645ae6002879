import DequeModule
import FleetModel
import Store
import TelegramAPI

/// What is committed and not yet sent, in order per chat: a value that says what may go out now.
///
/// One chat has one call in flight at a time, so its messages arrive in order. A call that failed for now keeps its chat
/// waiting and nobody else.
struct SendQueue {
    private struct Chat {
        var rows: Deque<OutboxRow> = []
        var isSending = false
        var attempts = 0
    }

    private var chats: [Int64: Chat] = [:]
    /// Chats whose head may go out.
    private var ready: Deque<Int64> = []
    /// Chats that wait for a moment: a rate, a `retry_after`, a pause after an error.
    private var waiting: [(at: ContinuousClock.Instant, chat: Int64)] = []
    private var inFlight: [Int64: OutboxRow] = [:]
    private var marks: [Int64] = []
    private(set) var marksSince: ContinuousClock.Instant?
    private var refusals: [EventRow] = []
    private var flood: FloodControl
    private var limit: Int
    private var isPaused: Bool
    /// Nothing of the bot goes out before.
    private var pausedUntil: ContinuousClock.Instant?
    private(set) var unsent = 0
    /// Of one chat.
    func unsent(of chat: Int64) -> Int { chats[chat]?.rows.count ?? 0 }

    init(config: BotConfig) {
        limit = config.int("send.concurrency")
        isPaused = config.bool("send.paused")
        flood = FloodControl(FloodControl.Limits(config))
    }

    mutating func configure(_ config: BotConfig) {
        limit = config.int("send.concurrency")
        isPaused = config.bool("send.paused")
        flood.limits = FloodControl.Limits(config)
    }

    /// Nothing is left to do; what is held back by `send.paused` waits in the database.
    var isIdle: Bool { (unsent == 0 || isPaused && inFlight.isEmpty) && marks.isEmpty }
    var isSending: Bool { !inFlight.isEmpty }

    // MARK: In

    mutating func enqueue(_ rows: [OutboxRow]) {
        for row in rows { append(row) }
    }

    private mutating func append(_ row: OutboxRow) {
        unsent += 1
        let isFirst = chats[row.conversation] == nil
        chats[row.conversation, default: Chat()].rows.append(row)
        if isFirst { ready.append(row.conversation) }
    }

    /// Takes the outbox as the database has it, after a claim, in place of what was known. What is in flight, or sent and
    /// not yet marked, is known better here.
    mutating func reload(_ rows: [OutboxRow]) {
        forgetWaiting()
        let sent = Set(marks)
        enqueue(rows.filter { inFlight[$0.seq] == nil && !sent.contains($0.seq) })
    }

    /// Drops what is not in flight: the database has it.
    mutating func forgetWaiting() {
        chats = chats.filter { $0.value.isSending }
        for id in chats.keys {
            guard let head = chats[id]?.rows.first else { continue }
            chats[id]?.rows = [head]
        }
        ready = []
        waiting = []
        unsent = inFlight.count
    }

    // MARK: Out

    /// Rows to send now; each must be answered with ``finished(_:_:now:)``.
    mutating func take(now: ContinuousClock.Instant) -> [OutboxRow] {
        wake(now: now)
        if isPaused { return [] }
        if let pausedUntil, now < pausedUntil { return [] }
        pausedUntil = nil
        var rows: [OutboxRow] = []
        while inFlight.count < limit, let id = ready.popFirst() {
            guard var chat = chats[id], !chat.isSending, let row = chat.rows.first else { continue }
            if row.countsAgainstLimits {
                switch flood.admit(chat: id, isGroup: id < 0, now: now) {
                case .now: break
                case .wait(let until):
                    waiting.append((until, id))
                    continue
                }
            }
            chat.isSending = true
            chats[id] = chat
            inFlight[row.seq] = row
            rows.append(row)
        }
        return rows
    }

    private mutating func wake(now: ContinuousClock.Instant) {
        guard waiting.contains(where: { $0.at <= now }) else { return }
        for item in waiting.sorted(by: { $0.at < $1.at }) where item.at <= now { ready.append(item.chat) }
        waiting.removeAll { $0.at <= now }
    }

    /// Something waits to be sent.
    var hasWaiting: Bool { !isPaused && !(ready.isEmpty && waiting.isEmpty) }

    /// When ``take(now:)`` may have something although nothing else happened.
    var nextWake: ContinuousClock.Instant? {
        if isPaused { return nil }
        let pauses = ready.isEmpty ? [] : [pausedUntil].compactMap { $0 }
        return (waiting.map(\.at) + pauses).min()
    }

    // MARK: Answers

    enum Answer {
        case sent
        /// Telegram asks for a pause; the flood control works out of whom.
        case rateLimited(Duration)
        /// Try again: the network, a 5xx.
        case failed
        /// It will never go out.
        case refused(String)
        /// The token is not accepted; nothing of this bot goes out for a while.
        case unauthorized
    }

    static let unauthorizedPause: Duration = .seconds(30)

    mutating func finished(_ seq: Int64, _ answer: Answer, now: ContinuousClock.Instant) {
        guard let row = inFlight.removeValue(forKey: seq) else { return }
        let id = row.conversation
        chats[id]?.isSending = false
        switch answer {
        case .sent:
            done(row, now: now)
        case .refused(let reason):
            refusals.append(
                EventRow(
                    conversation: id,
                    kind: "send_refused",
                    data: Array(
                        ConfigValue.object(["method": .string(row.method), "reason": .string(reason)]).description.utf8
                    )
                )
            )
            done(row, now: now)
        case .rateLimited(let pause):
            flood.refused(chat: id, retryAfter: pause, now: now)
            waiting.append((now + pause, id))
        case .failed:
            let attempts = (chats[id]?.attempts ?? 0) + 1
            chats[id]?.attempts = attempts
            let pause = min(Duration.seconds(30), Duration.milliseconds(100) * (1 << min(attempts, 9)))
            waiting.append((now + pause, id))
        case .unauthorized:
            pausedUntil = now + Self.unauthorizedPause
            ready.append(id)
        }
    }

    private mutating func done(_ row: OutboxRow, now: ContinuousClock.Instant) {
        unsent -= 1
        marks.append(row.seq)
        if marksSince == nil { marksSince = now }
        guard var chat = chats.removeValue(forKey: row.conversation) else { return }
        chat.rows.removeFirst()
        chat.attempts = 0
        if chat.rows.isEmpty { return }
        chats[row.conversation] = chat
        ready.append(row.conversation)
    }

    // MARK: Marks

    /// Sequence numbers of sent rows, to be marked by the next settlement.
    mutating func takeMarks() -> [Int64] {
        defer {
            marks = []
            marksSince = nil
        }
        return marks
    }

    /// The settlement that was to mark them was not committed.
    mutating func unmarked(_ sequences: [Int64], now: ContinuousClock.Instant) {
        marks = sequences + marks
        if !marks.isEmpty && marksSince == nil { marksSince = now }
    }

    /// The settlement that was to record them was not committed.
    mutating func unreported(_ refusals: [EventRow]) { self.refusals = refusals + self.refusals }

    /// What Telegram refused for good, as events for the next settlement.
    mutating func takeRefusals() -> [EventRow] {
        defer { refusals = [] }
        return refusals
    }
}

extension OutboxRow {
    /// Telegram's limits are for messages; answers to button presses and chat actions do not count.
    var countsAgainstLimits: Bool { method.hasPrefix("send") && method != "sendChatAction" || method == "copyMessage" }
}

extension FloodControl.Limits {
    init(_ config: BotConfig) {
        let bot = config.number("flood.bot_per_second")
        self.init(
            bot: FloodControl.Bucket(perSecond: bot, burst: Int(bot)),
            chat: FloodControl.Bucket(perSecond: config.number("flood.chat_per_second"), burst: 3),
            group: FloodControl.Bucket(perSecond: config.number("flood.group_per_minute") / 60, burst: 5),
            isEnforced: config.bool("flood.limits")
        )
    }
}

extension SendQueue.Answer {
    init(_ result: Result<TelegramReply, TelegramError>) {
        switch result {
        case .success: self = .sent
        case .failure(let error): self.init(error)
        }
    }

    /// What is wrong with the way to Telegram (the network, a certificate, the API's address) is mended by somebody
    /// some day; until then nothing may be dropped. Only Telegram's own word about this very call is final.
    private init(_ error: TelegramError) {
        self =
            switch error {
            case .rateLimited(let pause): .rateLimited(pause)
            case .unauthorized: .unauthorized
            case .forbidden, .badRequest, .migrated, .rejected: .refused(error.description)
            case .conflict, .notFound, .server, .malformedReply, .network: .failed
            }
    }
}
