import FleetModel
import Testing

@testable import FleetCtlKit

@Suite struct DeadLetterOutputTests {
    let now = Timestamp(milliseconds: 1_795_420_800_000)

    @Test func timesAreMomentsOrAges() {
        func read(_ text: String) -> String? { TimeText.parse(text, now: now)?.description }
        #expect(now.description == "2026-11-23T08:00:00.000Z")
        #expect(read("2026-11-22") == "2026-11-22T00:00:00.000Z")
        #expect(read("2026-11-22T07:30") == "2026-11-22T07:30:00.000Z")
        #expect(read("2026-11-22T07:30:15Z") == "2026-11-22T07:30:15.000Z")
        #expect(read("90s") == "2026-11-23T07:58:30.000Z")
        #expect(read("2h") == "2026-11-23T06:00:00.000Z")
        #expect(read("7d") == "2026-11-16T08:00:00.000Z")
        for text in ["", "d", "-1d", "x", "5", "10ms", "2026-13-01", "2026-11-22T07", "99999999999999999999d"] {
            #expect(read(text) == nil, "\(text)")
        }
    }

    @Test func aFilterBecomesAQuery() {
        var filter = DeadLetterFilter(bot: BotID("a-b_1"))
        #expect(DeadLetterFilter().path("/v1/x") == "/v1/x")
        filter.reason = "50% ä&=/"
        #expect(filter.path("/v1/x", [("limit", "5")]) == "/v1/x?bot=a-b_1&reason=50%25%20%C3%A4%26%3D%2F&limit=5")
    }

    @Test func jsonIsIndentedAsItWasWritten() {
        func indented(_ text: String) -> String? { JSONIndent.text(Array(text.utf8)) }
        #expect(
            indented(#"{"b":1.50,"a":[1,{"x":"a{\"b,:"}],"e":{},"f":[ ]}"#) == """
                {
                  "b": 1.50,
                  "a": [
                    1,
                    {
                      "x": "a{\\"b,:"
                    }
                  ],
                  "e": {},
                  "f": []
                }
                """)
        #expect(indented(#""x\\" "#) == #""x\\""#)
        for text in ["", "{", "{} {}", "{malformed", "[1,]"] { #expect(indented(text) == nil, "\(text)") }
    }

    private func letter(_ body: String?) throws -> DeadLetterView {
        DeadLetterView(
            number: 12_345, bot: try #require(BotID("a-bot-with-a-long-name")), updateID: 987_654_321, kind: .handler,
            reason: String(repeating: "because\u{1b}[31m ", count: 20), attempts: 5, firstAt: now, at: now,
            replayedAt: nil, size: 7, body: body)
    }

    @Test func aListFitsEightyColumns() throws {
        let text = DeadLetterTables.list([try letter(nil)], next: "--before 12345", now: now)
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(text.contains("12345") && text.contains("987654321") && text.contains("handler"))
        #expect(text.hasSuffix("older ones: --before 12345\n"))
        #expect(!text.contains("\u{1b}"))
    }

    @Test func aBodyIsShownIndentedAndHarmless() throws {
        #expect(DeadLetterTables.show(try letter(#"{"a":1}"#)).hasSuffix("{\n  \"a\": 1\n}\n"))
        let text = DeadLetterTables.show(try letter("no JSON \u{1b}[2J\u{9b}"))
        #expect(text.hasSuffix("no JSON  [2J \n"))
        #expect(text.contains("first     2026-11-23T08:00:00.000Z\n"))
    }

    @Test func aReplaySaysWhatIsLeft() {
        var view = ReplayView(number: 3, author: "me", total: 30, startedAt: now)
        view.state = .failed
        view.replayed = 2
        view.failed = 25
        view.failures = [ReplayView.Failure(number: 9, reason: "full")]
        view.detail = "stopped at letter 5"
        #expect(
            DeadLetterTables.replay(view) == """
                replay 3: failed, replayed 2 of 30, failed 25
                9: full
                and 24 more
                stopped at letter 5

                """)
        let none = ReplayView(number: 4, author: "me", total: 0, startedAt: now)
        #expect(DeadLetterTables.replay(none).contains("running"))
        var done = none
        done.state = .done
        #expect(DeadLetterTables.replay(done).contains("--replayed"))
        #expect(DeadLetterTables.replays([view]).contains("failed"))
    }
}
