import BotKit
import DequeModule
import FleetModel
import Store

/// One lane, from delivery to ack, without any I/O: a value that is told what happened and asked what to do next.
///
/// ```
/// arrived → (claim) → (recall) → job → handled → settlement → ack
///                                                          ↘ send → mark → next settlement
/// ```
/// Between two claims the lane's owner is the only one who changes its sessions, so they are kept here and run ahead of
/// what is committed. Whatever makes that doubtful (a fence, a lost connection, a duplicate) ends in ``reset(now:)``:
/// forget everything, claim again, and run what is unsettled once more from committed state.
struct Lane {
    enum Ownership: Equatable {
        /// No delivery yet: somebody else may own the lane.
        case unclaimed
        /// The claim has to be made.
        case wanted
        case claiming
        case owned(term: Int64)
    }

    struct Entry {
        let tag: UInt64
        let update: UpdateEnvelope
        var replay: Int64?
        /// The inbox must be asked before the handler runs.
        var doubtful: Bool
        var attempts = 0
        /// The inbox holds it as dead; it runs because it is a replay.
        var wasDead = false
        /// Deliveries of the same update that came while this one was open; they are acked with it.
        var twins: [UInt64] = []
    }

    /// The open updates of one chat.
    struct Conversation {
        var queue: Deque<UInt64> = []
        /// The job that runs for the head of the queue, or will again after a failure.
        var job: UInt64?
        /// Known, or to be recalled.
        var session: [UInt8]??
        /// Handled, not yet committed.
        var unsettled = 0
    }

    struct Handled {
        let tag: UInt64
        let conversation: Int64
        let outcome: Outcome

        enum Outcome {
            case effects(Effects)
            case dead(reason: String, attempts: Int)
        }
    }

    let bot: BotID
    var config: BotConfig
    var counters = LaneCounters()
    var sends: SendQueue

    var ownership = Ownership.unclaimed
    var acks = AckLedger()
    var entries: [UInt64: Entry] = [:]
    var open: [Int64: UInt64] = [:]
    var conversations: [Int64: Conversation] = [:]
    var cache: SessionCache
    /// Conversations whose head may be ready to run.
    var runnable: Deque<Int64> = []
    var jobs: [UInt64: Job] = [:]
    var lastJob: UInt64 = 0
    var retries: [(at: ContinuousClock.Instant, conversation: Int64)] = []

    /// Tags that wait for inbox or session.
    var unrecalled: [UInt64] = []
    var recalling: (id: UInt64, tags: [UInt64])?
    private var lastRecall: UInt64 = 0

    var unreadable: [(tag: UInt64, body: [UInt8], reason: String)] = []
    var pending: Deque<Handled> = []
    var pendingSince: ContinuousClock.Instant?
    var settling: InFlightSettlement?
    /// Lowered while a poison update is looked for.
    var batchLimit = Int.max
    /// Until then the inbox is asked before each handler: duplicates are about.
    var cautiousUntil: ContinuousClock.Instant?
    /// Updates whose effects the database refused, by tag, and why. They are dead-lettered instead of run again.
    var poisoned: [UInt64: String] = [:]
    var lastSequence: Int64 = 0
    var isDraining = false
    /// The channel's deliveries make no sense; only a new subscription helps.
    var isBroken = false
    /// Calls to Telegram may be begun until then; see ``sendLease``.
    var leaseUntil = ContinuousClock.now
    /// A predecessor may be sending until then; nothing is sent before. It outlives further claims.
    var holdUntil: ContinuousClock.Instant?
    var isRereading = false
    var isRenewing = false
    /// Marks are being made outside a settlement.
    private var isMarking = false
    /// The lane's row, once it was claimed.
    var rowID: Int64?

    struct Job {
        let conversation: Int64
        let tag: UInt64
        let startedAt: ContinuousClock.Instant
    }

