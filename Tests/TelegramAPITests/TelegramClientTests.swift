import FleetModel
import FleetTesting
import HTTPTransport
import TelegramAPI
import Testing

@Suite(.timeLimit(.minutes(1))) struct TelegramClientTests {
    private static let secret = "12:verysecret"

    private func withClient(
        answering answer: @escaping @Sendable (Responder.Request) -> Responder.Answer,
        _ body: (TelegramClient, HTTPTransport, Responder) async throws -> Void
    ) async throws {
        let responder = try Responder(answer)
        let transport = try HTTPTransport()
        let token = try #require(BotToken(Self.secret))
        let client = TelegramClient(token: token, baseURL: responder.url("/"), transport: transport)
        do {
            try await body(client, transport, responder)
        } catch {
            await transport.shutdown()
            responder.stop()
            throw error
        }
        await transport.shutdown()
        responder.stop()
    }

    @Test func updatesKeepTheirTextByteForByte() async throws {
        let first = #"{ "update_id" : 7 , "message":{"text":"\u00e4\"} ] é","chat":{"id":1}} }"#
        let second = #"{"new_kind":{"a":[1.5e3,null]},"update_id":8}"#
        try await withClient(answering: { _ in .ok(body: "{\"ok\":true,\"result\":[\(first), \n\(second)]}") }) {
            let updates = try await $0.getUpdates(
                offset: 7, limit: 50, timeout: .seconds(25), allowedUpdates: ["message", "poll"])
            #expect(
                updates == [
                    ReceivedUpdate(id: 7, body: Array(first.utf8)), ReceivedUpdate(id: 8, body: Array(second.utf8)),
                ])
            let request = try #require($2.requests.first)
            #expect(request.path == "/bot12:verysecret/getUpdates")
            #expect(
                String(decoding: request.body, as: UTF8.self)
                    == #"{"limit":50,"timeout":25,"offset":7,"allowed_updates":["message","poll"]}"#)
        }
    }

    @Test(arguments: [
        #"{"ok":true,"result":{}}"#, #"{"ok":true,"result":[{"message":{}}]}"#, #"{"ok":true,"result":[7]}"#,
    ])
    func anAnswerThatHoldsNoUpdatesIsNotTakenForAnEmptyOne(_ body: String) async throws {
        try await withClient(answering: { _ in .ok(body: body) }) { client, _, _ in
            await #expect(throws: TelegramError.malformedReply(status: 200)) { _ = try await client.getUpdates() }
        }
    }

    @Test func typedCallsSpeakTheAPIsNames() async throws {
        let answer = #"{"ok":true,"result":{"message_id":5,"date":1,"chat":{"id":-7,"type":"group"},"text":"hi"}}"#
        try await withClient(answering: { _ in .ok(body: answer) }) {
            let markup = InlineKeyboardMarkup(inlineKeyboard: [[InlineKeyboardButton(text: "a", callbackData: "b")]])
            let message = try await $0.sendMessage("hi", to: -7, replyMarkup: .inlineKeyboard(markup))
            #expect(message.messageID == 5)
            #expect(message.chat == Chat(id: -7, type: "group"))
            let request = try #require($2.requests.first)
            #expect(request.path == "/bot12:verysecret/sendMessage")
            let body = String(decoding: request.body, as: UTF8.self)
            for part in [
                #""chat_id":-7"#, #""text":"hi""#, #""reply_markup":{"inline_keyboard":[[{"#, #""callback_data":"b""#,
            ] {
                #expect(body.contains(part))
            }
            #expect(!body.contains("null") && !body.contains("parse_mode"))
        }
    }

    @Test func aRawCallTellsTheMessageID() async throws {
        try await withClient(answering: { _ in
            .ok(body: #"{"ok":true,"result":{"chat":{"message_id":9},"message_id":42}}"#)
        }) { client, _, _ in
            let reply = try await client.call("sendMessage", body: Array("{}".utf8))
            #expect(reply.messageID == 42)
            #expect(String(decoding: reply.result, as: UTF8.self) == #"{"chat":{"message_id":9},"message_id":42}"#)
        }
    }

    @Test func anExchangeMatchesAnswersToCalls() async throws {
        let answer: @Sendable (Responder.Request) -> Responder.Answer = {
            let body = String(decoding: $0.body, as: UTF8.self)
            return body == "{}"
                ? .ok(status: 403, body: #"{"ok":false,"error_code":403,"description":"blocked"}"#)
                : .ok(body: #"{"ok":true,"result":{"message_id":\#(body.count)}}"#)
        }
        try await withClient(answering: answer) { client, transport, _ in
            let exchange = TelegramExchange(client, transport: transport)
            exchange.submit([
                TelegramCall(tag: 1, method: "sendMessage", body: Array("{}".utf8)),
                TelegramCall(tag: 2, method: "sendMessage", body: Array("{ }".utf8)),
            ])
            var seen: [Int: Result<Int64?, TelegramError>] = [:]
            while exchange.outstanding > 0 {
                for completion in await exchange.next() { seen[completion.tag] = completion.result.map(\.messageID) }
            }
            #expect(seen == [1: .failure(.forbidden("blocked")), 2: .success(3)])
        }
    }

    @Test func neitherErrorsNorClientsShowTheToken() async throws {
        try await withClient(answering: { _ in .reset(after: "") }) { client, _, _ in
            var shown = ["\(client)", String(reflecting: client)]
            var dumped = ""
            dump(client, to: &dumped)
            shown.append(dumped)
            do throws(TelegramError) {
                _ = try await client.getMe()
            } catch {
                shown += ["\(error)", String(reflecting: error)]
            }
            shown.append("\(client.request("getMe"))")
            #expect(shown.count == 6)
            #expect(shown.allSatisfy { !$0.contains("verysecret") })
        }
    }
}
