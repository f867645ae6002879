import Testing

@testable import TelegramSimulation

@Suite struct SendingTests {
    @Test func aMessageComesBackAsTelegramShowsIt() throws {
        let harness = try Harness()
        try harness.say("hi")
        let message = try harness.reply("SENDMESSAGE", #"{"chat_id":5,"text":"h\u00e9 \"q\"\n😀","parse_mode":"HTML"}"#)
        #expect(message.ok)
        #expect(message.result.integer("message_id") == 2)
        #expect(message.result.integer("date") == harness.now / 1_000_000)
        #expect(message.result.text("text") == "hé \"q\"\n😀")
        #expect(message.result.object("chat").integer("id") == 5)
        #expect(message.result.object("from").integer("id") == 42)
        #expect(try harness.control(.get, "counts").total.integer("messages") == 1)
    }

    @Test(arguments: [
        (#"{"text":"x"}"#, "Bad Request: chat_id is empty"),
        (#"{"chat_id":6,"text":"x"}"#, "Bad Request: chat not found"),
        (#"{"chat_id":"@somewhere","text":"x"}"#, "Bad Request: chat not found"),
        (#"{"chat_id":5}"#, "Bad Request: message text is empty"),
        (#"{"chat_id":5,"text":" \n"}"#, "Bad Request: message text is empty"),
        (#"{"chat_id":5,"text":"x","reply_markup":[]}"#, "Bad Request: object expected as reply markup"),
        (
            #"{"chat_id":5,"text":"x","reply_markup":"{nonsense"}"#,
            "Bad Request: can't parse reply keyboard markup JSON object"
        ),
        (
            #"{"chat_id":5,"text":"x","reply_markup":{"inline_keyboard":[[{"text":"a"}]]}}"#,
            "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        ),
        (
            #"{"chat_id":5,"text":"x","reply_markup":{"inline_keyboard":[{"text":"a"}]}}"#,
            "Bad Request: field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays"
        ),
        (
            #"{"chat_id":5,"text":"x","reply_markup":{"inline_keyboard":[[{"text":"a","callback_data":""}]]}}"#,
            "Bad Request: BUTTON_DATA_INVALID"
        ),
    ])
    func isRefused(body: String, description: String) throws {
        let harness = try Harness()
        try harness.say("hi")
        let answer = try harness.reply("sendMessage", body)
        #expect(answer.status == 400)
        #expect(answer.object["error_code"] as? Int == 400)
        #expect(answer.description == description)
        #expect(try harness.control(.get, "counts").total.integer("messages") == 0)
    }

    @Test func aTextHas4096Units() throws {
        let harness = try Harness()
        try harness.say("hi")
        func send(_ text: String) throws -> Answer {
            try harness.reply("sendMessage", #"{"chat_id":5,"text":"\#(text)"}"#)
        }
        #expect(try send(String(repeating: "é", count: 4096)).ok)
        #expect(try send(String(repeating: "é", count: 4097)).description == "Bad Request: message is too long")
        #expect(try send(String(repeating: "😀", count: 2049)).description == "Bad Request: message is too long")
    }

    @Test(arguments: [
        #"{"keyboard":[[{"text":"a"}],["b"]],"resize_keyboard":true}"#, #"{"remove_keyboard":true}"#,
        #"{"force_reply":true}"#, #"{"inline_keyboard":[[{"text":"a","url":"http://x"}]]}"#,
    ])
    func allFormsOfMarkupAreTakenAndKept(markup: String) throws {
        let harness = try Harness()
        try harness.say("hi")
        #expect(try harness.reply("sendMessage", #"{"chat_id":5,"text":"x","reply_markup":\#(markup)}"#).ok)
        let entries = try harness.control(.get, "bots/42/transcript?chat=5").entries
        #expect(entries.map { $0.text("direction") } == ["in", "out"])
        #expect(!(try #require(entries.last)).object("reply_markup").isEmpty)
    }

    @Test func aBlockedBotIsForbidden() throws {
        let harness = try Harness()
        #expect(try harness.control(.post, "bots/42/block", #"{"user":5}"#).ok)
        let answer = try harness.reply("sendMessage", #"{"chat_id":5,"text":"x"}"#)
        #expect(answer.status == 403)
        #expect(answer.description == "Forbidden: bot was blocked by the user")
        #expect(try harness.control(.post, "bots/42/block", #"{"user":5,"blocked":false}"#).ok)
        #expect(try harness.reply("sendMessage", #"{"chat_id":5,"text":"x"}"#).ok)
    }

    @Test func anOpenBotMayWriteToAnyone() throws {
        let harness = try Harness { $0.acceptUnknown = true }
        #expect(try harness.reply("sendMessage", #"{"chat_id":77,"text":"x"}"#).ok)
        #expect(try harness.reply("editMessageText", #"{"chat_id":77,"message_id":999,"text":"y"}"#).ok)
        #expect(try harness.reply("answerCallbackQuery", #"{"callback_query_id":"q"}"#).ok)
        #expect(try harness.reply("sendMessage", #"{"chat_id":0,"text":"x"}"#).status == 400)
    }

    @Test func mediaAreDescribed() throws {
        let harness = try Harness()
        try harness.say("hi")
        var parameters = Parameters()
        let body =
            "--B\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n5\r\n--B\r\nContent-Disposition: "
            + "form-data; name=\"document\"; filename=\"a;b.txt\"\r\nContent-Type: text/plain\r\n\r\nab\r\ncd\r\n--B--\r\n"
        try parameters.add(multipart: Array(body.utf8), boundary: "B")
        guard case .reply(let reply) = harness.bot.call("sendDocument", parameters, now: 1, sink: { RecordingSink() })
        else { throw HarnessError.waits }
        let document = try Answer(reply).result.object("document")
        #expect(document.integer("file_size") == 6)
        #expect(document.text("mime_type") == "text/plain")
        #expect(try harness.reply("sendPhoto", #"{"chat_id":5}"#).description.contains("there is no photo"))
        #expect(
            try harness.reply("sendPhoto", #"{"chat_id":5,"photo":"FILE","caption":"c"}"#).result.text("caption") == "c"
        )
    }

    @Test func aFileMayStandInAPartOfAnotherName() throws {
        let harness = try Harness()
        try harness.say("hi")
        let body =
            "--B\r\nContent-Disposition: form-data; name=chat_id\r\n\r\n5\r\n--B\r\nContent-Disposition: form-data; "
            + "name=photo\r\n\r\nattach://p1\r\n--B\r\nContent-Disposition: form-data; name=p1; filename=a.png\r\n"
            + "\r\n1234\r\n--B--\r\n"
        var parameters = Parameters()
        try parameters.add(multipart: Array(body.utf8), boundary: "B")
        guard case .reply(let reply) = harness.bot.call("sendPhoto", parameters, now: 1, sink: { RecordingSink() })
        else { throw HarnessError.waits }
        let sizes = try Answer(reply).result["photo"] as? [[String: Any]]
        #expect(sizes?.first?.integer("file_size") == 4)
    }

    @Test func whatIsNotSimulatedSaysSo() throws {
        let harness = try Harness()
        let known = try harness.reply("getstartransactions")
        #expect(known.status == 404)
        #expect(known.description == "Not Found: method getStarTransactions is not simulated")
        #expect(try harness.reply("getLost").description == "Not Found")
    }

    @Test func copiesAndForwards() throws {
        let harness = try Harness()
        try harness.say("hi")
        let copy = try harness.reply("copyMessage", #"{"chat_id":5,"from_chat_id":5,"message_id":1}"#)
        #expect(copy.result.integer("message_id") == 2)
        let forward = try harness.reply("forwardMessage", #"{"chat_id":5,"from_chat_id":5,"message_id":1}"#)
        #expect(forward.result.text("text") == "hi")
        let missing = try harness.reply("copyMessage", #"{"chat_id":5,"from_chat_id":5,"message_id":88}"#)
        #expect(missing.description == "Bad Request: message to copy not found")
    }
}
