import FleetModel
import Logging

/// A worker's right to a lane: it holds as long as the lane's row has this term.
public struct LaneClaim: Sendable, Equatable {
    public let id: Int64
    public let key: LaneKey
    public let term: Int64
    /// Who held it before, if anybody did.
    public let previousOwner: WorkerIdentity?
    public let claimedAt: Timestamp
    /// How long before the previous owner had claimed it; `nil`: not known.
    public let previousClaimAge: Duration?

    public init(
        id: Int64, key: LaneKey, term: Int64, previousOwner: WorkerIdentity?, claimedAt: Timestamp,
        previousClaimAge: Duration? = nil
    ) {
        self.id = id
        self.key = key
        self.term = term
        self.previousOwner = previousOwner
        self.claimedAt = claimedAt
        self.previousClaimAge = previousClaimAge
    }
}

/// A lane as it stands in the database.
public struct LaneRow: Sendable, Equatable {
    public let id: Int64
    public let key: LaneKey
    public let term: Int64
    public let owner: WorkerIdentity
    public let claimedAt: Timestamp
}

extension Database {
    /// Takes the lane over: raises its term, so that nothing the previous owner still sends can be committed.
    ///
    /// - Throws: `.constraint("lane_bot_id_fkey")` when there is no such bot; `.sealed` when the lane's epoch is over
    ///   for it; `.lockTimeout` when the row stays locked by something that is not a lane's owner.
    public func claimLane(_ key: LaneKey, worker: WorkerIdentity) async throws(StoreError) -> LaneClaim {
        let results = try await patiently(unblocking: key, [Self.claim(key, worker: worker)])
        guard let row = results[0].first else {
            throw StoreError(.sealed, "lane \(key) is sealed: its epoch is over")
        }
        guard let id = row.int64(0), let term = row.int64(1), let claimedAt = row.timestamp(2) else {
            throw StoreError(.protocolViolation, "claiming lane \(key) returned a row that cannot be read")
        }
        var previous: WorkerIdentity?
        if let name = row.text(3), let incarnation = row.text(4) {
            previous = WorkerIdentity(name: name, incarnation: Incarnation(rawValue: incarnation))
        }
        return LaneClaim(
            id: id, key: key, term: term, previousOwner: previous, claimedAt: claimedAt,
            previousClaimAge: row.int64(5).map { .milliseconds(max(0, $0)) })
    }

    /// Runs statements that lock the row of a lane, as one transaction.
    ///
    /// It waits 200 ms for the row. A predecessor that was stopped in the middle of a settlement holds it for as long
    /// as it is stopped, so its backend is then terminated and the statements tried again.
    func patiently(unblocking key: LaneKey, _ statements: [Statement]) async throws(StoreError) -> [QueryResult] {
        var attempt = 0
        while true {
            attempt += 1
            do throws(StoreError) {
                return Array(try await pipeline([Self.lockTimeout] + statements).dropFirst())
            } catch {
                guard error.code == .lockTimeout, attempt < Self.claimAttempts else { throw error }
                let terminated = try await unblock(key)
                logger.warning("a lane's row was locked", metadata: ["lane": "\(key)", "terminated": "\(terminated)"])
            }
        }
    }

    /// Asks whether the claim still holds.
    /// - Throws: `.fenced` when the lane has a newer owner.
    public func confirmLane(_ claim: LaneClaim) async throws(StoreError) {
        let statement = Statement("lane.confirm", "SELECT fleet_fence($1, $2)") {
            $0.add(claim.id)
            $0.add(claim.term)
        }
        _ = try await query(statement, idempotent: true)
    }

    /// All lanes of a bot, in their order.
    public func lanes(of bot: BotID) async throws(StoreError) -> [LaneRow] {
        let statement = Statement(
            "lane.list",
            """
            SELECT id, epoch, number, term, owner_name, owner_incarnation, claimed_at FROM lane
            WHERE bot_id = $1 ORDER BY epoch, number
            """
        ) { $0.add(bot) }
        return try await query(statement, idempotent: true).compactMap { row in
            guard let id = row.int64(0), let epoch = row.int64(1), let number = row.int64(2), let term = row.int64(3),
                let name = row.text(4), let incarnation = row.text(5), let claimedAt = row.timestamp(6)
            else { return nil }
            return LaneRow(
                id: id,
                key: LaneKey(bot: bot, epoch: Int32(epoch), number: Int32(number)),
                term: term,
                owner: WorkerIdentity(name: name, incarnation: Incarnation(rawValue: incarnation)),
                claimedAt: claimedAt
            )
        }
    }

    private static let claimAttempts = 5

    /// Local to the transaction, so it may pass a pooler.
    private static let lockTimeout = Statement("lane.patience", "SELECT set_config('lock_timeout', '200ms', true)")

    private static func claim(_ key: LaneKey, worker: WorkerIdentity) -> Statement {
        Statement(
            "lane.claim",
            """
            INSERT INTO lane (bot_id, epoch, number, term, owner_name, owner_incarnation)
            VALUES ($1, $2, $3, 1, $4, $5)
            ON CONFLICT (bot_id, epoch, number) DO UPDATE SET
                term = lane.term + 1, owner_name = excluded.owner_name, owner_incarnation = excluded.owner_incarnation,
                previous_name = lane.owner_name, previous_incarnation = lane.owner_incarnation,
                previous_claimed_at = lane.claimed_at, claimed_at = now()
            WHERE lane.sealed_at IS NULL
            RETURNING id, term, claimed_at, previous_name, previous_incarnation,
                (extract(epoch FROM claimed_at - previous_claimed_at) * 1000)::bigint
            """
        ) {
            $0.add(key.bot)
            $0.add(key.epoch)
            $0.add(key.number)
            $0.add(worker.name)
            $0.add(worker.incarnation.rawValue)
        }
    }

    private func unblock(_ key: LaneKey) async throws(StoreError) -> Int {
        let statement = Statement("lane.unblock", "SELECT fleet_unblock_lane($1, $2, $3)") {
            $0.add(key.bot)
            $0.add(key.epoch)
            $0.add(key.number)
        }
        return try await query(statement).first?.int(0) ?? 0
    }
}
