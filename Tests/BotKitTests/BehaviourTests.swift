import BotKit
import FleetModel
import Testing

@Suite struct BehaviourTests {
    private func run(
        _ behaviour: some Behaviour,
        _ json: String,
        session: [UInt8]? = nil,
        config: [String: ConfigValue] = [:]
    ) async throws -> Context {
        let bot = try #require(BotID("b"))
        let update = try UpdateEnvelope(body: Array(json.utf8))
        var context = Context(bot: bot, config: BotConfig(values: config), session: session, update: update)
        try await behaviour.handle(update, &context)
        return context
    }

    private func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    @Test func echoGreetsRepeatsAndCounts() async throws {
        let json = #"{"update_id":1,"message":{"chat":{"id":5},"text":"a \"b\""}}"#
        let context = try await run(
            EchoBehaviour(),
            json,
            session: Array(#"{"count":41}"#.utf8),
            config: ["greeting": .string("Hi:")]
        )
        #expect(text(context.session) == #"{"count":42}"#)
        #expect(text(context.calls.first?.body) == #"{"chat_id":5,"text":"Hi: a \"b\""}"#)
    }

    @Test func echoLeavesOtherKindsAlone() async throws {
        let context = try await run(EchoBehaviour(), #"{"update_id":1,"poll":{"id":"1"}}"#)
        #expect(context.calls.isEmpty)
        #expect(!context.sessionChanged)
    }

    private let menu = ConfigValue.object([
        "start": .string("home"), "commands": .object(["help": .string("help")]),
        "screens": .object([
            "home": .object([
                "text": .string("Home"),
                "keyboard": .list([.list([.object(["label": .string("H"), "screen": .string("help")])])]),
            ]), "help": .object(["text": .string("Help!")]),
        ]),
    ])

    @Test func menuOpensTheScreenOfACommand() async throws {
        let json = #"{"update_id":1,"message":{"chat":{"id":5},"text":"/help@bot now"}}"#
        let context = try await run(MenuBehaviour(), json, config: ["menu": menu])
        #expect(text(context.calls.first?.body) == #"{"chat_id":5,"text":"Help!"}"#)
        #expect(text(context.session) == "help")
    }

    @Test func menuReplacesTheScreenWhoseButtonWasPressed() async throws {
        let json =
            #"{"update_id":1,"callback_query":{"id":"7","from":{"id":5},"data":"go:gone","message":{"message_id":3,"chat":{"id":5}}}}"#
        let context = try await run(MenuBehaviour(), json, config: ["menu": menu])
        #expect(context.calls.map(\.method) == ["answerCallbackQuery", "editMessageText"])
        #expect(
            text(context.calls.last?.body)
                == #"{"chat_id":5,"message_id":3,"text":"Home","reply_markup":{"inline_keyboard":[[{"text":"H","callback_data":"go:help"}]]}}"#
        )
    }

    @Test func tooLongATextIsCutToTelegramsLimit() {
        let call = OutgoingCall.sendMessage(chat: 1, text: String(repeating: "😀", count: 3000))
        let body = String(decoding: call.body, as: UTF8.self)
        #expect(body.count { $0 == "😀" } == 2048)
    }

    @Test func theRouterTakesTheFirstRouteThatFits() async throws {
        let bot = try #require(BotID("b"))
        var router = Router()
        router.command("start") { _, context in context.reply("started") }
        router.text { update, context in context.reply("text \(update.text ?? "")") }
        for (input, expected) in [("/start x", "started"), ("hello", "text hello")] {
            let update = try UpdateEnvelope(
                body: Array(#"{"update_id":1,"message":{"chat":{"id":5},"text":"\#(input)"}}"#.utf8)
            )
            var context = Context(bot: bot, config: BotConfig(), session: nil, update: update)
            #expect(try await router.handle(update, &context))
            #expect(text(context.calls.first?.body)?.contains(expected) == true)
        }
    }
}
