import FleetModel

/// What became of an update. The raw value is the column's.
public enum InboxOutcome: Int16, Sendable {
    case done = 1
    /// Given up after the last attempt; only a replay turns it to done.
    case dead = 2
    /// Telegram waited for its answer no longer; settled without work.
    case expired = 3
}

/// A message to send. `seq` is the worker's: `term << 32 | counter`, so a later owner's rows come after.
public struct OutboxRow: Sendable, Equatable {
    public var seq: Int64
    public var updateID: Int64?
    /// The chat it goes to; that of the update where the call names none.
    public var conversation: Int64
    /// The Bot API method, such as `sendMessage`.
    public var method: String
    /// The request's JSON.
    public var body: [UInt8]
    public var priority: SendPriority
    /// A call may have been made: ``Database/beginSends(_:seqs:)`` was told so. Only as read from the database.
    public var isBegun: Bool

    public init(
        seq: Int64, updateID: Int64?, conversation: Int64, method: String, body: [UInt8],
        priority: SendPriority = .reply, isBegun: Bool = false
    ) {
        self.seq = seq
        self.updateID = updateID
        self.conversation = conversation
        self.method = method
        self.body = body
        self.priority = priority
        self.isBegun = isBegun
    }

    /// The term of the owner that settled it.
    public var term: Int64 { seq >> 32 }
}

/// Something a handler wants recorded.
public struct EventRow: Sendable, Equatable {
    public var conversation: Int64?
    public var kind: String
    public var data: [UInt8]

    public init(conversation: Int64?, kind: String, data: [UInt8]) {
        self.conversation = conversation
        self.kind = kind
        self.data = data
    }
}

/// An update that is given up. A malformed body has no update id.
public struct DeadLetterRow: Sendable, Equatable {
    public var updateID: Int64?
    public var body: [UInt8]
    public var reason: String
    public var attempts: Int32
    public var kind: DeadLetterKind
    /// When it was first tried, if that was noted.
    public var firstAt: Timestamp?

    /// - Parameter kind: `nil`: unreadable without an update id, else given up by the handler.
    public init(
        updateID: Int64?, body: [UInt8], reason: String, attempts: Int32, kind: DeadLetterKind? = nil,
        firstAt: Timestamp? = nil
    ) {
        self.updateID = updateID
        self.body = body
        self.reason = reason
        self.attempts = attempts
        self.kind = kind ?? (updateID == nil ? .unreadable : .handler)
        self.firstAt = firstAt
    }
}

/// The effects of a batch of updates of one lane, column by column, so that each column becomes one array.
public struct Settlement: Sendable {
    var inboxIDs: [Int64] = []
    var inboxOutcomes: [Int16] = []
    var replayed: [Int64] = []
    var sessionConversations: [Int64] = []
    var sessionStates: [[UInt8]?] = []
    /// Where a conversation stands above: its last state counts.
    private var sessionIndex: [Int64: Int] = [:]
    private(set) var deletedSessions = 0
    var outboxSeqs: [Int64] = []
    var outboxUpdateIDs: [Int64?] = []
    var outboxConversations: [Int64] = []
    var outboxMethods: [String] = []
    var outboxBodies: [[UInt8]] = []
    var outboxPriorities: [Int16] = []
    var blockedConversations: [Int64] = []
    var blockReasons: [String] = []
    var unblockedConversations: [Int64] = []
    var events: [EventRow] = []
    var deadLetters: [DeadLetterRow] = []
    var sentSeqs: [Int64] = []
    /// What begins, goes on and ends waiting in table `waiting`.
    public var waiting = WaitingChanges()

    public init() {}

    /// The update takes effect with this settlement, or is given up with it.
    public mutating func settle(updateID: Int64, as outcome: InboxOutcome) {
        inboxIDs.append(updateID)
        inboxOutcomes.append(outcome.rawValue)
    }

    /// A dead update takes effect after all: its inbox row turns from dead to done.
    public mutating func replay(updateID: Int64) { replayed.append(updateID) }

    /// The conversation's new state; `nil` deletes it. The last call for a conversation counts.
    public mutating func setSession(conversation: Int64, state: [UInt8]?) {
        if let index = sessionIndex[conversation] {
            deletedSessions += (state == nil ? 1 : 0) - (sessionStates[index] == nil ? 1 : 0)
            sessionStates[index] = state
            return
        }
        sessionIndex[conversation] = sessionConversations.count
        sessionConversations.append(conversation)
        sessionStates.append(state)
        if state == nil { deletedSessions += 1 }
    }

    public mutating func send(_ row: OutboxRow) {
        outboxSeqs.append(row.seq)
        outboxUpdateIDs.append(row.updateID)
        outboxConversations.append(row.conversation)
        outboxMethods.append(row.method)
        outboxBodies.append(row.body)
        outboxPriorities.append(row.priority.rawValue)
    }

    public mutating func record(_ event: EventRow) { events.append(event) }

    /// Telegram will not deliver to this chat. At most once a chat in a settlement.
    public mutating func block(conversation: Int64, reason: String) {
        blockedConversations.append(conversation)
        blockReasons.append(reason)
    }

    /// The chat has spoken, so messages to it are tried again. Comes before the blocks of the same settlement.
    public mutating func unblock(conversation: Int64) { unblockedConversations.append(conversation) }

    public mutating func deadLetter(_ row: DeadLetterRow) { deadLetters.append(row) }

    /// A row of the outbox that went out. When the settlement is refused so is this mark: then call
    /// ``Database/markSent(lane:seqs:)``, which nothing refuses.
    public mutating func markSent(seq: Int64) { sentSeqs.append(seq) }

    /// Updates in it, done, dead and replayed.
    public var updateCount: Int { inboxIDs.count + replayed.count }

    public var isEmpty: Bool {
        inboxIDs.isEmpty && replayed.isEmpty && sessionConversations.isEmpty && outboxSeqs.isEmpty && events.isEmpty
            && deadLetters.isEmpty && sentSeqs.isEmpty && waiting.isEmpty && blockedConversations.isEmpty
            && unblockedConversations.isEmpty
    }

    /// Empties it and keeps its room for the next batch.
    public mutating func removeAll() {
        inboxIDs.removeAll(keepingCapacity: true)
        inboxOutcomes.removeAll(keepingCapacity: true)
        replayed.removeAll(keepingCapacity: true)
        sessionConversations.removeAll(keepingCapacity: true)
        sessionStates.removeAll(keepingCapacity: true)
        sessionIndex.removeAll(keepingCapacity: true)
        deletedSessions = 0
        outboxSeqs.removeAll(keepingCapacity: true)
        outboxUpdateIDs.removeAll(keepingCapacity: true)
        outboxConversations.removeAll(keepingCapacity: true)
        outboxMethods.removeAll(keepingCapacity: true)
        outboxBodies.removeAll(keepingCapacity: true)
        outboxPriorities.removeAll(keepingCapacity: true)
        blockedConversations.removeAll(keepingCapacity: true)
        blockReasons.removeAll(keepingCapacity: true)
        unblockedConversations.removeAll(keepingCapacity: true)
        events.removeAll(keepingCapacity: true)
        deadLetters.removeAll(keepingCapacity: true)
        sentSeqs.removeAll(keepingCapacity: true)
        waiting = WaitingChanges()
    }
}
