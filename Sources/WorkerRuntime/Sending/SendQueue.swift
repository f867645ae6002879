import DequeModule
import FleetModel
import Store
import TelegramAPI

/// What is committed and not yet sent, in order per chat: a value that says what may go out now.
///
/// One chat has one call in flight at a time, so its messages arrive in order. A call that failed for now keeps its chat
/// waiting and nobody else. Across chats payments go before replies and replies before bulk; a chat counts as what is
/// most urgent of what it has, so that nothing urgent waits behind its own chat's bulk for longer than it must.
struct SendQueue {
    struct Chat {
        var rows: Deque<OutboxRow> = []
        private var payments = 0
        private var bulk = 0
        var isSending = false
        var attempts = 0
        /// Where it stands in the lists, if it does.
        var place: SendPlace?
        /// The group became this supergroup.
        var movedTo: Int64?

        init() {}

        /// A chat with its head on its way.
        init(sending head: OutboxRow, of old: Chat) {
            isSending = true
            attempts = old.attempts
            movedTo = old.movedTo
            append(head)
        }

        mutating func append(_ row: OutboxRow) {
            rows.append(row)
            count(row, 1)
        }

        mutating func removeFirst() {
            count(rows.removeFirst(), -1)
        }

        private mutating func count(_ row: OutboxRow, _ by: Int) {
            switch row.priority {
            case .payment: payments += by
            case .reply: break
            case .bulk: bulk += by
            }
        }

        /// The most urgent of its rows.
        var priority: SendPriority { payments > 0 ? .payment : bulk < rows.count ? .reply : .bulk }
    }

    let lane: LaneKey
    let rate: BotRate
    var chats: [Int64: Chat] = [:]
    var lists = SendLists()
    var inFlight: [Int64: OutboxRow] = [:]
    var marks: [Int64] = []
    var marksSince: ContinuousClock.Instant?
    var report = SendReport()
    var tally = SendTally()
    var flood: ChatFlood
    var blocks = ChatBlocks()
    var jitter: SeededGenerator
    /// Chats of which a predecessor may be sending; see ``hold(_:)``.
    private(set) var held: Set<Int64> = []
    /// Of the rows that wait, so many are held back.
    private(set) var heldRows = 0
    private var limit: Int
    private var isPaused: Bool
    /// Nothing of the bot goes out before.
    var pausedUntil: ContinuousClock.Instant?
    /// The bot's rate lets more out then.
    private var rateOpens: ContinuousClock.Instant?
    private var wantsRate = false
    var unsent = 0
    /// Sends whose outcome nobody knows are shown to the operator instead of repeated.
    private(set) var surfaces: Bool
    /// Rows this owner has noted as begun: what it has of them in memory, it knows not to be sent.
    var begunHere: Set<Int64> = []

    /// Payment answers in flight beyond `send.concurrency`: slow calls must not hold them up.
    static let paymentRoom = 8

    /// - Parameter seed: of the jitter.
    init(config: BotConfig, lane: LaneKey, rate: BotRate, seed: UInt64 = .random(in: 0 ... .max)) {
        self.lane = lane
        self.rate = rate
        limit = config.int("send.concurrency")
        isPaused = config.bool("send.paused")
        surfaces = config.text("send.ambiguous") == "surface"
        flood = ChatFlood(ChatFlood.Limits(config))
        jitter = SeededGenerator(seed: seed)
        rate.configure(config)
    }

    mutating func configure(_ config: BotConfig) {
        limit = config.int("send.concurrency")
        isPaused = config.bool("send.paused")
        surfaces = config.text("send.ambiguous") == "surface"
        flood.limits = ChatFlood.Limits(config)
        rate.configure(config)
    }

    /// Nothing is left to do; what is held back by `send.paused` waits in the database.
    var isIdle: Bool { (unsent == 0 || isPaused && inFlight.isEmpty) && marks.isEmpty }
    var isSending: Bool { !inFlight.isEmpty }
    /// What counts against `send.max_unsent`: a predecessor's rows, which nothing but time sets free, do not.
    var backlog: Int { unsent - heldRows }

