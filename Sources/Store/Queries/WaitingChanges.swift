import FleetModel

/// An update that waits in the database, outside the broker's queue: its chat is parked, or it failed where order was
/// given up.
public struct WaitingRow: Sendable, Equatable {
    public var conversation: Int64
    /// Its place in its chat: `term << 32 | counter`, so a later owner's rows come after.
    public var seq: Int64
    public var updateID: Int64
    public var body: [UInt8]
    /// Tries that failed.
    public var attempts: Int32
    /// Why the last try failed; empty for an update that only waits behind others.
    public var reason: String
    /// From now until it may be tried.
    public var delay: Duration
    public var flags: Flags
    /// Since it came in, where that matters.
    public var age: Duration?

    public struct Flags: OptionSet, Sendable {
        public let rawValue: Int16
        public init(rawValue: Int16) { self.rawValue = rawValue }
        /// It holds up nobody behind it.
        public static let alone = Flags(rawValue: 1)
        /// The inbox holds it as dead, and it may take effect all the same.
        public static let replay = Flags(rawValue: 2)
        /// Its handler may have killed a worker.
        public static let suspect = Flags(rawValue: 4)
    }

    public init(
        conversation: Int64, seq: Int64, updateID: Int64, body: [UInt8], attempts: Int32 = 0, reason: String = "",
        delay: Duration = .zero, flags: Flags = [], age: Duration? = nil
    ) {
        self.conversation = conversation
        self.seq = seq
        self.updateID = updateID
        self.body = body
        self.attempts = attempts
        self.reason = reason
        self.delay = delay
        self.flags = flags
        self.age = age
    }
}

/// What a settlement does to table `waiting`, in this order: rows that come, rows that wait on, rows that end.
public struct WaitingChanges: Sendable {
    private(set) var added: [WaitingRow] = []
    private(set) var retried: [WaitingRow] = []
    private(set) var ended: [(conversation: Int64, seq: Int64)] = []

    public var isEmpty: Bool { added.isEmpty && retried.isEmpty && ended.isEmpty }

    public mutating func add(_ row: WaitingRow) { added.append(row) }

    /// A row that is there already waits on: its attempts, reason, delay and flags are the new ones.
    public mutating func retry(_ row: WaitingRow) { retried.append(row) }

    /// The row's update took effect, or was given up.
    public mutating func end(conversation: Int64, seq: Int64) { ended.append((conversation, seq)) }

    func statements(lane: Int64) -> [Statement] {
        var statements: [Statement] = []
        if !added.isEmpty { statements.append(addStatement(lane)) }
        if !retried.isEmpty { statements.append(retryStatement(lane)) }
        if !ended.isEmpty { statements.append(endStatement(lane)) }
        return statements
    }

    private func addStatement(_ lane: Int64) -> Statement {
        Statement(
            "settle.wait",
            """
            INSERT INTO waiting (lane_id, conversation, seq, update_id, body, attempts, reason, due_at, alone, replay,
                suspect, received_at)
            SELECT $1, conversation, seq, update_id, body, attempts, nullif(reason, ''),
                now() + delay * interval '1 millisecond', flags & 1 <> 0, flags & 2 <> 0, flags & 4 <> 0,
                now() - age * interval '1 millisecond'
            FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::integer[], $7::text[], $8::bigint[],
                $9::smallint[], $10::bigint[])
                AS row (conversation, seq, update_id, body, attempts, reason, delay, flags, age)
            """
        ) {
            $0.add(lane)
            $0.add(added.map(\.conversation))
            $0.add(added.map(\.seq))
            $0.add(added.map(\.updateID))
            $0.add(added.map(\.body))
            $0.add(added.map(\.attempts))
            $0.add(added.map(\.reason))
            $0.add(added.map(\.delay.wholeMilliseconds))
            $0.add(added.map(\.flags.rawValue))
            $0.add(added.map { $0.age?.wholeMilliseconds })
        }
    }

    private func retryStatement(_ lane: Int64) -> Statement {
        Statement(
            "settle.wait_on",
            """
            UPDATE waiting SET attempts = row.attempts, reason = nullif(row.reason, ''),
                due_at = now() + delay * interval '1 millisecond', alone = flags & 1 <> 0, suspect = flags & 4 <> 0
            FROM unnest($2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::bigint[], $7::smallint[])
                AS row (conversation, seq, attempts, reason, delay, flags)
            WHERE waiting.lane_id = $1 AND waiting.conversation = row.conversation AND waiting.seq = row.seq
            """
        ) {
            $0.add(lane)
            $0.add(retried.map(\.conversation))
            $0.add(retried.map(\.seq))
            $0.add(retried.map(\.attempts))
            $0.add(retried.map(\.reason))
            $0.add(retried.map(\.delay.wholeMilliseconds))
            $0.add(retried.map(\.flags.rawValue))
        }
    }

    private func endStatement(_ lane: Int64) -> Statement {
        Statement(
            "settle.waited",
            """
            DELETE FROM waiting USING unnest($2::bigint[], $3::bigint[]) AS row (conversation, seq)
            WHERE waiting.lane_id = $1 AND waiting.conversation = row.conversation AND waiting.seq = row.seq
            """
        ) {
            $0.add(lane)
            $0.add(ended.map(\.conversation))
            $0.add(ended.map(\.seq))
        }
    }
}
