import FleetTesting
import HTTPTransport
import Testing

/// Runs against a responder of its own and leaves neither behind.
func withTransport(
    _ configuration: HTTPConfiguration = HTTPConfiguration(),
    answering answer: @escaping @Sendable (Responder.Request) -> Responder.Answer,
    _ body: (HTTPTransport, Responder) async throws -> Void
) async throws {
    let responder = try Responder(answer)
    let transport = try HTTPTransport(configuration)
    do {
        try await body(transport, responder)
    } catch {
        await transport.shutdown()
        responder.stop()
        throw error
    }
    await transport.shutdown()
    responder.stop()
}

/// The error a request ends with.
func failure(of transport: HTTPTransport, _ request: HTTPRequest) async throws -> HTTPError {
    do throws(HTTPError) {
        let response = try await transport.send(request)
        Issue.record("a response came: \(response.status)")
        throw HTTPError(code: .system, endpoint: "")
    } catch {
        return error
    }
}

@Suite(.timeLimit(.minutes(1))) struct HTTPTransportTests {
    @Test func aPostArrivesAsItWasSent() async throws {
        try await withTransport(answering: { _ in .ok(status: 201, fields: ["X-Answer: 42 "], body: "done") }) {
            let body = Array(#"{"text":"häh"}"#.utf8)
            let response = try await $0.send(
                HTTPRequest(
                    method: .post,
                    url: $1.url("/a?b=c"),
                    headers: [.json, HTTPField("X-Empty", "")],
                    body: body
                )
            )
            #expect(response.status == 201)
            #expect(response.body == Array("done".utf8))
            #expect(response.headers["x-ANSWER"] == "42")
            #expect(response.headers["x-other"] == nil)
            let request = try #require($1.requests.first)
            #expect(request.method == "POST")
            #expect(request.path == "/a?b=c")
            #expect(request.body == body)
            #expect(request.head.contains("\r\nContent-Type: application/json\r\n"))
            #expect(request.head.contains("\r\nX-Empty:"))
            #expect(!request.head.contains("Expect"))
        }
    }

    @Test func aReusedHandleKeepsNothingOfTheRequestBefore() async throws {
        try await withTransport(answering: { .ok(body: "\($0.method) \($0.path) \($0.body.count)") }) {
            let requests = [
                HTTPRequest(method: .post, url: $1.url("/1"), headers: [.json], body: Array("{}".utf8)),
                HTTPRequest(url: $1.url("/2")),
                HTTPRequest(method: .delete, url: $1.url("/3")),
                HTTPRequest(method: .post, url: $1.url("/4")),
                HTTPRequest(method: .put, url: $1.url("/5"), body: Array(repeating: 32, count: 100_000)),
                HTTPRequest(url: $1.url("/6")),
                HTTPRequest(method: .patch, url: $1.url("/7"), body: [1]),
                HTTPRequest(method: .post, url: $1.url("/8"), body: [1, 2, 3]),
            ]
            var answers: [String] = []
            for request in requests {
                answers.append(String(decoding: try await $0.send(request).body, as: UTF8.self))
            }
            #expect(
                answers == [
                    "POST /1 2", "GET /2 0", "DELETE /3 0", "POST /4 0", "PUT /5 100000", "GET /6 0", "PATCH /7 1",
                    "POST /8 3",
                ]
            )
            #expect(!$1.requests[1].head.lowercased().contains("content-"))
            #expect($1.connections == 1)
        }
    }

    @Test func connectionsAreKeptAliveAndShared() async throws {
        var configuration = HTTPConfiguration()
        configuration.maximumTransfers = 4
        try await withTransport(configuration, answering: { .ok(body: $0.path) }) {
            for _ in 0..<3 {
                let results = await $0.send(
                    (0..<100).map { [responder = $1] in HTTPRequest(url: responder.url("/\($0)")) }
                )
                let bodies = try results.map { String(decoding: try $0.get().body, as: UTF8.self) }
                #expect(bodies == (0..<100).map { "/\($0)" })
            }
            #expect($1.requests.count == 300)
            #expect($1.connections <= 4)
        }
    }

    @Test func aConnectionTheServerClosedIsReplaced() async throws {
        try await withTransport(answering: { _ in .rawThenClose("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") }) {
            for number in 1...3 {
                let outcome1 = try await $0.send(HTTPRequest(url: $1.url("/")))
                #expect(outcome1.body == Array("ok".utf8))
                await $1.left(number)
            }
            #expect($1.connections == 3)
        }
    }

    @Test func redirectsAreNotFollowed() async throws {
        try await withTransport(answering: { _ in .ok(status: 302, fields: ["Location: /elsewhere"]) }) {
            let response = try await $0.send(HTTPRequest(url: $1.url("/")))
            #expect(response.status == 302)
            #expect(response.headers["location"] == "/elsewhere")
            #expect($1.requests.count == 1)
        }
    }

    @Test func anInterimResponseIsNotTheResponse() async throws {
        let text = "HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Late: 1\r\n\r\n"
        try await withTransport(answering: { _ in .raw(text) }) {
            let response = try await $0.send(HTTPRequest(url: $1.url("/")))
            #expect(response.status == 200)
            #expect(response.headers["x-early"] == nil)
            #expect(response.headers["x-late"] == "1")
        }
    }

    @Test func anExchangeHandsResultsOverAsTheyCome() async throws {
        try await withTransport(answering: { $0.path == "/slow" ? .silence : .ok(body: $0.path) }) {
            let exchange = $0.exchange()
            exchange.submit([(tag: 7, request: HTTPRequest(url: $1.url("/slow")))])
            exchange.submit(
                (0..<50).map { [responder = $1] in (tag: 100 + $0, request: HTTPRequest(url: responder.url("/\($0)"))) }
            )
            var seen: [Int: String] = [:]
            while seen.count < 50 {
                for completion in await exchange.next() {
                    seen[completion.tag] = String(decoding: try completion.result.get().body, as: UTF8.self)
                }
            }
            #expect(seen == Dictionary(uniqueKeysWithValues: (0..<50).map { (100 + $0, "/\($0)") }))
            #expect(exchange.outstanding == 1)

            exchange.close()
            let rest = await exchange.next()
            #expect(rest.map(\.tag) == [7])
            guard case .failure(let error) = rest.first?.result else { return #expect(Bool(false), "it succeeded") }
            #expect(error.code == .cancelled)
            #expect(await exchange.next().isEmpty)
            await $1.left(1)
        }
    }
}
