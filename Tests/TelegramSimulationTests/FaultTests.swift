import Testing

@testable import TelegramSimulation

@Suite struct FaultTests {
    private func course(seed: UInt64, probability: Double) throws -> [Bool] {
        let simulation = Simulation(Simulation.Configuration(seed: seed))
        let body = #"{"kind":"reset","method":"sendMessage","probability":\#(probability)}"#
        let request = ControlRequest(verb: .post, path: ["faults"], query: Parameters(), body: Array(body.utf8))
        #expect(simulation.control(request, now: 0).status == 200)
        return (0..<2000).map { _ in simulation.drawFault(bot: 1, method: "SendMessage") != nil }
    }

    @Test func aSeedDecidesTheCourse() throws {
        let first = try course(seed: 5, probability: 0.3)
        #expect(try course(seed: 5, probability: 0.3) == first)
        #expect(try course(seed: 6, probability: 0.3) != first)
        #expect((500...700).contains(first.filter { $0 }.count))
        #expect(!(try course(seed: 5, probability: 0).contains(true)))
        #expect(!(try course(seed: 5, probability: 1).contains(false)))
    }

    @Test func aRuleKnowsItsBotItsMethodAndItsCount() throws {
        let harness = try Harness()
        let added = try harness.control(
            .post,
            "faults",
            #"{"kind":"half","bot":42,"method":"sendMessage","skip":1,"count":2}"#
        )
        #expect(added.ok)
        let draw = { (bot: Int64, method: String) in harness.simulation.drawFault(bot: bot, method: method) }
        #expect(draw(42, "getMe") == nil)
        #expect(draw(43, "sendMessage") == nil)
        #expect((0..<5).map { _ in draw(42, "sendMessage") } == [nil, .half, .half, nil, nil])
        #expect(try harness.control(.delete, "faults/1").ok)
        #expect(try harness.control(.delete, "faults/1").status == 404)
    }

    @Test(arguments: [
        #"{"kind":"earthquake"}"#, #"{"kind":"delay"}"#, #"{"kind":"half","probability":2}"#,
        #"{"kind":"half","method":"sendMassage"}"#, #"{"kind":"half","count":-1}"#, "nonsense", "",
    ])
    func aBadRuleIsRefused(body: String) throws {
        let harness = try Harness()
        #expect(try harness.control(.post, "faults", body).status == 400)
        #expect(harness.simulation.drawFault(bot: 42, method: "sendMessage") == nil)
    }

    @Test func whatFaultsDo() {
        #expect(Fault.badGateway.reply?.contentType == .html)
        #expect(Fault.tooManyRequests(retryAfter: 7).reply == Reply(.tooManyRequests(after: 7)))
        for fault in [Fault.drop, .half, .silence] { #expect(fault.takesEffect && fault.losesAnswer) }
        for fault in [Fault.internalError, .timeout, .reset] { #expect(!fault.takesEffect && !fault.losesAnswer) }
        #expect(Fault.delay(milliseconds: 5).takesEffect && !Fault.delay(milliseconds: 5).losesAnswer)
    }

    @Test func aLostAnswerIsMarkedInTheLog() throws {
        let harness = try Harness()
        try harness.say("hi")
        var parameters = Parameters()
        try parameters.add(json: Array(#"{"chat_id":5,"text":"x"}"#.utf8))
        _ = harness.bot.call("sendMessage", parameters, answerLost: true, now: 2) { RecordingSink() }
        let entry = try #require(harness.control(.get, "bots/42/log?after=1").entries.first)
        #expect(entry["answer_lost"] as? Bool == true)
    }
}
