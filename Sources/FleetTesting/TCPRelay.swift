import Foundation
import Synchronization

/// Stands between clients and servers on this machine, and can cut or stall what passes through.
public final class TCPRelay: Sendable {
    /// Connect to 127.0.0.1 and this.
    public let port: Int
    private let listener: Int32
    private let state: Shared

    private final class Shared: Sendable {
        let open = Mutex<[Int32]>([])
        let isStalled = Atomic<Bool>(false)
        let targets = Mutex<[(host: String, port: Int)]>([])
        let accepted = Atomic<Int>(0)

        /// Targets take turns.
        var next: (host: String, port: Int)? {
            let turn = accepted.add(1, ordering: .relaxed).oldValue
            return targets.withLock { $0.isEmpty ? nil : $0[turn % $0.count] }
        }
    }

    public convenience init(to host: String, port target: Int) throws {
        try self.init()
        forward(to: [(host, target)])
    }

    /// Connections that come from now on go to these servers in turn; with none they are closed.
    public func forward(to targets: [(host: String, port: Int)]) { state.targets.withLock { $0 = targets } }

    /// A relay without a server yet.
    public init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard listening else { throw RelayError(text: "no port to listen on") }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        let state = Shared()
        self.state = state
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                guard let target = state.next, let server = Self.connect(target.host, target.port) else {
                    close(client)
                    continue
                }
                state.open.withLock { $0 += [client, server] }
                Self.copy(client, server, state)
                Self.copy(server, client, state)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        cut()
    }

    /// Ends all connections. New ones are let through.
    public func cut() {
        state.isStalled.store(false, ordering: .relaxed)
        // The threads that copy hold the descriptors; they see the end, and the descriptors stay theirs until the next cut.
        let open = state.open.withLock { open in
            defer { open = [] }
            return open
        }
        for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    /// From now on nothing is read from either side, until ``cut()``.
    public func stall() {
        state.isStalled.store(true, ordering: .relaxed)
    }

    /// Ends with its source; then both ends are shut down, so that the other direction ends as well.
    private static func copy(_ source: Int32, _ target: Int32, _ state: Shared) {
        Thread.detachNewThread {
            var bytes = [UInt8](repeating: 0, count: 16_384)
            while true {
                var poll = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
                if state.isStalled.load(ordering: .relaxed) { poll.events = 0 }
                _ = Glibc.poll(&poll, 1, 20)
                if poll.revents & Int16(POLLHUP) == 0 && state.isStalled.load(ordering: .relaxed) { continue }
                if poll.revents == 0 { continue }
                let count = recv(source, &bytes, bytes.count, 0)
                guard count > 0, send(target, bytes, count, Int32(MSG_NOSIGNAL)) == count else { break }
            }
            shutdown(source, Int32(SHUT_RDWR))
            shutdown(target, Int32(SHUT_RDWR))
        }
    }

    private static func connect(_ host: String, _ port: Int) -> Int32? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &list) == 0 else { return nil }
        defer { freeaddrinfo(list) }
        var next = list
        while let address = next?.pointee {
            let descriptor = socket(address.ai_family, address.ai_socktype, 0)
            if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return descriptor }
            close(descriptor)
            next = address.ai_next
        }
        return nil
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    struct RelayError: Error, CustomStringConvertible {
        let text: String
        var description: String { "the test's relay cannot start: \(text)" }
    }
}
