import EventLoop
import Logging
import Synchronization
import Testing

@testable import Broker

@Suite(.timeLimit(.minutes(1))) struct BrokerLinkTests {
    private static let quick = Backoff(floor: .milliseconds(1), cap: .milliseconds(5))

    private func link(_ configuration: BrokerConfiguration) -> BrokerLink {
        BrokerLink(configuration: configuration, logger: ConnectionFaultTests.logger, backoff: Self.quick)
    }

    @Test func aLostConnectionIsReplaced() async throws {
        let logins = Mutex(0)
        let fake = try FakeBroker { peer in
            let number = logins.withLock { number in
                number += 1
                return number
            }
            // The second attempt fails half-way.
            if number == 2 { return }
            try peer.logIn()
            if number == 1 {
                try peer.expect(Method.channelOpen)
                return
            }
            peer.waitForTheEnd()
        }
        let link = link(try fake.configuration())
        let first = try await link.connection()
        _ = try? await first.openChannel()
        #expect(await first.waitUntilClosed()?.code == .closed)
        let second = try await link.connection()
        #expect(second !== first && second.isOpen)
        #expect(try await link.connection() === second)
        #expect(await link.reconnects == 1)
        await link.close()
        #expect(!second.isOpen)
        let error = await #expect(throws: BrokerError.self) { try await link.connection() }
        #expect(error?.code == .closed)
    }

    @Test func manyWhoWaitShareOneConnection() async throws {
        let logins = Mutex(0)
        let fake = try FakeBroker { peer in
            logins.withLock { $0 += 1 }
            try peer.logIn()
            peer.waitForTheEnd()
        }
        let link = link(try fake.configuration())
        let connections = await withTaskGroup(of: BrokerConnection?.self) { group in
            for _ in 0..<10 { group.addTask { try? await link.connection() } }
            return await group.reduce(into: [BrokerConnection?]()) { $0.append($1) }
        }
        #expect(connections.count == 10 && connections.allSatisfy { $0 != nil && $0 === connections[0] })
        #expect(logins.withLock { $0 } == 1)
        await link.close()
    }

    @Test func aRefusedLoginIsNotTriedAgain() async throws {
        let fake = try FakeBroker { peer in
            try peer.handshake()
            try peer.send { $0.close(Method.connectionClose, channel: 0, code: 403, text: "NO") }
            peer.waitForTheEnd()
        }
        let link = link(try fake.configuration())
        let error = await #expect(throws: BrokerError.self) { try await link.connection() }
        #expect(error?.code == .refused(.login))
        await link.close()
    }

    @Test func cancellingOneWhoWaitsEndsItsWait() async throws {
        let port = try FakeBroker { _ in }.port
        let link = link(try BrokerConfiguration(url: "amqp://127.0.0.1:\(port)", name: "test"))
        let waiting = Task { try await link.connection() }
        waiting.cancel()
        let error = await #expect(throws: BrokerError.self) { try await waiting.value }
        #expect(error?.code == .cancelled)
        await link.close()
    }
}
