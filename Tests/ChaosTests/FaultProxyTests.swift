import Glibc
import Testing

@testable import ChaosKit

/// A server on loopback that sends back what it gets and counts whom it took.
private final class EchoServer: Sendable {
    let port: UInt16
    private let listener: Int32

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Loopback.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) | listen(listener, 16) | getsockname(listener, $0, &length)
            }
        }
        try #require(status == 0)
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(listener) }

    /// The next connection; waits for it.
    func accept() -> Peer { Peer(Glibc.accept(listener, nil, nil)) }

    /// Whether another connection is there.
    var hasAnother: Bool {
        var poll = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) > 0
    }
}

/// One end of a connection.
private final class Peer: Sendable {
    let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    func send(_ text: String) { _ = Glibc.send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }

    /// Exactly `count` bytes, or less when the other side ends.
    func receive(_ count: Int) -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        var total = 0
        while total < count {
            let got = bytes.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress?.advanced(by: total), count - total, 0)
            }
            if got <= 0 { break }
            total += got
        }
        return String(decoding: bytes[..<total], as: UTF8.self)
    }
}

@Suite(.timeLimit(.minutes(1))) struct FaultProxyTests {
    private let server: EchoServer
    private let proxy: FaultProxy

    init() throws {
        server = try EchoServer()
        proxy = try FaultProxy(name: "test", to: [server.port])
    }

    private func connect() async throws -> (client: Peer, server: Peer) {
        await proxy.start()
        let client = Peer(try #require(Loopback.connect(proxy.port)))
        _ = fcntl(client.descriptor, F_SETFL, 0)
        return (client, server.accept())
    }

    @Test func itHandsOnAndMakesOneConnectionForEach() async throws {
        let (client, peer) = try await connect()
        client.send("question")
        #expect(peer.receive(8) == "question")
        peer.send("answer")
        #expect(client.receive(6) == "answer")
        #expect(await proxy.count == 1)
        #expect(!server.hasAnother)
        await proxy.shutdown()
    }

    @Test func anEndIsHandedOn() async throws {
        let (client, peer) = try await connect()
        client.send("last words")
        shutdown(client.descriptor, Int32(SHUT_RDWR))
        #expect(peer.receive(11) == "last words")
        await proxy.shutdown()
    }

    @Test func aCutEndsBothSides() async throws {
        let (client, peer) = try await connect()
        client.send("x")
        #expect(peer.receive(1) == "x")
        #expect(await proxy.cut(share: 0.1, pick: 1) == 1)
        #expect(client.receive(1) == "" && peer.receive(1) == "")
        #expect(await proxy.cut(share: 1, pick: 1) == 0)
        await proxy.shutdown()
    }

    /// The first bytes of a frame arrive, the rest does not until it is over; the other direction goes on.
    @Test func aBlackHoleBeginsInTheMiddleAndLosesNothing() async throws {
        let (client, peer) = try await connect()
        client.send("x")
        #expect(peer.receive(1) == "x")
        await proxy.hold(.toServer, after: 3)
        client.send("abcdef")
        #expect(peer.receive(3) == "abc")
        peer.send("still here")
        #expect(client.receive(10) == "still here")
        // The answer has passed since, so the rest of the question had its chance.
        var byte: UInt8 = 0
        #expect(recv(peer.descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == -1 && errno == EAGAIN)
        await proxy.release(.goOn)
        #expect(peer.receive(3) == "def")
        await proxy.shutdown()
    }

    @Test func aBlackHoleMayEndTheConnections() async throws {
        let (client, peer) = try await connect()
        client.send("x")
        #expect(peer.receive(1) == "x")
        await proxy.hold(.both, after: 0)
        client.send("lost")
        await proxy.release(.close)
        #expect(peer.receive(4) == "")
        await proxy.shutdown()
    }

    @Test func whatIsLateArrivesInOrder() async throws {
        let (client, peer) = try await connect()
        await proxy.delay(.milliseconds(30))
        client.send("one")
        client.send("two")
        #expect(peer.receive(6) == "onetwo")
        await proxy.shutdown()
    }

    @Test func whereNobodyListensTheNextIsTaken() async throws {
        let gone = try EchoServer().port
        let two = try FaultProxy(name: "two", to: [gone, server.port])
        await two.start()
        for _ in 0..<2 {
            let client = Peer(try #require(Loopback.connect(two.port)))
            client.send("hello")
            #expect(server.accept().receive(5) == "hello")
        }
        await two.shutdown()
        await proxy.shutdown()
    }
}
