import HTTPTransport
import TelegramAPI
import Testing

@Suite struct TelegramErrorTests {
    private func error(_ status: Int, _ body: String, fields: String = "") -> TelegramError? {
        let block = Array("HTTP/1.1 \(status) X\r\n\(fields)\r\n".utf8)
        let response = HTTPResponse(status: status, headers: HTTPHeaders(block: block), body: Array(body.utf8))
        do throws(TelegramError) {
            _ = try TelegramReply(response)
            return nil
        } catch {
            return error
        }
    }

    @Test func aRateLimitTellsHowLong() {
        let error = error(
            429,
            #"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}"#
        )
        #expect(error == .rateLimited(retryAfter: .seconds(35)))
        #expect(error?.disposition == .retryAfter(.seconds(35)))
    }

    @Test func aRateLimitOfAProxyUsesItsFieldOrASecond() {
        #expect(error(429, "<html>", fields: "Retry-After: 7\r\n") == .rateLimited(retryAfter: .seconds(7)))
        #expect(error(429, "") == .rateLimited(retryAfter: .seconds(1)))
        #expect(error(429, "", fields: "Retry-After: Wed, 21 Oct\r\n") == .rateLimited(retryAfter: .seconds(1)))
        let absurd = #"{"ok":false,"error_code":429,"description":"","parameters":{"retry_after":9223372036854775807}}"#
        #expect(error(429, absurd) == .rateLimited(retryAfter: .seconds(86_400)))
    }

    @Test func theCodesOfTheAPIHaveTheirCases() {
        func told(_ code: Int, _ text: String) -> TelegramError? {
            error(code, #"{"ok":false,"error_code":\#(code),"description":"\#(text)"}"#)
        }
        #expect(told(401, "Unauthorized") == .unauthorized)
        #expect(told(401, "Unauthorized")?.disposition == .stop)
        #expect(told(404, "Not Found") == .notFound)
        let conflict = "Conflict: terminated by other getUpdates request"
        #expect(told(409, conflict) == .conflict(conflict))
        let blocked = "Forbidden: bot was blocked by the user"
        #expect(told(403, blocked) == .forbidden(blocked))
        #expect(told(403, blocked)?.disposition == .giveUp)
        let missing = "Bad Request: chat not found"
        #expect(told(400, missing) == .badRequest(missing))
        #expect(told(500, "Internal Server Error") == .server(status: 500))
        #expect(told(418, "tea") == .rejected(status: 418, "tea"))
    }

    @Test func aGroupThatBecameASupergroupTellsItsNewID() {
        let body =
            #"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded","parameters":{"migrate_to_chat_id":-1001234567890}}"#
        #expect(error(400, body) == .migrated(to: -1_001_234_567_890))
    }

    @Test func aProxysPageIsNotTelegramsAnswer() {
        let page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
        #expect(error(502, page) == .server(status: 502))
        #expect(error(502, page)?.disposition == .retry)
        #expect(error(502, page)?.mayHaveTakenEffect == true)
        #expect(error(413, page)?.disposition == .giveUp)
        #expect(error(200, page) == .malformedReply(status: 200))
        #expect(error(403, page) == .malformedReply(status: 403))
    }

    @Test(arguments: [
        "", "{", "[]", "null", "{}", #"{"ok":1}x"#, #"{"result":1}"#, #"{"ok":true,"result":{"#,
        #"{"ok":true,"result":[1,]}"#,
    ])
    func whatIsNoAnswerIsSaidSo(_ body: String) {
        #expect(error(200, body) == .malformedReply(status: 200))
    }

    @Test func descriptionsAreBounded() {
        let long = String(repeating: "x", count: 100_000)
        guard case .badRequest(let text)? = error(400, #"{"ok":false,"error_code":400,"description":"\#(long)"}"#)
        else {
            return #expect(Bool(false), "another error")
        }
        #expect(text.count == 300)
    }
}
