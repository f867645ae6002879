import FleetModel
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Testing

@testable import Coordinator

@Suite struct APIRoutesTests {
    let fleet = FakeFleet()

    private struct Answer {
        var status: Int
        var body: Data
        func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try JSONDecoder().decode(type, from: body)
        }
    }

    private func ask(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: String = "",
        authorization: String? = "Bearer right"
    ) async throws -> Answer {
        var head = HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path)
        head.headerFields[.authorization] = authorization
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body)))
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let context = APIContext(logger: logger)
        let response = try await APIRoutes.router(fleet, logger: logger).buildResponder().respond(
            to: request, context: context)
        let collector = Collector()
        try await response.body.write(collector)
        return Answer(status: response.status.code, body: Data(collector.content))
    }

    private final class Collector: ResponseBodyWriter {
        var content: [UInt8] = []
        func write(_ buffer: ByteBuffer) async throws { content += Array(buffer.readableBytesView) }
        func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    @Test func healthNeedsNoToken() async throws {
        let answer = try await ask(.get, "/v1/health", authorization: nil)
        #expect(answer.status == 200)
        #expect(try answer.decoded(HealthView.self).status == "ok")
    }

    @Test(arguments: [nil, "", "Bearer", "Bearer wrong", "Basic right", "right", "Bearer right right"])
    func everythingElseNeedsTheToken(header: String?) async throws {
        let answer = try await ask(.get, "/v1/bots", authorization: header)
        #expect(answer.status == 401)
        #expect(try answer.decoded(APIError.self).code == "unauthorized")
    }

    @Test func theSchemesCaseDoesNotMatter() async throws {
        #expect(try await ask(.get, "/v1/bots", authorization: "bearer right").status == 200)
    }

    @Test func anUnknownPathIsAnAPIErrorToo() async throws {
        let answer = try await ask(.get, "/v1/nothing")
        #expect(answer.status == 404)
        #expect(try answer.decoded(APIError.self).message.contains("/v1/nothing"))
    }

    @Test func bots() async throws {
        #expect(try await ask(.get, "/v1/bots").decoded([BotView].self) == [FakeFleet.shop])
        #expect(try await ask(.get, "/v1/bots/shop").decoded(BotView.self) == FakeFleet.shop)
        #expect(try await ask(.get, "/v1/bots/other").status == 404)
        #expect(try await ask(.get, "/v1/bots/Not%20An%20Id").status == 400)
        #expect(try await ask(.post, "/v1/bots/shop/stop").status == 200)
        #expect(fleet.lastAsked == "stopped shop")
        #expect(try await ask(.post, "/v1/bots/shop/start").status == 200)
        #expect(fleet.lastAsked == "running shop")
        #expect(try await ask(.post, "/v1/bots/shop/restart").status == 200)
        #expect(try await ask(.post, "/v1/bots/shop/token", #"{"token":"1:x"}"#).status == 200)
        #expect(fleet.lastAsked == "token of shop by operator")
        #expect(try await ask(.post, "/v1/bots/shop/token", "{}").status == 400)
        let removed = try await ask(.delete, "/v1/bots/shop")
        #expect(removed.status == 204 && removed.body.isEmpty)
        #expect(fleet.lastAsked == "remove shop by operator")
    }

    @Test func changingABot() async throws {
        #expect(try await ask(.patch, "/v1/bots/shop", #"{"lanes":4}"#).status == 200)
        #expect(fleet.lastAsked == "change shop lanes 4 workers -1 by operator")
        #expect(try await ask(.patch, "/v1/bots/shop", #"{"workers":2,"lanes":null}"#).status == 200)
        #expect(fleet.lastAsked == "change shop lanes -1 workers 2 by operator")
        let unknown = try await ask(.patch, "/v1/bots/shop", #"{"lanes":4,"speed":9}"#)
        #expect(unknown.status == 400)
        #expect(try unknown.decoded(APIError.self).message.hasPrefix("speed: no such field; valid are: lanes"))
        for body in [#"{"lanes":"4"}"#, "[]", "4", ""] {
            #expect(try await ask(.patch, "/v1/bots/shop", body).status == 400)
        }
        #expect(fleet.lastAsked == "change shop lanes -1 workers 2 by operator")
    }

    @Test func addingABotAnswers201() async throws {
        let body = try JSONEncoder().encode(AddBotRequest(spec: FakeFleet.shop.spec, token: "1:x"))
        let answer = try await ask(.post, "/v1/bots", String(decoding: body, as: UTF8.self))
        #expect(answer.status == 201)
        #expect(fleet.lastAsked == "add shop by operator")
    }

    @Test(arguments: ["", "{", "[]", #"{"token":"12345:secret"}"#, #"{"spec":{"id":"BAD"},"token":"12345:secret"}"#])
    func aBodyThatDoesNotFitIs400AndNeverEchoed(body: String) async throws {
        let answer = try await ask(.post, "/v1/bots", body)
        #expect(answer.status == 400)
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("secret"))
        #expect(try answer.decoded(APIError.self).code == "bad_request")
    }

    @Test func aBodyThatIsTooLargeIs413() async throws {
        let answer = try await ask(.post, "/v1/config", String(repeating: " ", count: (1 << 20) + 1))
        #expect(answer.status == 413)
    }

    @Test func configProblemsAre422() async throws {
        let request = ConfigBroadcastRequest(scope: .global, set: ["greting": .string("x"), "pull.prefetch": .int(0)])
        let body = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        let answer = try await ask(.post, "/v1/config", body)
        #expect(answer.status == 422)
        #expect(try answer.decoded(APIError.self).problems?.map(\.key) == ["greting", "pull.prefetch"])
    }

    @Test func queries() async throws {
        _ = try await ask(.get, "/v1/config?bot=shop")
        #expect(fleet.lastAsked == "config shop")
        _ = try await ask(.get, "/v1/config")
        #expect(fleet.lastAsked == "config -")
        _ = try await ask(.get, "/v1/config/history?limit=7")
        #expect(fleet.lastAsked == "history 7")
        #expect(try await ask(.get, "/v1/config?bot=BAD").status == 400)
    }

    @Test func deadLettersByFilter() async throws {
        _ = try await ask(.get, "/v1/dead-letters")
        #expect(fleet.lastAsked == "dead [all] before 0 limit 100")
        _ = try await ask(
            .get, "/v1/dead-letters?bot=shop&kind=crash&reason=a%20b%26c&replayed=false&before=7&limit=3")
        #expect(
            fleet.lastAsked == "dead [bot=shop kind=crash reason=a b&c replayed=false] before 7 limit 3")
        _ = try await ask(.get, "/v1/dead-letters/count?numbers=3,5&since=2026-11-23T08:00:00Z")
        #expect(fleet.lastAsked == "count [numbers=3,5 since=2026-11-23T08:00:00.000Z]")
        for query in [
            "limit=0", "before=x", "kind=sad", "numbers=", "numbers=1,,2", "numbers=0", "since=yesterday", "reason=",
            "replayed=maybe", "since=2026-11-23T08:00:00Z&until=2026-11-23T08:00:00Z",
        ] {
            #expect(try await ask(.get, "/v1/dead-letters?\(query)").status == 400, "\(query)")
        }
        #expect(try await ask(.get, "/v1/dead-letters/x").status == 400)
        #expect(try await ask(.get, "/v1/dead-letters/3").status == 404)
    }

    @Test func deadLettersAreReplayedAndPurged() async throws {
        let filter = #"{"filter":{"bot":"shop"}}"#
        let started = try await ask(.post, "/v1/replays", filter)
        #expect(started.status == 202)
        #expect(try started.decoded(ReplayView.self) == FakeFleet.replay)
        #expect(fleet.lastAsked == "replay [bot=shop] by operator")
        #expect(try await ask(.get, "/v1/replays").decoded([ReplayView].self) == [FakeFleet.replay])
        #expect(try await ask(.get, "/v1/replays/7").status == 200)
        #expect(try await ask(.get, "/v1/replays/x").status == 400)
        #expect(try await ask(.delete, "/v1/replays/7").status == 200)
        #expect(fleet.lastAsked == "stop replay 7 by operator")
        #expect(try await ask(.post, "/v1/dead-letters/purge", filter).decoded(PurgeView.self).purged == 3)
        #expect(fleet.lastAsked == "purge [bot=shop] by operator")
        #expect(try await ask(.post, "/v1/dead-letters/collect").status == 200)
        for path in ["replays", "dead-letters/purge"] {
            for body in [
                "{}", #"{"filter":{"bot":"BAD"}}"#, #"{"filter":{"numbers":[]}}"#, #"{"filter":{"reason":""}}"#,
            ] {
                #expect(try await ask(.post, "/v1/\(path)", body).status == 400, "\(path) \(body)")
            }
        }
    }

    @Test func aServerThatIsAwayIs503() async throws {
        let answer = try await ask(.get, "/v1/status")
        #expect(answer.status == 503)
        #expect(try answer.decoded(APIError.self).code == "unavailable")
    }

    @Test func shutdown() async throws {
        #expect(try await ask(.post, "/v1/shutdown", #"{"workers":true}"#).status == 200)
        #expect(fleet.lastAsked == "shutdown true")
    }
}
