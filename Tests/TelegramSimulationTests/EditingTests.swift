import Testing

@testable import TelegramSimulation

@Suite struct EditingTests {
    private static let keyboard = #"{"inline_keyboard":[[{"text":"A","callback_data":"a"}]]}"#

    /// A bot that has sent a message with a button; its id is 2.
    private func prepared() throws -> Harness {
        let harness = try Harness()
        try harness.say("hi")
        #expect(
            try harness.reply("sendMessage", #"{"chat_id":5,"text":"menu","reply_markup":\#(Self.keyboard)}"#)
                .result.integer("message_id") == 2
        )
        return harness
    }

    @Test func anEditReplacesTextAndKeyboard() throws {
        let harness = try prepared()
        let edited = try harness.reply("editMessageText", #"{"chat_id":5,"message_id":2,"text":"new"}"#)
        #expect(edited.result.text("text") == "new")
        #expect(edited.result["reply_markup"] == nil)
        let again = try harness.reply("editMessageText", #"{"chat_id":5,"message_id":2,"text":"new"}"#)
        #expect(again.description.hasPrefix("Bad Request: message is not modified"))
        let markup = try harness.reply(
            "editMessageReplyMarkup",
            #"{"chat_id":5,"message_id":2,"reply_markup":\#(Self.keyboard)}"#
        )
        #expect(markup.result.text("text") == "new")
        #expect(!markup.result.object("reply_markup").isEmpty)
    }

    @Test(arguments: [
        (#"{"chat_id":5,"message_id":9,"text":"x"}"#, "Bad Request: message to edit not found"),
        (#"{"chat_id":5,"message_id":1,"text":"x"}"#, "Bad Request: message can't be edited"),
        (#"{"chat_id":6,"message_id":2,"text":"x"}"#, "Bad Request: chat not found"),
        (#"{"chat_id":5,"text":"x"}"#, "Bad Request: message identifier is not specified"),
        (
            #"{"chat_id":5,"message_id":2,"text":"x","reply_markup":{"force_reply":true}}"#,
            "Bad Request: inline keyboard expected"
        ),
    ])
    func isRefused(body: String, description: String) throws {
        #expect(try prepared().reply("editMessageText", body).description == description)
    }

    @Test func aDeletedMessageIsGone() throws {
        let harness = try prepared()
        #expect(try harness.reply("deleteMessage", #"{"chat_id":5,"message_id":2}"#).ok)
        #expect(
            try harness.reply("deleteMessage", #"{"chat_id":5,"message_id":2}"#).description
                == "Bad Request: message to delete not found"
        )
        #expect(!(try harness.reply("editMessageText", #"{"chat_id":5,"message_id":2,"text":"x"}"#).ok))
    }

    @Test func aButtonIsPressedAndAnsweredOnce() throws {
        let harness = try prepared()
        #expect(
            try harness.control(.post, "bots/42/press", #"{"chat":5,"message_id":2,"data":"a"}"#).updateIDs == [501]
        )
        let update = try #require(harness.reply("getUpdates", #"{"offset":501}"#).results.first)
        let query = update.object("callback_query")
        #expect(query.text("data") == "a")
        #expect(query.object("message").integer("message_id") == 2)
        #expect(query.object("message").text("text") == "menu")
        let id = try #require(query.text("id"))
        #expect(try harness.reply("answerCallbackQuery", #"{"callback_query_id":"\#(id)","text":"ok"}"#).ok)
        let again = try harness.reply("answerCallbackQuery", #"{"callback_query_id":"\#(id)"}"#)
        #expect(
            again.description
                == "Bad Request: query is too old and response timeout expired or query ID is invalid"
        )
    }

    @Test func aButtonThatIsNotThereCannotBePressed() throws {
        let harness = try prepared()
        for body in [
            #"{"chat":5,"message_id":2,"data":"b"}"#, #"{"chat":5,"message_id":1,"data":"a"}"#,
            #"{"chat":6,"message_id":2,"data":"a"}"#, #"{"chat":5,"message_id":99,"data":"a"}"#,
        ] {
            #expect(try harness.control(.post, "bots/42/press", body).status == 400)
        }
        #expect(
            try harness.control(.post, "bots/42/press", #"{"chat":5,"message_id":2,"data":"b","force":true}"#).ok
        )
    }
}
