import FleetModel
import HTTPTransport
import Testing

@testable import FleetCtlKit

@Suite struct OutputTests {
    @Test func durationsAreReadAsPeopleWriteThem() {
        #expect(DurationText.parse("10s") == .seconds(10))
        #expect(DurationText.parse("500ms") == .milliseconds(500))
        #expect(DurationText.parse("1.5m") == .seconds(90))
        #expect(DurationText.parse("2h") == .seconds(7200))
        #expect(DurationText.parse("7") == .seconds(7))
        for text in ["", "s", "-1s", "10 s", "10d", "1.2.3", "1e999s"] {
            #expect(DurationText.parse(text) == nil, "\(text)")
        }
    }

    @Test func numbersAreGroupedAndRounded() {
        #expect(NumberText.grouped(1_234_567) == "1,234,567")
        #expect(NumberText.grouped(-999) == "-999")
        #expect(NumberText.fixed(1.25) == "1.3")
        #expect(NumberText.fixed(0.04) == "0.0")
        #expect(NumberText.fixed(-0.04) == "0.0")
        #expect(NumberText.fixed(2.005, 0) == "2")
        #expect(NumberText.fixed(.nan) == "–")
        #expect(NumberText.short(99_999) == "99999")
        #expect(NumberText.short(123_456) == "123.5k")
        #expect(NumberText.short(1_234_567) == "1.2M")
        #expect(NumberText.short(98_765_432_100) == "98.8G")
        #expect(NumberText.age(milliseconds: 3_600_000) == "60m")
    }

    @Test func withoutATerminalProgressIsAFewPlainLines() {
        let start = ContinuousClock.now
        var line = ProgressLine(isTerminal: false, every: .seconds(5))
        #expect(line.update("a", now: start) == "a\n")
        #expect(line.update("b", now: start + .seconds(4)) == "")
        #expect(line.update("c", now: start + .seconds(5)) == "c\n")
    }

    @Test func onATerminalOneLineIsDrawnAgain() {
        var line = ProgressLine(isTerminal: true, width: 10)
        #expect(line.note("x") == "x\n")
        #expect(line.update("0123456789abc", now: .now) == "\r\u{1b}[K012345678")
        #expect(line.note("x") == "\r\u{1b}[Kx\n")
    }

    @Test func aTallyNamesEveryoneInEightyColumns() throws {
        let bot = try #require(BotID("shop"))
        let rows = TallyView.Result.allCases.map { result in
            TallyView.Row(
                worker: WorkerIdentity(name: "worker-\(result)", incarnation: Incarnation(rawValue: "0")),
                bots: [bot],
                result: result,
                milliseconds: result == .applied ? 12.34 : nil,
                reason: result == .refused ? String(repeating: "because ", count: 20) : nil
            )
        }
        let text = FleetTables.tally(TallyView(generation: 7, rows: rows, milliseconds: 99.9))
        for result in TallyView.Result.allCases { #expect(text.contains("worker-\(result)")) }
        #expect(text.contains("generation 7: 1 applied, 1 refused, 1 late, 1 missing of 4 in 99.9 ms"))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }

    @Test func labelsAndTokensAreCheckedAndTokensNotShown() throws {
        #expect(try BotArguments.labels(["a=b", "c=d=e"]) == ["a": "b", "c": "d=e"])
        #expect(throws: Fault.self) { try BotArguments.labels(["a"]) }
        let token = try BotArguments.token(" 123456:AAbbCC-_dd\n", from: "t")
        #expect(token.reveal() == "123456:AAbbCC-_dd")
        do {
            _ = try BotArguments.token("very secret nonsense", from: "/tmp/token")
            Issue.record("nonsense was taken for a token")
        } catch {
            #expect(error.message.contains("/tmp/token"))
            #expect(!error.message.contains("secret nonsense"))
        }
    }

    @Test func anErrorOfTheCoordinatorIsOneLine() {
        let body =
            #"{"code":"invalid","message":"2 values are refused","problems":[{"key":"a","reason":"x"},{"key":"b","reason":"y"}]}"#
        #expect(FleetClient.fault(status: 422, body: Array(body.utf8)).message == "2 values are refused: a: x; b: y")
        #expect(FleetClient.fault(status: 401, body: []).message.contains("--api-token-file"))
        #expect(FleetClient.fault(status: 500, body: Array("<html>".utf8)).message.contains("500"))
        let lost = HTTPError(code: .connectionLost, endpoint: "127.0.0.1:1", mayHaveArrived: true)
        #expect(FleetClient.fault(lost, changes: true).message.contains("may have been done"))
        #expect(FleetClient.fault(lost, changes: false).message.contains("fleetctl up"))
    }
}
