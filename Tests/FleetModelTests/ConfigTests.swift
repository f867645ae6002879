import FleetModel
import Testing

@Suite struct ConfigTests {
    private let bot = BotID("shop")

    @Test func everyStandardValueIsValid() {
        for key in ConfigSchema.keys {
            #expect(ConfigSchema.problem(key: key.name, value: key.standard) == nil, "\(key.name)")
        }
    }

    @Test func anUnknownKeyNamesTheNearest() {
        let problem = ConfigSchema.problem(key: "greting", value: .string("x"))
        #expect(problem?.reason.contains("greeting") == true)
    }

    @Test func wrongTypesAndRangesAreRefused() {
        #expect(ConfigSchema.problem(key: "greeting", value: .int(1)) != nil)
        #expect(ConfigSchema.problem(key: "settle.batch_size", value: .int(0)) != nil)
        #expect(ConfigSchema.problem(key: "settle.batch_size", value: .int(1)) == nil)
        #expect(ConfigSchema.problem(key: "flood.bot_per_second", value: .int(30)) == nil)
        #expect(ConfigSchema.problem(key: "log.level", value: .string("loud")) != nil)
        #expect(throws: ConfigProblem.self) { try ConfigSchema.parse(key: "settle.batch_size", text: "many") }
    }

    @Test func narrowerScopesWin() throws {
        let bot = try #require(bot)
        let state = ConfigState(
            generation: 3, hash: "h",
            values: [
                .global: ["greeting": .string("g"), "settle.delay_ms": .int(9)],
                .label(key: "tier", value: "gold"): ["greeting": .string("l")],
                .bot(bot): [:],
            ])
        #expect(state.effective(bot: bot, labels: ["tier": "gold"]).text("greeting") == "l")
        #expect(state.effective(bot: bot, labels: [:]).text("greeting") == "g")
        #expect(state.effective(bot: bot, labels: [:]).int("settle.delay_ms") == 9)
        #expect(state.effective(bot: bot, labels: [:]).int("handler.attempts") == 5)
        #expect(state.explain("greeting", bot: bot, labels: ["tier": "gold"])?.scope.description == "label:tier=gold")
    }

    @Test func onlyTheNextGenerationApplies() {
        var state = ConfigState()
        let second = ConfigGeneration(number: 2, scope: .global, set: ["greeting": .string("2")], hash: "b")
        let tooEarly = state.apply(second)
        #expect(!tooEarly)
        #expect(state.generation == 0)
        let first = state.apply(ConfigGeneration(number: 1, scope: .global, set: ["greeting": .string("1")], hash: "a"))
        let next = state.apply(second)
        #expect(first && next)
        #expect(state.values[.global]?["greeting"] == .string("2"))
        let unset = ConfigGeneration(number: 3, scope: .global, set: [:], unset: ["greeting"], hash: "c")
        let third = state.apply(unset)
        #expect(third)
        #expect(state.values[.global]?["greeting"] == nil)
    }

    @Test func aMenuMustLeadSomewhere() {
        let home = ConfigValue.object(["text": .string("hi"), "keyboard": .list([.list([button(to: "home")])])])
        let good = ConfigValue.object(["start": .string("home"), "screens": .object(["home": home])])
        #expect(ConfigSchema.problem(key: "menu", value: good) == nil)
        let lost = ConfigValue.object(["start": .string("attic"), "screens": .object(["home": home])])
        #expect(ConfigSchema.problem(key: "menu", value: lost)?.reason.contains("attic") == true)
        let stray = ConfigValue.object(["strat": .string("home")])
        #expect(ConfigSchema.problem(key: "menu", value: stray)?.reason.contains("strat") == true)
    }

    private func button(to screen: String) -> ConfigValue {
        .object(["label": .string("b"), "screen": .string(screen)])
    }
}

@Suite struct IdentityTests {
    @Test func botIDsAreChecked() {
        #expect(BotID("shop-1") != nil)
        for bad in ["", "-a", "A", "a b", "é", String(repeating: "a", count: 64), "a.b"] { #expect(BotID(bad) == nil) }
    }

    @Test func aSecretNeverPrints() {
        let secret = Secret("123:abc")
        var dumped = ""
        dump(secret, to: &dumped)
        for shown in ["\(secret)", String(reflecting: secret), dumped, "\([secret])"] {
            #expect(!shown.contains("abc"))
        }
    }

    @Test(arguments: [Int64(0), 1_700_000_000_123, 4_102_444_800_000, -1])
    func timestampsReadBack(_ milliseconds: Int64) {
        let time = Timestamp(milliseconds: milliseconds)
        #expect(Timestamp(time.description) == time)
    }

    @Test(arguments: [
        "2147483647-01-01T00:00:00Z", "20000-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T00:00Z",
    ])
    func timesThatNobodyMeansAreRefused(_ text: String) { #expect(Timestamp(text) == nil) }

    @Test(arguments: ["global", "bot:shop", "label:tier=gold"])
    func scopesReadBack(_ text: String) { #expect(ConfigScope(text)?.description == text) }
}
