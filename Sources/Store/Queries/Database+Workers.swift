import FleetModel

/// A worker as stored.
public struct WorkerRow: Sendable, Equatable {
    public let worker: WorkerIdentity
    public let bots: [BotID]
    public let host: String
    public let pid: Int32
    public let state: WorkerState
    public let generation: Int64
    public let startedAt: Timestamp
    /// By the server's clock.
    public let lastSeenAt: Timestamp
    /// Milliseconds since `lastSeenAt`, both by the server's clock.
    public let silentMilliseconds: Int64
    public let heartbeat: Heartbeat?
}

extension Database {
    /// Notes heartbeats, of new workers too, in one statement. Of several from one incarnation the last counts.
    public func recordHeartbeats(_ heartbeats: [Heartbeat]) async throws(StoreError) {
        var latest: [Incarnation: Heartbeat] = [:]
        for heartbeat in heartbeats { latest[heartbeat.worker.incarnation] = heartbeat }
        if latest.isEmpty { return }
        // Sorted, so that two coordinators that note the same workers lock rows in the same order.
        let rows = latest.values.sorted { $0.worker.incarnation.rawValue < $1.worker.incarnation.rawValue }
        var texts: [String] = []
        for row in rows { texts.append(try JSON.text(row)) }
        let statement = Statement(
            "worker.heartbeats",
            """
            INSERT INTO worker (incarnation, name, bots, host, pid, state, generation, started_at, heartbeat)
            SELECT incarnation, name, string_to_array(bots, ','), host, pid, state, generation, started_at, heartbeat::jsonb
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::bigint[],
                $8::timestamptz[], $9::text[])
                AS sent (incarnation, name, bots, host, pid, state, generation, started_at, heartbeat)
            ON CONFLICT (incarnation) DO UPDATE SET name = excluded.name, bots = excluded.bots, host = excluded.host,
                pid = excluded.pid, state = excluded.state, generation = excluded.generation, last_seen_at = now(),
                heartbeat = excluded.heartbeat
            """
        ) {
            $0.add(rows.map(\.worker.incarnation.rawValue))
            $0.add(rows.map(\.worker.name))
            $0.add(rows.map { $0.bots.map(\.rawValue).joined(separator: ",") })
            $0.add(rows.map(\.host))
            $0.add(rows.map(\.pid))
            $0.add(rows.map(\.state.rawValue))
            $0.add(rows.map(\.generation))
            $0.add(rows.map(\.startedAt))
            $0.add(texts)
        }
        _ = try await pipeline([statement], idempotent: true)
    }

    /// A worker's first word, or one that must be noted at once.
    public func registerWorker(_ heartbeat: Heartbeat) async throws(StoreError) {
        try await recordHeartbeats([heartbeat])
    }

    /// - Returns: `false` when no such incarnation was ever heard of.
    @discardableResult
    public func setWorkerState(_ state: WorkerState, of incarnation: Incarnation) async throws(StoreError) -> Bool {
        let statement = Statement("worker.set_state", "UPDATE worker SET state = $2 WHERE incarnation = $1") {
            $0.add(incarnation.rawValue)
            $0.add(state.rawValue)
        }
        return try await query(statement, idempotent: true).affected == 1
    }

    /// One life of a worker, however long ago; `nil` when it was never heard of.
    public func worker(_ incarnation: Incarnation) async throws(StoreError) -> WorkerRow? {
        let statement = Statement(
            "worker.one",
            """
            SELECT incarnation, name, bots, host, pid, state, generation, started_at, last_seen_at,
                (extract(epoch FROM clock_timestamp() - last_seen_at) * 1000)::bigint, heartbeat::text
            FROM worker WHERE incarnation = $1
            """
        ) { $0.add(incarnation.rawValue) }
        for row in try await query(statement, idempotent: true) { return try WorkerRow(row) }
        return nil
    }

    /// Workers heard of within `age`, by name, the newest incarnation of a name first.
    public func workers(seenWithin age: Duration = .seconds(3600)) async throws(StoreError) -> [WorkerRow] {
        let statement = Statement(
            "worker.list",
            """
            SELECT incarnation, name, bots, host, pid, state, generation, started_at, last_seen_at,
                (extract(epoch FROM clock_timestamp() - last_seen_at) * 1000)::bigint, heartbeat::text
            FROM worker WHERE last_seen_at >= now() - $1::bigint * interval '1 millisecond'
            ORDER BY name, started_at DESC
            """
        ) { $0.add(age.wholeMilliseconds) }
        var rows: [WorkerRow] = []
        for row in try await query(statement, idempotent: true) { rows.append(try WorkerRow(row)) }
        return rows
    }

    /// Forgets incarnations unheard of for longer than `age`.
    public func pruneWorkers(unseenFor age: Duration) async throws(StoreError) -> Int {
        let statement = Statement(
            "worker.prune",
            "DELETE FROM worker WHERE last_seen_at < now() - $1::bigint * interval '1 millisecond'"
        ) { $0.add(age.wholeMilliseconds) }
        return try await query(statement, idempotent: true).affected
    }
}

extension WorkerRow {
    fileprivate init(_ row: QueryResult.Row) throws(StoreError) {
        guard let incarnation = row.text(0), let name = row.text(1), let bots = row.texts(2), let host = row.text(3),
            let pid = row.int64(4), let state = row.text(5).flatMap({ WorkerState(rawValue: $0) }),
            let generation = row.int64(6), let startedAt = row.timestamp(7), let lastSeenAt = row.timestamp(8)
        else {
            throw StoreError(
                .migration,
                "a row of table worker cannot be read; is the database newer than this binary?"
            )
        }
        worker = WorkerIdentity(name: name, incarnation: Incarnation(rawValue: incarnation))
        self.bots = bots.compactMap { BotID($0) }
        self.host = host
        self.pid = Int32(truncatingIfNeeded: pid)
        self.state = state
        self.generation = generation
        self.startedAt = startedAt
        self.lastSeenAt = lastSeenAt
        silentMilliseconds = row.int64(9) ?? 0
        heartbeat = row.text(10).flatMap { try? JSON.value(Heartbeat.self, $0) }
    }
}
