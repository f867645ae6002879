import Logging
import Testing

@testable import Broker

/// What the other side can do wrong, played by ``FakeBroker``.
@Suite(.timeLimit(.minutes(1))) struct ConnectionFaultTests {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func open(_ configuration: BrokerConfiguration) async throws(BrokerError) -> BrokerConnection {
        try await BrokerConnection.open(configuration, logger: logger)
    }

    private func failure(_ configuration: BrokerConfiguration) async -> BrokerError? {
        do throws(BrokerError) {
            await (try Self.open(configuration)).close()
            return nil
        } catch {
            #expect(!error.description.contains("hunter2"))
            #expect(!error.description.contains("\n"))
            return error
        }
    }

    // MARK: Connecting

    @Test func nobodyListens() async throws {
        let port = try FakeBroker { _ in }.port
        let configuration = try BrokerConfiguration(url: "amqp://u:hunter2@127.0.0.1:\(port)", name: "test")
        let error = await failure(configuration)
        #expect(error?.code == .unreachable && error?.disposition == .reconnect)
        #expect(error?.description.contains("127.0.0.1:\(port)") == true)
    }

    @Test func aNameThatDoesNotResolve() async throws {
        let configuration = try BrokerConfiguration(url: "amqp://u:hunter2@no-such-host.invalid", name: "test")
        #expect(await failure(configuration)?.code == .unreachable)
    }

    @Test func aPeerThatNeverAnswersTheLogin() async throws {
        let fake = try FakeBroker { $0.waitForTheEnd() }
        let error = await failure(try fake.configuration { $0.connectTimeout = .milliseconds(200) })
        #expect(error?.code == .timeout)
    }

    @Test func aPeerThatSpeaksSomethingElse() async throws {
        let fake = try FakeBroker { peer in
            try peer.send(bytes: Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".utf8))
            peer.waitForTheEnd()
        }
        #expect(await failure(try fake.configuration())?.code == .protocolViolation)
    }

    @Test(arguments: [403, 530]) func theLoginIsRefused(code: UInt16) async throws {
        let fake = try FakeBroker { peer in
            try peer.handshake()
            try peer.send { $0.close(Method.connectionClose, channel: 0, code: code, text: "NO") }
            peer.waitForTheEnd()
        }
        let error = await failure(try fake.configuration())
        #expect(error?.code == (code == 403 ? .refused(.login) : .refused(.vhost)))
        #expect(error?.disposition == .giveUp)
    }

    @Test func plainPeerBehindAmqps() async throws {
        let fake = try FakeBroker { try $0.send(bytes: Array("AMQP\u{0}\u{0}\u{9}\u{1}".utf8)) }
        let url = "amqps://u:hunter2@127.0.0.1:\(fake.port)"
        #expect(await failure(try BrokerConfiguration(url: url, name: "test"))?.code == .tls)
    }

    // MARK: Connected

    @Test func theFactsOfTheLoginAreKnown() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn()
            try peer.expect(Method.connectionClose)
            try peer.send { $0.method(Method.connectionCloseOk, channel: 0) }
        }
        let connection = try await Self.open(try fake.configuration())
        #expect(connection.serverVersion == "9.9.9" && connection.isOpen && !connection.isBlocked)
        await connection.close()
        await connection.close()
        #expect(await connection.waitUntilClosed() == nil && !connection.isOpen)
        let error = await #expect(throws: BrokerError.self) { try await connection.openChannel() }
        #expect(error?.code == .closed)
    }

    @Test func aSilentPeerIsNoticed() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn(heartbeat: 1)
            peer.waitForTheEnd()
        }
        let connection = try await Self.open(try fake.configuration())
        let error = await connection.waitUntilClosed()
        #expect(error?.code == .peerSilent && error?.disposition == .reconnect)
    }

    @Test func heartbeatsAreSentAndKeepTheConnectionUp() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn(heartbeat: 1)
            // Longer than two intervals, each answered; then a proper end.
            for _ in 0..<6 {
                let frame = try peer.readFrame()
                guard frame.type == Frame.heartbeat, frame.channel == 0, frame.payload.isEmpty else { return }
                try peer.send { $0.heartbeat() }
            }
            try peer.send { $0.close(Method.connectionClose, channel: 0, code: 320, text: "SIX HEARTBEATS") }
            try peer.expect(Method.connectionCloseOk)
        }
        let connection = try await Self.open(try fake.configuration())
        let error = await connection.waitUntilClosed()
        #expect(error?.code == .closed && error?.description.contains("SIX HEARTBEATS (320)") == true)
    }

    @Test func closingIsBoundedWhenThePeerIsDead() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn()
            peer.waitForTheEnd()
        }
        let connection = try await Self.open(try fake.configuration())
        await connection.close()
        #expect(await connection.waitUntilClosed() == nil)
    }

    @Test(arguments: 0..<6) func whatAMQPDoesNotAllowEndsTheConnection(kind: Int) async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn()
            switch kind {
            case 0: try peer.send { $0.method(77 << 16 | 7, channel: 0) }
            case 1: try peer.send { $0.method(Method.channelCloseOk, channel: 9) }
            case 2: try peer.send(bytes: [1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 61, 0xCC])
            case 3: try peer.send(bytes: [1, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0])
            case 4: try peer.send { $0.method(Method.queueDeclareOk, channel: 0) { $0.put(short: "q") } }
            default: try peer.send(bytes: [3, 0, 0, 0, 0, 0, 1, 7, Frame.end])
            }
            peer.waitForTheEnd()
        }
        let connection = try await Self.open(try fake.configuration())
        #expect(await connection.waitUntilClosed()?.code == .protocolViolation)
    }

    @Test func aFrameTypeNobodyKnowsIsSkipped() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn()
            try peer.send(bytes: [99, 0, 0, 0, 0, 0, 1, 7, Frame.end])
            try peer.openChannel()
            peer.waitForTheEnd()
        }
        let connection = try await Self.open(try fake.configuration())
        #expect(try await connection.openChannel().isOpen)
        await connection.close()
    }

    @Test func waitingForTheEndCanBeCancelled() async throws {
        let fake = try FakeBroker { peer in
            try peer.logIn()
            peer.waitForTheEnd()
        }
        let connection = try await Self.open(try fake.configuration())
        let waiting = Task { await connection.waitUntilClosed() }
        waiting.cancel()
        #expect(await waiting.value?.code == .cancelled)
        await connection.close()
    }
}
