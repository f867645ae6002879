import CRabbitMQ
import Foundation
import Glibc
import Synchronization

@testable import Broker

/// A peer that speaks just enough AMQP to be wrong in every way a test needs. Each connection runs `script` on a thread of
/// its own; what the script does not do, the peer does not do. It hangs up when the script ends.
final class FakeBroker: Sendable {
    let port: Int
    private let listener: Int32

    /// - Parameter tls: speaks TLS with this certificate.
    init(tls: TestCertificate? = nil, _ script: @escaping @Sendable (FakePeer) throws -> Void) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        guard bound else { throw Failure("cannot listen") }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                Thread.detachNewThread {
                    defer { Glibc.close(client) }
                    guard let tls else {
                        try? script(FakePeer(client))
                        return
                    }
                    try? tls.accept(client) { try script(FakePeer(client, tls: $0)) }
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        Glibc.close(listener)
    }

    func configuration(_ change: (inout BrokerConfiguration) -> Void = { _ in }) throws -> BrokerConfiguration {
        var configuration = try BrokerConfiguration(url: "amqp://user:hunter2@127.0.0.1:\(port)/shop", name: "test")
        change(&configuration)
        return configuration
    }

    struct Failure: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }
}

/// The fake's end of one connection.
final class FakePeer {
    struct Received {
        let type: UInt8
        let channel: UInt16
        let payload: [UInt8]
        var method: UInt32? {
            guard type == Frame.method, payload.count >= 4 else { return nil }
            return payload[..<4].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    private let descriptor: Int32
    private let tls: OpaquePointer?

    init(_ descriptor: Int32, tls: OpaquePointer? = nil) {
        self.descriptor = descriptor
        self.tls = tls
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Sends what `build` writes, in one go.
    func send(_ build: (inout FrameWriter) -> Void) throws {
        var writer = FrameWriter(frameMax: 131_072)
        build(&writer)
        try send(bytes: writer.bytes)
    }

    func send(bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { rest in
                if let tls { return Int(SSL_write(tls, rest.baseAddress, Int32(rest.count))) }
                return Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw FakeBroker.Failure("the client is gone") }
            sent += count
        }
    }

    func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var have = 0
        while have < count {
            let got = bytes[have...].withUnsafeMutableBytes { rest in
                if let tls { return Int(SSL_read(tls, rest.baseAddress, Int32(rest.count))) }
                return recv(descriptor, rest.baseAddress, rest.count, 0)
            }
            guard got > 0 else { throw FakeBroker.Failure("the client is gone") }
            have += got
        }
        return bytes
    }

    func readFrame() throws -> Received {
        let head = try read(7)
        let size = head[3..<7].reduce(0) { $0 << 8 | Int($1) }
        let rest = try read(size + 1)
        guard rest.last == Frame.end else { throw FakeBroker.Failure("a broken frame") }
        return Received(type: head[0], channel: UInt16(head[1]) << 8 | UInt16(head[2]), payload: Array(rest.dropLast()))
    }

    /// Reads until a method comes, past everything else.
    @discardableResult
    func expect(_ method: UInt32) throws -> Received {
        while true {
            let frame = try readFrame()
            if frame.method == method { return frame }
        }
    }

    /// Does nothing until the client hangs up.
    func waitForTheEnd() {
        while (try? read(1)) != nil {}
    }

    /// The handshake up to `tune-ok`; `connection.open` waits to be answered.
    func handshake(heartbeat: UInt16 = 0) throws {
        _ = try read(8)
        try send {
            $0.method(10 << 16 | 10, channel: 0) {
                $0.put(UInt8(0))
                $0.put(UInt8(9))
                $0.put(table: ["version": "9.9.9", "capabilities": .table(["publisher_confirms": true])])
                for text in ["PLAIN", "en_US"] {
                    $0.put(UInt32(text.utf8.count))
                    $0.put(raw: Array(text.utf8)[...])
                }
            }
        }
        try expect(10 << 16 | 11)
        try send {
            $0.method(10 << 16 | 30, channel: 0) {
                $0.put(UInt16(10))
                $0.put(UInt32(131_072))
                $0.put(heartbeat)
            }
        }
        try expect(10 << 16 | 31)
        try expect(10 << 16 | 40)
    }

    func logIn(heartbeat: UInt16 = 0, andSend extra: (inout FrameWriter) -> Void = { _ in }) throws {
        try handshake(heartbeat: heartbeat)
        try send {
            $0.method(10 << 16 | 41, channel: 0) { $0.put(short: "") }
            extra(&$0)
        }
    }

    func openChannel() throws {
        let open = try expect(Method.channelOpen)
        try send { $0.method(Method.channelOpenOk, channel: open.channel) { $0.put(UInt32(0)) } }
    }

    func confirmMode() throws {
        try openChannel()
        let select = try expect(Method.confirmSelect)
        try send { $0.method(Method.confirmSelectOk, channel: select.channel) }
    }
}
