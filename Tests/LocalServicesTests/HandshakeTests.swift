import Glibc
import Testing

@testable import LocalServices

/// Answers one connection on a loopback port: with the next of `answers` after each read. Then it hangs up, or says
/// nothing until the other side hangs up.
private func scriptedServer(_ answers: [[UInt8]], silent: Bool = false) throws -> UInt16 {
    let port = try LoopbackPort.free()
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    _ = LoopbackPort.withAddress(port) { bind(listener, $0, $1) }
    listen(listener, 1)
    Thread.detached {
        let client = accept(listener, nil, nil)
        close(listener)
        var buffer = [UInt8](repeating: 0, count: 4096)
        for answer in answers where read(client, &buffer, buffer.count) > 0 {
            _ = send(client, answer, answer.count, Int32(MSG_NOSIGNAL))
        }
        while silent, read(client, &buffer, buffer.count) > 0 {}
        close(client)
    }
    return port
}

private enum Thread {
    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    static func detached(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let raw = Unmanaged.passRetained(Box(body)).toOpaque()
        pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body()
                return nil
            }, raw)
        pthread_detach(thread)
    }
}

@Suite struct HandshakeTests {
    private func frame(_ method: [UInt8]) -> [UInt8] { [1, 0, 0, 0, 0, 0, UInt8(method.count)] + method + [0xce] }

    private func broker(_ answers: [[UInt8]]) throws -> Readiness {
        RabbitHandshake.probe(port: try scriptedServer(answers), user: "u", password: "p")
    }

    private func database(_ answers: [[UInt8]]) throws -> Readiness {
        PostgresHandshake.probe(port: try scriptedServer(answers), user: "u", database: "d")
    }

    @Test func aBrokerIsReadyWhenItTunes() throws {
        #expect(try broker([frame([0, 10, 0, 10, 0, 9]), frame([0, 10, 0, 30])]) == .ready)
    }

    @Test func aBrokerThatHangsUpAfterTheLoginRefusesIt() throws {
        guard case .refused(let reason) = try broker([frame([0, 10, 0, 10])]) else {
            Issue.record("expected a refusal")
            return
        }
        #expect(reason.contains("password"))
        #expect(!reason.contains("'p'"))
    }

    @Test func aBrokerThatIsSlowToAnswerIsNotReadyYet() throws {
        for answers in [[], [frame([0, 10, 0, 10])]] {
            let port = try scriptedServer(answers, silent: true)
            #expect(
                RabbitHandshake.probe(port: port, user: "u", password: "p", limit: .milliseconds(200)) == .notYet)
        }
    }

    @Test func nobodyAndHalfStartedServersAreNotReadyYet() throws {
        #expect(RabbitHandshake.probe(port: try LoopbackPort.free(), user: "u", password: "p") == .notYet)
        #expect(try broker([]) == .notYet)
        #expect(try database([]) == .notYet)
        #expect(try database([Array("E".utf8) + [0, 0, 0, 12] + Array("C57P03\0\0".utf8)]) == .notYet)
    }

    @Test func aDatabaseIsReadyWhenItAsksForAPassword() throws {
        #expect(try database([Array("R".utf8) + [0, 0, 0, 8, 0, 0, 0, 10]]) == .ready)
        let refusal = Array("E".utf8) + [0, 0, 0, 21] + Array("C28000\0Mno role\0\0".utf8)
        #expect(try database([refusal]) == .refused("no role"))
    }

    @Test func messagesHaveTheFormTheProtocolsAskFor() {
        let startup = PostgresHandshake.startup(user: "u", database: "d")
        #expect(startup.count == Int(startup[3]))
        #expect(Array(startup[4..<8]) == [0, 3, 0, 0])
        let frame = RabbitHandshake.startOK(user: "u", password: "p")
        #expect(frame.last == 0xce)
        #expect(frame.count == Int(frame[6]) + 8)
    }
}
