import FleetModel
import FleetTesting
import Store
import Testing

/// Bots, config, workers, commands, leases, tokens and the audit trail.
@Suite(.timeLimit(.minutes(2))) struct StoreAggregateTests {
    func vault() throws -> TokenVault { try TokenVault(key: [UInt8](0..<32)) }
    func bot(_ text: String) throws -> BotID { try #require(BotID(text)) }

    @Test func aBotIsKeptWithItsTokenSealed() async throws {
        try await TestDatabase.with { database in
            let id = try bot("alpha")
            let spec = BotSpec(
                id: id, behaviour: "menu", labels: ["team": "a\"b", "tier": "gold"], desired: .stopped, lanes: 3,
                queue: .classic, intake: .webhook, apiURL: "http://127.0.0.1:1")
            try await database.addBot(spec, token: Secret("1:very-secret"), vault: vault())
            try await TestDatabase.addBot(database, bot("beta"))
            let again = await #expect(throws: StoreError.self) { try await TestDatabase.addBot(database, id) }
            #expect(again?.code == .conflict)

            let record = try #require(try await database.bot(id))
            #expect(record.spec == spec && record.hasToken && record.telegramID == nil)
            #expect(try await database.token(of: id, vault: vault()).reveal() == "1:very-secret")
            let raw = try await database.query(Statement("", "SELECT token_sealed FROM bot WHERE id = 'alpha'"))
            #expect(String(decoding: raw.first?.bytes(0) ?? [], as: UTF8.self).contains("secret") == false)

            try await database.setDesired(.running, of: id)
            try await database.setTelegramIdentity(of: id, telegramID: 42, username: "alpha_bot")
            let all = try await database.bots()
            #expect(all.map(\.spec.id) == [id, try bot("beta")])
            #expect(all[0].spec.desired == .running && all[0].telegramID == 42 && all[0].username == "alpha_bot")
            #expect(try await database.bots(among: [bot("beta"), bot("gamma")]).map(\.spec.id) == [bot("beta")])
        }
    }

    @Test func whatIsNotThereIsSaidSo() async throws {
        try await TestDatabase.with { database in
            let id = try bot("nobody")
            #expect(try await database.bot(id) == nil)
            let errors = [
                await #expect(throws: StoreError.self) { try await database.token(of: id, vault: vault()) },
                await #expect(throws: StoreError.self) { try await database.setDesired(.stopped, of: id) },
                await #expect(throws: StoreError.self) { try await database.removeBot(id) },
            ]
            #expect(errors.allSatisfy { $0?.code == .notFound })
            #expect(try await database.deadLetter(1) == nil)
            #expect(try await database.command("x") == nil)
        }
    }

    @Test func configGenerationsFormAChain() async throws {
        try await TestDatabase.with { database in
            #expect(try await database.configState() == ConfigState())
            let scope = ConfigScope.label(key: "team", value: "a")
            let first = ConfigChange(scope: .global, set: ["greeting": .string("Hi \"you\""), "b": .int(2)])
            let second = ConfigChange(scope: scope, set: ["c": .list([.bool(true), .double(0.5)])])
            let third = ConfigChange(scope: .global, set: ["b": .int(3)], unset: ["greeting"])
            var expected = ConfigState()
            for (index, change) in [first, second, third].enumerated() {
                let generation = try await database.commitConfig(
                    change, author: "me", reason: "r", expected: Int64(index))
                #expect(generation.hash == ConfigHash.next(after: expected.hash, change))
                let applied = expected.apply(generation)
                #expect(applied)
            }
            var stored = try await database.configState()
            #expect(stored.generation == 3 && stored.hash == expected.hash)
            #expect(stored.values[.global] == ["b": .int(3)])
            #expect(stored.values[scope] == ["c": .list([.bool(true), .double(0.5)])])
            stored = try await database.configState(scopes: [scope])
            #expect(stored.generation == 3 && stored.values.keys.map { $0 } == [scope])
            let stale = await #expect(throws: StoreError.self) {
                try await database.commitConfig(first, author: "me", reason: nil, expected: 1)
            }
            #expect(stale?.code == .conflict)
            let history = try await database.configHistory(limit: 2)
            #expect(history.map(\.generation.number) == [3, 2])
            #expect(history[0].generation.unset == ["greeting"] && history[0].author == "me")
        }
    }

    @Test func changesAtTheSameMomentGetNumbersOfTheirOwn() async throws {
        try await TestDatabase.with(configure: { $0.maxConnections = 4 }) { database in
            let numbers = try await withThrowingTaskGroup(of: Int64.self) { group in
                for value in 0..<6 as Range<Int64> {
                    group.addTask {
                        let change = ConfigChange(scope: .global, set: ["n": .int(value)])
                        return try await database.commitConfig(change, author: "\(value)", reason: nil).number
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(numbers.sorted() == Array(1...6))
            var hash = ""
            for view in try await database.configHistory().reversed() {
                let change = ConfigChange(scope: view.generation.scope, set: view.generation.set)
                hash = ConfigHash.next(after: hash, change)
                #expect(view.generation.hash == hash)
            }
        }
    }

    func heartbeat(_ worker: WorkerIdentity, generation: Int64, bots: [BotID]) -> Heartbeat {
        Heartbeat(
            worker: worker, bots: bots, host: "h", pid: 7, state: .running, startedAt: Timestamp(milliseconds: 1_000),
            sentAt: Timestamp(milliseconds: 2_000), generation: generation, generationHash: "abc",
            residentBytes: 1, counters: Heartbeat.Counters())
    }

    @Test func heartbeatsOfManyAreOneStatement() async throws {
        try await TestDatabase.with { database in
            let workers = (0..<50).map { WorkerIdentity(name: "w\($0 / 2 + 10)") }
            let bots = [try bot("a"), try bot("b")]
            try await database.registerWorker(heartbeat(workers[0], generation: 1, bots: []))
            try await database.recordHeartbeats(
                workers.map { heartbeat($0, generation: 2, bots: bots) }
                    + [heartbeat(workers[0], generation: 3, bots: [])])
            let rows = try await database.workers()
            #expect(rows.count == 50)
            let first = try #require(rows.first { $0.worker == workers[0] })
            #expect(first.generation == 3 && first.bots == [] && first.heartbeat?.generationHash == "abc")
            #expect(first.silentMilliseconds >= 0)
            #expect(rows.filter { $0.bots == bots }.count == 49)
            #expect(try await database.setWorkerState(.failed, of: workers[1].incarnation))
            #expect(try await database.setWorkerState(.failed, of: Incarnation()) == false)
            #expect(try await database.workers().first { $0.worker == workers[1] }?.state == .failed)
            #expect(try await database.pruneWorkers(unseenFor: .seconds(3600)) == 0)
            #expect(try await database.pruneWorkers(unseenFor: .seconds(-60)) == 50)
        }
    }

    @Test func commandsAndTheirFirstAnswersAreKept() async throws {
        try await TestDatabase.with { database in
            let worker = WorkerIdentity(name: "w")
            let change = ConfigGeneration(number: 4, scope: .global, set: ["a": .int(1)], hash: "h")
            let message = ControlMessage(id: "m1", sentAt: Timestamp(milliseconds: 5_000), action: .config(change))
            try await database.recordCommand(message, actor: "me", expected: [worker.incarnation])
            let again = await #expect(throws: StoreError.self) {
                try await database.recordCommand(message, actor: "me", expected: [])
            }
            #expect(again?.code == .conflict)
            let refused = ControlReply(messageID: "m1", worker: worker, outcome: .refused("no"), generation: 3)
            let applied = ControlReply(messageID: "m1", worker: worker, outcome: .applied, generation: 4)
            let stray = ControlReply(messageID: "m0", worker: worker, outcome: .applied, generation: 4)
            try await database.recordReplies([refused, stray])
            try await database.recordReplies([applied])
            #expect(try await database.replies(to: "m1") == [refused])
            let row = try #require(try await database.command("m1"))
            #expect(row.message == message && row.expected == [worker.incarnation] && row.actor == "me")
        }
    }

    @Test func aPollerLeaseHasOneHolderUntilItRunsOut() async throws {
        try await TestDatabase.with { database in
            let (a, b, c) = (try bot("a"), try bot("b"), try bot("c"))
            for id in [a, b] { try await TestDatabase.addBot(database, id) }
            #expect(try await database.acquirePollerLeases([b, a, a, c], holder: "one", ttl: .seconds(60)) == [a, b])
            #expect(try await database.acquirePollerLeases([a, b], holder: "two", ttl: .seconds(60)).isEmpty)
            #expect(try await database.acquirePollerLease(a, holder: "one", ttl: .seconds(60)))
            #expect(try await database.renewPollerLeases([a, b], holder: "two", ttl: .seconds(60)).isEmpty)
            try await database.releasePollerLeases([a, b], holder: "two")
            #expect(try await database.renewPollerLeases([a, b], holder: "one", ttl: .seconds(60)) == [a, b])
            // One that ran out may be taken by anybody, and is not renewed.
            _ = try await database.query(Statement("", "UPDATE poller_lease SET expires_at = now() WHERE bot_id = 'a'"))
            #expect(try await database.renewPollerLeases([a, b], holder: "one", ttl: .seconds(60)) == [b])
            #expect(try await database.acquirePollerLeases([a, b], holder: "two", ttl: .seconds(60)) == [a])
            try await database.releasePollerLeases([b], holder: "one")
            #expect(try await database.acquirePollerLease(b, holder: "two", ttl: .seconds(60)))
        }
    }

    @Test func aLeaseTellsHowItGoes() async throws {
        try await TestDatabase.with { database in
            let (a, b) = (try bot("a"), try bot("b"))
            for id in [a, b] { try await TestDatabase.addBot(database, id) }
            #expect(try await database.intakeStates().isEmpty)
            _ = try await database.acquirePollerLeases([a, b], holder: "gate/1/0a", ttl: .seconds(60))
            #expect(try await database.intakeStates()[a] == IntakeState(gateway: "gate/1", condition: .starting))
            func renew(_ report: IntakeReport) async throws {
                _ = try await database.renewPollerLeases(
                    [a, b], holder: "gate/1/0a", ttl: .seconds(60), reports: [a: report])
            }
            try await renew(IntakeReport(.conflict, "another one"))
            let first = try #require(try await database.intakeStates()[a])
            #expect(first.condition == .conflict && first.detail == "another one" && first.since != nil)
            #expect(try await database.intakeStates()[b]?.condition == .starting)
            // Since when: it stays while the condition does.
            _ = try await database.query(
                Statement("", "UPDATE poller_lease SET state_at = state_at - interval '1 hour'"))
            try await renew(IntakeReport(.conflict, "yet another"))
            let second = try #require(try await database.intakeStates()[a])
            #expect(second.detail == "yet another")
            #expect(try #require(second.since) < #require(first.since))
            try await renew(IntakeReport(.polling))
            let third = try #require(try await database.intakeStates()[a])
            #expect(third.condition == .polling && third.detail == nil)
            #expect(try #require(third.since) >= #require(first.since))
            // Of the next holder nothing is known yet, and of a lease that is over nothing at all.
            _ = try await database.query(Statement("", "UPDATE poller_lease SET expires_at = now() WHERE bot_id = 'a'"))
            #expect(try await database.intakeStates()[a] == nil)
            _ = try await database.acquirePollerLease(a, holder: "other/0b", ttl: .seconds(60))
            #expect(try await database.intakeStates()[a] == IntakeState(gateway: "other", condition: .starting))
        }
    }

    @Test func apiTokensAreKeptAsHashes() async throws {
        try await TestDatabase.with { database in
            let token = try await database.createAPIToken(name: "admin", role: "operator")
            try await database.addAPIToken(token, name: "again", role: "other")
            #expect(try await database.verifyAPIToken(token)?.name == "admin")
            #expect(try await database.verifyAPIToken(Secret(token.reveal() + "x")) == nil)
            #expect(try await database.apiTokens().map(\.role) == ["operator"])
            let rows = try await database.query(Statement("", "SELECT api_token::text FROM api_token"))
            #expect(rows.first?.text(0)?.contains(token.reveal()) == false)
        }
    }

    @Test func theAuditTrailIsReadNewestFirst() async throws {
        try await TestDatabase.with { database in
            try await database.audit(actor: "me", action: "bot.add", target: "a", detail: .object(["n": .int(1)]))
            try await database.audit(actor: "me", action: "bot.stop", target: "a\0")
            let trail = try await database.auditTrail()
            #expect(trail.map(\.action) == ["bot.stop", "bot.add"])
            #expect(trail[1].detail == "{\"n\": 1}" && trail[0].detail == nil)
        }
    }
}
