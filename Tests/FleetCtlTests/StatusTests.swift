import FleetModel
import Testing

@testable import FleetCtlKit

@Suite struct StatusTests {
    private let now = Timestamp(milliseconds: 1_795_420_800_000)

    private func bot(_ name: String, _ troubles: [BotTrouble] = [], dead: Int64 = 0) throws -> BotView {
        BotView(
            spec: BotSpec(id: try #require(BotID(name)), behaviour: "echo", labels: ["team": "a"]), telegramID: 7,
            username: "\(name)_bot", backlog: 12_345, deadLetters: dead, workers: ["\(name)-1"],
            intake: IntakeState(gateway: "g", condition: .conflict),
            troubles: troubles.isEmpty ? nil : troubles, createdAt: now)
    }

    private func worker(_ name: String, _ health: WorkerView.Health, _ counters: Heartbeat.Counters) -> WorkerView {
        WorkerView(
            heartbeat: Heartbeat(
                worker: WorkerIdentity(name: name), bots: [], host: "h", pid: 123_456, state: .running, startedAt: now,
                sentAt: now, generation: 3, generationHash: "", residentBytes: 40_000_000, counters: counters),
            health: health, restarts: 1)
    }

    private func isNarrow(_ text: String) -> Bool { text.split(separator: "\n").allSatisfy { $0.count <= 80 } }

    private let refused = BotTrouble(
        .tokenRefused, .failure,
        "Telegram refuses its token since 2026-11-23T08:00:00Z: \(String(repeating: "why ", count: 20))",
        mend: "`fleetctl bot set-token shop` with the token that BotFather shows")

    @Test func whatIsWrongIsSeenAtAGlance() throws {
        var counters = Heartbeat.Counters()
        (counters.settled, counters.duplicates, counters.deadLettered) = (1_234_567, 3, 2)
        let status = StatusView(
            coordinator: Incarnation(rawValue: "0123456789abcdef"), startedAt: now, generation: 3,
            bots: [try bot("shop", [refused]), try bot("a-bot-with-a-rather-long-name")],
            workers: [
                worker("a-bot-with-a-rather-long-name-1", .late, counters), worker("shop-1", .live, counters),
                worker("fleet.gateway-1", .process, counters),
            ])
        let text = FleetTables.status(status, now: now)
        #expect(isNarrow(text), "\(text)")
        #expect(text.contains("conflict"))
        #expect(text.contains("! shop: Telegram refuses its token"))
        #expect(text.contains("  -> `fleetctl bot set-token shop`"))
        #expect(text.hasSuffix("since their start: settled 2,469,134, duplicates 6, dead letters 4\n"))
        #expect(!text.contains("_bot"), "names at Telegram are for bot list")
        #expect(FleetTables.bots(status.bots).contains("@shop_bot"))
        #expect(isNarrow(FleetTables.bots(status.bots)))
    }

    @Test func countersThatAreZeroAreNotShown() {
        #expect(CounterSums.text([]) == "")
        #expect(CounterSums.text([worker("a", .live, Heartbeat.Counters())]) == "")
        var all = Heartbeat.Counters()
        (all.received, all.settled, all.duplicates, all.failedAttempts, all.deadLettered) = (1, 2, 3, 4, 5)
        (all.sent, all.sendErrors, all.reconnects, all.inFlight, all.unsent) = (6, 7, 8, 9, 10)
        let text = CounterSums.text([worker("a", .live, all)])
        #expect(isNarrow(text))
        for part in ["received 1", "failed attempts 4", "dead letters 5", "send errors 7", "unsent 10"] {
            #expect(text.contains(part), "\(part)")
        }
    }

    @Test func theDoctorSaysTheSameOfSeveralBotsOnce() throws {
        var later = refused
        later.text = "Telegram refuses its token since 2026-11-23T09:00:00Z"
        let menu = BotTrouble(.noMenu, .warning, "it has no menu", mend: "give it one")
        let findings = BotFindings.of([
            try bot("a", [refused], dead: 1_200), try bot("b", [later, menu], dead: 34), try bot("c"),
        ])
        #expect(findings.map(\.verdict) == [.failed, .warning, .warning])
        #expect(findings.map(\.check) == ["2 bots", "bot b", "dead letters"])
        #expect(findings[0].detail.hasPrefix("a, b: Telegram refuses"))
        #expect(findings[2].detail == "1,234 not replayed")
        let many = try (1...9).map { try bot("b\($0)", [menu]) }
        #expect(BotFindings.of(many).first?.detail == "b1, b2, b3, b4, b5 and 4 more: it has no menu")
        #expect(BotFindings.of([try bot("c")]).isEmpty)
        #expect(isNarrow(Finding.text(findings)))
    }

    @Test func linesBreakBetweenWords() {
        #expect(TextWrap.lines("one two three", first: "> ", rest: "  ", width: 9) == "> one two\n  three\n")
        #expect(TextWrap.lines("", first: "> ", rest: "  ") == "> \n")
        #expect(TextWrap.lines("unbreakable x", first: "", rest: "", width: 5) == "unbreakable\nx\n")
        #expect(TextWrap.lines("a\nb\u{1b}", first: "", rest: "") == "a b\n")
    }
}