    struct InFlightSettlement {
        var handled: [Handled]
        var unreadable: [(tag: UInt64, body: [UInt8], reason: String)]
        var outbox: [OutboxRow]
        var sent: [Int64]
        var refusals: [EventRow]
        let startedAt: ContinuousClock.Instant
    }

    /// Sessions kept of chats at rest.
    static let sessionBound = 50_000

    init(bot: BotID, config: BotConfig) {
        self.bot = bot
        self.config = config
        cache = SessionCache(bound: Self.sessionBound)
        sends = SendQueue(config: config)
    }

    var isOwned: Bool { if case .owned = ownership { true } else { false } }

    mutating func configure(_ config: BotConfig) {
        self.config = config
        sends.configure(config)
    }

    // MARK: Arrival

    mutating func arrived(_ arrivals: [Arrival], now: ContinuousClock.Instant) {
        // What arrives while draining stays unacked: it goes to the next owner, first and in order.
        if isDraining { return }
        if ownership == .unclaimed { ownership = .wanted }
        let cautious = cautiousUntil.map { now < $0 } ?? false
        for arrival in arrivals {
            guard acks.delivered(arrival.tag) else {
                isBroken = true
                return
            }
            counters.received += 1
            switch arrival.content {
            case .unreadable(let body, let reason):
                unreadable.append((arrival.tag, body, reason))
                if pendingSince == nil { pendingSince = now }
            case .update(let update):
                if let twin = open[update.id] {
                    // A replay gives its right to take effect to the copy that is open already.
                    if let replay = arrival.replay { entries[twin]?.replay = replay }
                    entries[twin]?.twins.append(arrival.tag)
                    counters.duplicates += 1
                } else {
                    admit(update, arrival, doubtful: cautious || arrival.redelivered || arrival.replay != nil)
                }
            }
        }
        counters.inFlight = Int64(entries.count)
    }

    private mutating func admit(_ update: UpdateEnvelope, _ arrival: Arrival, doubtful: Bool) {
        let tag = arrival.tag
        open[update.id] = tag
        entries[tag] = Entry(tag: tag, update: update, replay: arrival.replay, doubtful: doubtful)
        enqueue(tag, conversation: update.conversation, doubtful: doubtful)
    }

    mutating func enqueue(_ tag: UInt64, conversation id: Int64, doubtful: Bool) {
        var conversation = conversations.removeValue(forKey: id) ?? Conversation(session: cache.take(id))
        conversation.queue.append(tag)
        if doubtful || conversation.session == nil { unrecalled.append(tag) }
        if conversation.queue.count == 1 && conversation.job == nil { runnable.append(id) }
        conversations[id] = conversation
    }

    // MARK: Claim and recall

    /// Whether the runner has to claim the lane now.
    mutating func takeClaim() -> Bool {
        guard ownership == .wanted, settling == nil, !isMarking else { return false }
        ownership = .claiming
        return true
    }

    mutating func claimFailed() {
        if ownership == .claiming { ownership = .wanted }
    }

    /// Sent rows that no settlement of this owner will mark; a mark is a fact and needs no ownership.
    ///
    /// Never beside a claim, which reads what is unsent: a row deleted between that reading and the claim's answer would
    /// be sent again.
    mutating func takeOrphanMarks() -> (lane: Int64, seqs: [Int64])? {
        guard ownership == .unclaimed, !isMarking, let rowID, sends.marksSince != nil else { return nil }
        isMarking = true
        return (rowID, sends.takeMarks())
    }

    /// What came of ``takeOrphanMarks()``.
    mutating func marked(failed: [Int64], now: ContinuousClock.Instant) {
        isMarking = false
        sends.unmarked(failed, now: now)
    }