    /// Of one chat.
    func unsent(of chat: Int64) -> Int { chats[chat]?.rows.count ?? 0 }

    // MARK: In

    mutating func enqueue(_ rows: [OutboxRow], now: ContinuousClock.Instant) {
        for row in rows {
            append(row)
            if !blocks.isEmpty, let reason = blocks.reason(row.conversation, now: now) {
                drop(row.conversation, because: reason, now: now)
            }
        }
    }

    private mutating func append(_ row: OutboxRow) {
        unsent += 1
        chats[row.conversation, default: Chat()].append(row)
        makeReady(row.conversation)
    }

    /// Puts the chat where its next call belongs, unless something else moves it on later.
    mutating func makeReady(_ id: Int64) {
        guard var chat = chats[id], !chat.isSending, let head = chat.rows.first, !held.contains(id) else { return }
        if case .waiting = chat.place { return }
        let place = SendPlace.ready(chat.priority, isMessage: CallKind(method: head.method).isMessage)
        if chat.place == place { return }
        chat.place = place
        chats[id] = chat
        lists.append(id, place)
    }

    mutating func wait(_ id: Int64, until: ContinuousClock.Instant) {
        guard chats[id] != nil else { return }
        let place = SendPlace.waiting(until: Moment(until))
        chats[id]?.place = place
        lists.append(id, place)
    }

    /// Takes the outbox as the database has it, after a claim, in place of what was known. What is in flight, or sent and
    /// not yet marked, is known better here.
    mutating func reload(_ rows: [OutboxRow], now: ContinuousClock.Instant) {
        forgetWaiting()
        take(over: rows, now: now)
        heldRows = held.isEmpty ? 0 : rows.count { held.contains($0.conversation) }
    }

    /// Drops what is not in flight: the database has it.
    mutating func forgetWaiting() {
        chats = chats.filter { $0.value.isSending }
        for id in chats.keys { keepHead(id) }
        lists = SendLists()
        unsent = inFlight.count
        heldRows = 0
    }

    private mutating func keepHead(_ id: Int64) {
        guard let old = chats[id], old.isSending, let head = old.rows.first else {
            chats[id] = nil
            return
        }
        chats[id] = Chat(sending: head, of: old)
    }

    private mutating func take(over rows: [OutboxRow], now: ContinuousClock.Instant) {
        let sent = Set(marks)
        for row in rows where inFlight[row.seq] == nil && !sent.contains(row.seq) {
            let isUnclear = row.isBegun && surfaces && !begunHere.contains(row.seq) && !held.contains(row.conversation)
            if isUnclear { surface(row, now: now) } else { enqueue([row], now: now) }
        }
    }

    // MARK: Ownership

    mutating func owned(now: ContinuousClock.Instant) { rate.join(lane, now: now) }

    /// Somebody else may own the lane.
    mutating func lost(now: ContinuousClock.Instant) {
        rate.leave(lane, now: now)
        blocks.removeAll()
    }

    /// Another owner may have begun the same rows since.
    mutating func forgetBegun() { begunHere.formIntersection(inFlight.keys) }

    // MARK: A predecessor that may live

    /// Sends nothing to these chats until ``release(_:now:)``.
    mutating func hold(_ conversations: Set<Int64>) { held.formUnion(conversations) }

    /// The predecessor's time is over: of the held chats the database has these rows left.
    mutating func release(_ rows: [OutboxRow], now: ContinuousClock.Instant) {
        let chats = held
        held = []
        heldRows = 0
        for id in chats {
            guard let chat = self.chats[id] else { continue }
            unsent -= chat.rows.count - (chat.isSending ? 1 : 0)
            keepHead(id)
        }
        take(over: rows.filter { chats.contains($0.conversation) }, now: now)
    }

    // MARK: Out

