import FleetModel
import FleetTesting
import Store
import Testing

@Suite(.timeLimit(.minutes(1))) struct WebhookRecordTests {
    private let vault: TokenVault
    private let bot: BotID

    init() throws {
        vault = try TokenVault(key: [UInt8](0..<32))
        bot = try #require(BotID("alpha"))
    }

    private func prepare(_ database: Database, _ path: String) async throws -> WebhookRecord {
        try await database.prepareWebhook(of: bot, path: path, secret: Secret("s-\(path)"), vault: vault)
    }

    @Test func aBotKeepsThePathAndSecretItHas() async throws {
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, bot)
            #expect(try await database.bot(bot)?.webhook == nil)
            let first = try await prepare(database, "p1")
            #expect(first.path == "p1")
            #expect(try vault.open(first.sealedSecret, for: bot, as: .webhookSecret).reveal() == "s-p1")
            #expect(try await prepare(database, "p2") == first)
            #expect(try await database.bots().map(\.webhook) == [first])
            let nobody = try #require(BotID("nobody"))
            let error = await #expect(throws: StoreError.self) {
                try await database.prepareWebhook(of: nobody, path: "p", secret: Secret("s"), vault: vault)
            }
            #expect(error?.code == .notFound)
        }
    }

    @Test func onlyTheLeasesHolderForgetsWhatIsNoLongerWanted() async throws {
        try await TestDatabase.with { database in
            try await TestDatabase.addBot(database, bot)
            let record = try await prepare(database, "p1")
            func forget(_ holder: String) async throws -> Bool {
                try await database.forgetWebhook(of: bot, holder: holder)
                return try await database.bot(bot)?.webhook == nil
            }
            #expect(try await !forget("one"), "nobody has the lease")
            _ = try await database.acquirePollerLease(bot, holder: "one", ttl: .seconds(60))
            #expect(try await !forget("two"))
            _ = try await database.query(Statement("", "UPDATE poller_lease SET expires_at = now()"))
            #expect(try await !forget("one"), "its lease is over")
            _ = try await database.acquirePollerLease(bot, holder: "two", ttl: .seconds(60))
            try await database.changeBot(bot, BotChange(intake: .webhook))
            #expect(try await !forget("two"), "it is wanted again")
            #expect(try await database.bot(bot)?.webhook == record)
            try await database.changeBot(bot, BotChange(intake: .polling))
            #expect(try await forget("two"))
            let next = try await prepare(database, "p2")
            #expect(next.path == "p2")
            try await database.changeBot(bot, BotChange(intake: .webhook))
            try await database.setDesired(.stopped, of: bot)
            #expect(try await forget("two"), "a stopped bot has none")
        }
    }
}