    mutating func takeRecall() -> Recall? {
        guard isOwned, recalling == nil, !unrecalled.isEmpty else { return nil }
        lastRecall += 1
        var recall = Recall(id: lastRecall)
        var asked: Set<Int64> = []
        for tag in unrecalled {
            guard let entry = entries[tag] else { continue }
            if entry.doubtful { recall.updates.append(entry.update.id) }
            let id = entry.update.conversation
            if conversations[id]?.session == nil, asked.insert(id).inserted { recall.conversations.append(id) }
        }
        recalling = (recall.id, unrecalled)
        unrecalled = []
        return recall
    }

    mutating func recalled(
        _ recall: Recall,
        inbox: [Int64: InboxOutcome],
        sessions: [Int64: [UInt8]],
        now: ContinuousClock.Instant
    ) {
        // An answer from before a reset says nothing about now.
        guard let tags = recalling?.tags, recalling?.id == recall.id else { return }
        recalling = nil
        for id in recall.conversations where conversations[id]?.session == nil {
            conversations[id]?.session = .some(sessions[id])
        }
        for tag in tags {
            guard var entry = entries[tag] else { continue }
            entry.doubtful = false
            // A replay may run although the inbox holds its update as dead.
            let outcome = inbox[entry.update.id]
            entry.wasDead = outcome == .dead && entry.replay != nil
            entries[tag] = entry
            if outcome != nil && !entry.wasDead {
                counters.duplicates += 1
                drop(entry)
            } else {
                runnable.append(entry.update.conversation)
            }
        }
    }

    /// The database did not answer: ask again for the same.
    mutating func recallFailed(_ recall: Recall) {
        guard let tags = recalling?.tags, recalling?.id == recall.id else { return }
        recalling = nil
        unrecalled.insert(contentsOf: tags, at: 0)
    }

    /// The update already took effect: ack it, do nothing.
    private mutating func drop(_ entry: Entry) {
        let id = entry.update.conversation
        conversations[id]?.queue.removeAll { $0 == entry.tag }
        close(entry)
        runnable.append(id)
        rest(id)
    }

    /// The entry's delivery, and those of its twins, may be acked.
    mutating func close(_ entry: Entry) {
        acks.settled(entry.tag)
        for twin in entry.twins { acks.settled(twin) }
        entries[entry.tag] = nil
        open[entry.update.id] = nil
        poisoned[entry.tag] = nil
    }

    /// Puts a chat without open updates to rest.
    mutating func rest(_ id: Int64) {
        guard let conversation = conversations[id], conversation.queue.isEmpty, conversation.unsettled == 0 else {
            return
        }
        conversations[id] = nil
        if let session = conversation.session { cache.put(id, session) }
    }

    mutating func takeAcks() -> (upTo: UInt64?, also: [UInt64])? { acks.take() }

    // MARK: Doubt

    /// Forgets what ran ahead of the database; every open update will be recalled and run again, in order.
    mutating func reset(now: ContinuousClock.Instant) {
        ownership = .wanted
        let doubtful = entries.keys.sorted()
        conversations = [:]
        cache.removeAll()
        runnable = []
        jobs = [:]
        retries = []
        unrecalled = []
        recalling = nil
        pending = []
        pendingSince = unreadable.isEmpty ? nil : now
        isRereading = false
        isRenewing = false
        if let settling {
            sends.unreported(settling.refusals)
            unreadable.append(contentsOf: settling.unreadable)
            if !unreadable.isEmpty { pendingSince = now }
            sends.unmarked(settling.sent, now: now)
        }
        settling = nil
        sends.forgetWaiting()
        for tag in doubtful {
            guard var entry = entries[tag] else { continue }
            entry.doubtful = true
            entries[tag] = entry
            enqueue(tag, conversation: entry.update.conversation, doubtful: true)
        }
    }

    /// The channel is gone: its deliveries come again on the next one, or go to somebody else.
    mutating func channelClosed(now: ContinuousClock.Instant) {
        entries = [:]
        open = [:]
        poisoned = [:]
        isBroken = false
        acks = AckLedger()
        unreadable = []
        reset(now: now)
        unreadable = []
        ownership = .unclaimed
        counters.inFlight = 0
    }
}