    /// Rows to send now; each must be answered with ``finished(_:_:now:)``.
    mutating func take(now: ContinuousClock.Instant) -> [OutboxRow] {
        wake(now: now)
        rateOpens = nil
        if isPaused { return [] }
        if let pausedUntil, now < pausedUntil { return [] }
        pausedUntil = nil
        var rows: [OutboxRow] = []
        for priority in SendPriority.allCases {
            takeOthers(priority, &rows, now: now)
            takeMessages(priority, &rows, now: now)
        }
        if rateOpens == nil && wantsRate {
            wantsRate = false
            rate.wantsNothing(lane)
        }
        if surfaces { begunHere.formUnion(rows.map(\.seq)) }
        return rows
    }

    private mutating func wake(now: ContinuousClock.Instant) {
        while let due = lists.popDue(now: now) {
            guard chats[due.chat]?.place == .waiting(until: Moment(due.until)) else { continue }
            chats[due.chat]?.place = nil
            makeReady(due.chat)
        }
    }

    private func room(_ priority: SendPriority) -> Int {
        max(0, limit + (priority == .payment ? Self.paymentRoom : 0) - inFlight.count)
    }

    /// Calls that need no part of the bot's rate.
    private mutating func takeOthers(
        _ priority: SendPriority, _ rows: inout [OutboxRow], now: ContinuousClock.Instant
    ) {
        while room(priority) > 0, let (id, row) = popReady(priority, isMessage: false) {
            let kind = CallKind(method: row.method)
            if let until = rate.blockedUntil(kind, now: now) {
                wait(id, until: until)
            } else {
                begin(id, row, kind, &rows, now: now)
            }
        }
    }

    private mutating func takeMessages(
        _ priority: SendPriority, _ rows: inout [OutboxRow], now: ContinuousClock.Instant
    ) {
        let wanted = lists.count(priority, isMessage: true)
        let room = room(priority)
        guard wanted > 0, room > 0 else { return }
        let grant = rate.take(lane, wanted: wanted, room: room, isBulk: priority == .bulk, now: now)
        wantsRate = true
        var left = grant.count
        while left > 0, let (id, row) = popReady(priority, isMessage: true) {
            if begin(id, row, .message, &rows, now: now) { left -= 1 }
        }
        rate.giveBack(lane, left)
        if let retryAt = grant.retryAt { rateOpens = min(rateOpens ?? retryAt, retryAt) }
    }

    private mutating func popReady(_ priority: SendPriority, isMessage: Bool) -> (Int64, OutboxRow)? {
        while let id = lists.popReady(priority, isMessage: isMessage) {
            guard let chat = chats[id], chat.place == .ready(priority, isMessage: isMessage),
                let row = chat.rows.first
            else { continue }
            chats[id]?.place = nil
            return (id, row)
        }
        return nil
    }

    @discardableResult
    private mutating func begin(
        _ id: Int64, _ row: OutboxRow, _ kind: CallKind, _ rows: inout [OutboxRow], now: ContinuousClock.Instant
    ) -> Bool {
        if case .wait(let until) = flood.admit(chat: id, kind, now: now) {
            wait(id, until: until)
            return false
        }
        chats[id]?.isSending = true
        inFlight[row.seq] = row
        rows.append(chats[id]?.movedTo.flatMap { row.moved(to: $0) } ?? row)
        return true
    }

    /// Something waits to be sent.
    var hasWaiting: Bool { !isPaused && !lists.isEmpty }

    /// When ``take(now:)`` may have something although nothing else happened.
    var nextWake: ContinuousClock.Instant? {
        if isPaused { return nil }
        let pauses = lists.hasReady ? [pausedUntil, rateOpens] : []
        return ([lists.nextDue] + pauses).compactMap { $0 }.min()
    }
}

extension ChatFlood.Limits {
    init(_ config: BotConfig) {
        self.init(
            perSecond: config.number("flood.chat_per_second"), burst: 3,
            groupPerMinute: config.number("flood.group_per_minute"), isEnforced: config.bool("flood.limits"))
    }
}
