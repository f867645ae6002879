import BotKit
import DequeModule
import FleetModel
import Store

/// One lane, from delivery to ack, without any I/O: a value that is told what happened and asked what to do next.
///
/// ```
/// arrived → (claim) → (recall) → job → handled → settlement → ack
///                                    ↘ waits ↗            ↘ send → mark → next settlement
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
        /// Names it in the lane: its delivery's tag, or a number above all tags for one read from table `waiting`.
        let tag: UInt64
        let update: UpdateEnvelope
        /// There is a delivery to ack.
        var isDelivered = true
        /// Its place in table `waiting`, if it has one or gets one with a settlement under way.
        var row: Int64?
        /// It waits there without holding up its chat.
        var isAlone = false
        var replay: Int64?
        /// The inbox must be asked before the handler runs.
        var doubtful: Bool
        var attempts = 0
        /// The inbox holds it as dead; it runs because it is a replay.
        var wasDead = false
        /// Deliveries of the same update that came while this one was open; they are acked with it.
        var twins: [UInt64] = []
        /// When it came in, if that is known and matters.
        var bornAt: Moment?
        /// The broker has handed it out before.
        var redelivered = false
        /// Its handler may have killed a worker.
        var isSuspect = false
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
            case dead(reason: String, attempts: Int, kind: DeadLetterKind)
            /// Too late to be of use.
            case expired
            /// It begins to wait in the database; its handler may be running.
            indirect case waits(WaitingRow, isRunning: Bool)
            /// It goes on waiting there, in this line.
            indirect case waitsOn(WaitingRow, WaitingLine, from: WaitingLine? = nil)
            /// A row whose update took effect before.
            indirect case dropped(WaitingRow)
            /// A row whose body this release cannot read.
            indirect case unreadable(WaitingRow, String)
        }
    }

    let bot: BotID
    let epoch: Int32
    private(set) var config: BotConfig
    private(set) var limits: LaneLimits
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
    /// Those of them whose head is a payment; they come first.
    var urgent: Deque<Int64> = []
    /// Open updates that are payments.
    var openPayments = 0
    var jobs: [UInt64: Job] = [:]
    var lastJob: UInt64 = 0

    /// What waits in the database.
    var parked = ParkedLines()
    var reading: WaitingRead?
    var lastRead: UInt64 = 0
    var lastRowTag: UInt64 = 1 << 63
    /// Chats that had more open updates than they may when the last came.
    var crowded: Set<Int64> = []
    /// Rows before this were written by predecessors that may have been killed by one of them.
    var suspectRowsBelow: Int64 = .min
    /// What is delivered again may have killed one too.
    var suspectsRedelivered = false
    /// For the jitter of retries.
    var generator: SeededGenerator

    /// Tags that wait for inbox or session.
    var unrecalled: [UInt64] = []
    var recalling: (id: UInt64, tags: [UInt64])?
    var lastRecall: UInt64 = 0

    var unreadable: [(tag: UInt64, body: [UInt8], reason: String)] = []
    var pending: Deque<Handled> = []
    var pendingSince: ContinuousClock.Instant?
    var settling: InFlightSettlement?
    /// Lowered while a poison update is looked for.
    var batchLimit = Int.max
    /// Until then the inbox is asked before each handler: duplicates are about.
    var cautiousUntil: ContinuousClock.Instant?
    /// Updates whose effects the database refused, by id, and why. They are dead-lettered instead of run again.
    var poisoned: [Int64: String] = [:]
    var lastSequence: Int64 = 0
    var isDraining = false
    /// The channel's deliveries make no sense; only a new subscription helps.
    var isBroken = false
    /// Calls to Telegram may be begun until then; see ``sendLease``.
    var leaseUntil = ContinuousClock.now
    /// A predecessor may be sending to the chats that ``SendQueue/hold(_:)`` names until then. It outlives further
    /// claims.
    var holdUntil: ContinuousClock.Instant?
    var isRereading = false
    var isRenewing = false
    /// Marks are being made outside a settlement.
    private var isMarking = false
    /// The lane's row, once it was claimed.
    var rowID: Int64?
    /// The end of the epoch has been delivered.
    var seal: Seal?

    struct Job {
        let conversation: Int64
        let tag: UInt64
        let startedAt: Moment
        /// Its chat was parked because it takes long.
        var isSlow = false
    }

    struct InFlightSettlement {
        var handled: [Handled]
        var unreadable: [(tag: UInt64, body: [UInt8], reason: String)]
        var outbox: [OutboxRow]
        var sent: [Int64]
        var report: SendReport
        /// Chats whose blocks it lifts.
        var lifted: Set<Int64> = []
        let startedAt: ContinuousClock.Instant
    }

    /// Sessions kept of chats at rest.
    static let sessionBound = 50_000

    /// - Parameters:
    ///   - rate: shared with the bot's other lanes in this process.
    ///   - seed: of the jitter.
    init(
        bot: BotID, config: BotConfig, key: LaneKey? = nil, rate: BotRate = BotRate(),
        seed: UInt64 = .random(in: .min ... .max)
    ) {
        self.bot = bot
        epoch = key?.epoch ?? 0
        self.config = config
        limits = LaneLimits(config)
        generator = SeededGenerator(seed: seed)
        cache = SessionCache(bound: Self.sessionBound)
        sends = SendQueue(config: config, lane: key ?? LaneKey(bot: bot), rate: rate, seed: seed)
    }

    var isOwned: Bool { if case .owned = ownership { true } else { false } }

    mutating func configure(_ config: BotConfig) {
        self.config = config
        limits = LaneLimits(config)
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
            if seal != nil { continue }
            switch arrival.content {
            case .wake:
                acks.settled(arrival.tag)
            case .seal(let epoch):
                met(sealOf: epoch, tag: arrival.tag, now: now)
            case .unreadable(let body, let reason):
                counters.received += 1
                unreadable.append((arrival.tag, body, reason))
                if pendingSince == nil { pendingSince = now }
            case .update(let update):
                counters.received += 1
                if let twin = open[update.id] {
                    // A replay gives its right to take effect to the copy that is open already.
                    if let replay = arrival.replay { entries[twin]?.replay = replay }
                    entries[twin]?.twins.append(arrival.tag)
                    counters.duplicates += 1
                } else {
                    let doubtful =
                        cautious || arrival.redelivered || arrival.replay != nil
                        || parked.hasRows(of: update.conversation)
                    admit(update, arrival, doubtful: doubtful, now: now)
                }
            }
        }
        counters.inFlight = Int64(entries.count)
    }

    private mutating func admit(
        _ update: UpdateEnvelope, _ arrival: Arrival, doubtful: Bool, now: ContinuousClock.Instant
    ) {
        let tag = arrival.tag
        open[update.id] = tag
        var entry = Entry(tag: tag, update: update, replay: arrival.replay, doubtful: doubtful)
        if let age = arrival.age, update.hasDeadline, arrival.replay == nil {
            entry.bornAt = Self.bornAt(age: age, now: now)
        }
        entry.redelivered = arrival.redelivered
        entry.isSuspect = suspectsRedelivered && arrival.redelivered
        if update.isPayment { openPayments += 1 }
        entries[tag] = entry
        enqueue(tag, conversation: update.conversation, doubtful: doubtful)
    }

    private mutating func enqueue(_ tag: UInt64, conversation id: Int64, doubtful: Bool) {
        var conversation = conversations.removeValue(forKey: id) ?? Conversation(session: cache.take(id))
        conversation.queue.append(tag)
        if doubtful || conversation.session == nil { unrecalled.append(tag) }
        let isFirst = conversation.queue.count == 1 && conversation.job == nil
        if conversation.queue.count > limits.parkOpen { crowded.insert(id) }
        conversations[id] = conversation
        if isFirst { makeRunnable(id) }
    }

    // MARK: Claim

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

    // MARK: Ack

    /// The entry's delivery, and those of its twins, may be acked.
    mutating func acknowledge(_ entry: Entry) {
        if entry.isDelivered { acks.settled(entry.tag) }
        for twin in entry.twins { acks.settled(twin) }
    }

    /// As ``acknowledge(_:)``, and nothing more is done with it.
    mutating func close(_ entry: Entry) {
        acknowledge(entry)
        entries[entry.tag] = nil
        open[entry.update.id] = nil
        if entry.update.isPayment { openPayments -= 1 }
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
        // What was read from the database is there, and is read again after the claim.
        for entry in entries.values where !entry.isDelivered { close(entry) }
        let doubtful = entries.keys.sorted()
        conversations = [:]
        cache.removeAll()
        runnable = []
        urgent = []
        jobs = [:]
        parked = ParkedLines()
        reading = nil
        crowded = []
        unrecalled = []
        recalling = nil
        pending = []
        pendingSince = unreadable.isEmpty ? nil : now
        isRereading = false
        isRenewing = false
        if let settling {
            sends.unreported(settling.report)
            unreadable.append(contentsOf: settling.unreadable)
            if !unreadable.isEmpty { pendingSince = now }
            sends.unmarked(settling.sent, now: now)
        }
        settling = nil
        sends.forgetWaiting()
        for tag in doubtful {
            guard var entry = entries[tag] else { continue }
            entry.doubtful = true
            entry.row = nil
            entries[tag] = entry
            enqueue(tag, conversation: entry.update.conversation, doubtful: true)
        }
    }

    /// The channel is gone: its deliveries come again on the next one, or go to somebody else.
    mutating func channelClosed(now: ContinuousClock.Instant) {
        entries = [:]
        open = [:]
        openPayments = 0
        poisoned = [:]
        seal = nil
        isBroken = false
        acks = AckLedger()
        unreadable = []
        reset(now: now)
        unreadable = []
        ownership = .unclaimed
        sends.lost(now: now)
        counters.inFlight = 0
    }
}
