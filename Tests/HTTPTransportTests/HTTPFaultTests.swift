import FleetTesting
import HTTPTransport
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPFaultTests {
    @Test func aSilentServerMeetsTheDeadline() async throws {
        try await withTransport(answering: { _ in .silence }) {
            let error = try await failure(of: $0, HTTPRequest(url: $1.url("/"), deadline: .milliseconds(80)))
            #expect(error.code == .deadline)
            #expect(error.mayHaveArrived)
            #expect(error.disposition == .retry)
            await $1.left(1)
        }
    }

    @Test(arguments: [true, false])
    func theDeadlineHoldsWhileARequestWaitsItsTurn(connectionsAreShort: Bool) async throws {
        var configuration = HTTPConfiguration()
        if connectionsAreShort {
            configuration.maximumConnectionsPerHost = 1
        } else {
            configuration.maximumTransfers = 1
        }
        try await withTransport(configuration, answering: { _ in .silence }) {
            let exchange = $0.exchange()
            exchange.submit([(tag: 0, request: HTTPRequest(url: $1.url("/first")))])
            await $1.received(1)
            let error = try await failure(of: $0, HTTPRequest(url: $1.url("/second"), deadline: .milliseconds(50)))
            #expect(error.code == .deadline)
            #expect(!error.mayHaveArrived)
            #expect($1.requests.map(\.path) == ["/first"])
        }
    }

    @Test func halfAResponseIsNoResponse() async throws {
        let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":"
        try await withTransport(answering: { $0.path == "/half" ? .rawThenClose(half) : .rawThenClose("HTTP/1.1 200") })
        {
            for path in ["/half", "/quarter"] {
                let error = try await failure(of: $0, HTTPRequest(url: $1.url(path)))
                #expect([.connectionLost, .protocolViolation].contains(error.code))
                #expect(error.mayHaveArrived)
            }
        }
    }

    /// libcurl sends a request again when a kept connection breaks before the response began. The server here has
    /// read the whole request by then.
    @Test(arguments: [true, false])
    func whatMustNotBeRepeatedIsSentOnce(_ isRepeatable: Bool) async throws {
        try await withTransport(answering: {
            $0.path == "/once" && $0.connection == 0 ? .rawThenClose("") : .ok(body: "fine")
        }) {
            _ = try await $0.send(HTTPRequest(method: .post, url: $1.url("/first"), body: [1]))
            let request = HTTPRequest(
                method: .post, url: $1.url("/once"), body: Array(repeating: 65, count: 1000),
                isRepeatable: isRepeatable)
            if isRepeatable {
                #expect(try await $0.send(request).status == 200)
            } else {
                let error = try await failure(of: $0, request)
                #expect(error.code == .connectionLost && error.mayHaveArrived)
            }
            let sent = $1.requests.filter { $0.path == "/once" }
            #expect(sent.count == (isRepeatable ? 2 : 1))
            #expect(sent.allSatisfy { $0.body == request.body })
            // The handle serves repeatable ones again.
            #expect(try await $0.send(HTTPRequest(method: .post, url: $1.url("/"), body: [2])).status == 200)
            #expect($1.requests.last?.body == [2])
        }
    }

    @Test func aResetIsAnErrorAndTheNextRequestWorks() async throws {
        try await withTransport(answering: {
            switch $0.path {
            case "/reset": .reset(after: "")
            case "/late": .reset(after: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            default: .ok(body: "fine")
            }
        }) {
            for path in ["/reset", "/late"] {
                let error = try await failure(of: $0, HTTPRequest(method: .post, url: $1.url(path), body: [1]))
                #expect(error.code == .connectionLost)
                #expect(error.mayHaveArrived)
            }
            let outcome1 = try await $0.send(HTTPRequest(url: $1.url("/")))
            #expect(outcome1.body == Array("fine".utf8))
        }
    }

    @Test func aHugeResponseIsRefused() async throws {
        var configuration = HTTPConfiguration()
        configuration.maximumResponseSize = 100_000
        let announced = "HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"
        try await withTransport(
            configuration,
            answering: {
                switch $0.path {
                case "/endless": .endless
                case "/announced": .raw(announced)
                default: .ok(body: String(repeating: "x", count: 100_000))
                }
            }
        ) {
            for path in ["/endless", "/announced"] {
                let error = try await failure(of: $0, HTTPRequest(url: $1.url(path)))
                #expect(error.code == .responseTooLarge)
                #expect(error.disposition == .giveUp)
            }
            let outcome2 = try await $0.send(HTTPRequest(url: $1.url("/just")))
            #expect(outcome2.body.count == 100_000)
        }
    }

    @Test func whatIsNoHTTPIsSaidSo() async throws {
        try await withTransport(answering: { _ in .rawThenClose("SSH-2.0-OpenSSH_9.2\r\n") }) {
            let error = try await failure(of: $0, HTTPRequest(url: $1.url("/")))
            #expect([.protocolViolation, .invalidRequest].contains(error.code))
        }
    }

    @Test func nobodyListensAndNobodyIsFound() async throws {
        let gone = try Responder { _ in .silence }
        gone.stop()
        let transport = try HTTPTransport()
        let refused = try await failure(of: transport, HTTPRequest(url: "http://127.0.0.1:1/secret"))
        #expect(refused.code == .unreachable)
        #expect(refused.endpoint == "127.0.0.1:1")
        #expect(!refused.mayHaveArrived)
        let unknown = try await failure(of: transport, HTTPRequest(url: "http://no-such-host.invalid/secret"))
        #expect(unknown.code == .unresolved)
        #expect(!unknown.mayHaveArrived)
        await transport.shutdown()
    }

    @Test(arguments: ["", "secret", "ftp://host/secret", "file:///etc/passwd", "http://", "https://host:99999/secret"])
    func otherURLsAreRefusedWithoutBeingShown(_ url: String) async throws {
        let transport = try HTTPTransport()
        let error = try await failure(of: transport, HTTPRequest(url: url, deadline: .seconds(5)))
        #expect(error.code == .invalidRequest)
        #expect(!"\(error)".contains("secret"))
        await transport.shutdown()
    }

    @Test func aFieldCannotSmuggleAnother() async throws {
        try await withTransport(answering: { _ in .ok() }) {
            for field in [HTTPField("X", "1\r\nY: 2"), HTTPField("X: 1\r\nY", "2"), HTTPField("", "1")] {
                let error = try await failure(of: $0, HTTPRequest(url: $1.url("/"), headers: [field]))
                #expect(error.code == .invalidRequest)
            }
            #expect($1.requests.isEmpty)
        }
    }

    @Test func cancellingTheTaskAbortsTheTransfer() async throws {
        try await withTransport(answering: { _ in .silence }) { transport, responder in
            let task = Task { try await failure(of: transport, HTTPRequest(url: responder.url("/"))) }
            await responder.received(1)
            task.cancel()
            let error = try await task.value
            #expect(error.code == .cancelled)
            #expect(error.mayHaveArrived)
            await responder.left(1)
        }
    }

    @Test func aCancelledTaskSendsNothing() async throws {
        var configuration = HTTPConfiguration()
        configuration.maximumTransfers = 1
        try await withTransport(configuration, answering: { _ in .silence }) { transport, responder in
            let exchange = transport.exchange()
            exchange.submit([(tag: 0, request: HTTPRequest(url: responder.url("/first")))])
            await responder.received(1)
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await failure(of: transport, HTTPRequest(url: responder.url("/second")))
            }
            let outcome3 = try await task.value
            #expect(outcome3.code == .cancelled)
            #expect(responder.requests.map(\.path) == ["/first"])
        }
    }

    @Test func shutdownEndsWhatIsOnItsWayAndWhatComesLater() async throws {
        let responder = try Responder { _ in .silence }
        let transport = try HTTPTransport()
        let task = Task { try await failure(of: transport, HTTPRequest(url: responder.url("/"))) }
        await responder.received(1)
        await transport.shutdown()
        let outcome4 = try await task.value
        #expect(outcome4.code == .shutDown)
        await responder.left(1)
        let outcome5 = try await failure(of: transport, HTTPRequest(url: responder.url("/")))
        #expect(outcome5.code == .shutDown)
        await transport.shutdown()
        responder.stop()
    }

    @Test func aTransportThatIsDroppedEnds() async throws {
        let responder = try Responder { _ in .ok() }
        do {
            let transport = try HTTPTransport()
            _ = try await transport.send(HTTPRequest(url: responder.url("/")))
        }
        // Its kept-alive connection goes with it.
        await responder.left(1)
        responder.stop()
    }

    @Test func tooManyAtOnceAreRefusedNotQueued() async throws {
        var configuration = HTTPConfiguration()
        configuration.maximumTransfers = 1
        configuration.maximumWaiting = 2
        try await withTransport(configuration, answering: { _ in .silence }) {
            let exchange = $0.exchange()
            exchange.submit([(tag: 0, request: HTTPRequest(url: $1.url("/")))])
            await $1.received(1)
            exchange.submit([
                (tag: 1, request: HTTPRequest(url: $1.url("/"))), (tag: 2, request: HTTPRequest(url: $1.url("/"))),
            ])
            let error = try await failureOnceFull(of: $0, $1)
            #expect(error.code == .overloaded)
            #expect(error.disposition == .retry)
        }
    }

    /// The inbox and the line are each bounded, so the third or a later one is refused, never none.
    private func failureOnceFull(of transport: HTTPTransport, _ responder: Responder) async throws -> HTTPError {
        let exchange = transport.exchange()
        exchange.submit((0..<3).map { (tag: $0, request: HTTPRequest(url: responder.url("/"))) })
        guard case .failure(let error) = await exchange.next().first?.result else { throw Responder.Failure() }
        return error
    }

    @Test func aMissingCAFileIsSaidAtOnce() throws {
        var configuration = HTTPConfiguration()
        configuration.caFile = "/nowhere/ca.pem"
        #expect(throws: HTTPError.self) { _ = try HTTPTransport(configuration) }
    }

    @Test func aRequestPrintsWithoutItsPath() {
        let request = HTTPRequest(
            method: .post,
            url: "https://user:pass@example.org:8443/bot12:secret/getMe",
            headers: [HTTPField("A", "secret")]
        )
        var dumped = ""
        dump(request, to: &dumped)
        #expect("\(request)" == "POST example.org:8443")
        for text in ["\(request)", String(reflecting: request), dumped] {
            #expect(!text.contains("secret") && !text.contains("pass"))
        }
    }
}
