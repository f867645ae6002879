import EventLoop
import Glibc

/// Stands between the fleet and a server on this machine and breaks the way between them: closes connections, lets
/// nothing pass, lets it pass late. All connections run on one thread.
///
/// While nothing passes, new connections are taken and hang, as behind a router that drops packets.
public actor FaultProxy {
    nonisolated let loop: EventLoop
    nonisolated public var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    /// Connect to 127.0.0.1 and this.
    nonisolated public let port: UInt16
    private let listener: Int32
    private let targets: [UInt16]
    private var connections: [Int: ProxyConnection] = [:]
    private var lastID = 0
    private var held: Disturbance.Direction?
    private var latency: Duration = .zero

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// - Parameter targets: ports on 127.0.0.1, which need not listen yet: each connection goes to the next one that does.
    public init(name: String, to targets: [UInt16]) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = Loopback.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 512) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isListening else {
            close(listener)
            throw Failure(description: "the proxy of \(name) finds no port: \(String(cString: strerror(errno)))")
        }
        self.listener = listener
        self.targets = targets
        port = UInt16(bigEndian: address.sin_port)
        loop = try EventLoop(name: "proxy-\(name)")
    }

    /// Begins to take connections.
    public func start() {
        loop.watch(listener, for: .read) { [weak self] _ in self?.assumeIsolated { $0.accept() } }
    }

    /// Closes everything. Nothing may be asked of the proxy afterwards.
    public func shutdown() {
        loop.unwatch(listener)
        close(listener)
        for id in connections.keys { end(id) }
        loop.shutdown()
    }

    public var count: Int { connections.count }

    // MARK: Faults

    /// Closes a share of the connections, at least one if there is any.
    /// - Returns: how many.
    public func cut(share: Double, pick: UInt64) -> Int {
        var random = SeededRandom(seed: pick)
        let ids = random.shuffled(connections.keys.sorted())
        let wanted = min(ids.count, max(1, Int((Double(ids.count) * share).rounded())))
        for id in ids.prefix(wanted) { end(id) }
        return wanted
    }

    /// Lets nothing pass any more, after the next `bytes` of each connection: those may end within a frame.
    public func hold(_ direction: Disturbance.Direction, after bytes: Int) {
        held = direction
        for connection in connections.values {
            connection.hold(direction, after: bytes)
            update(connection)
        }
    }

    /// Lets everything pass again, or ends the connections that were held.
    public func release(_ ending: Disturbance.Ending) {
        held = nil
        for (id, connection) in connections {
            connection.release()
            if ending == .close { end(id) } else { pump(id) }
        }
    }

    /// How late everything arrives, in either direction, from now on.
    public func delay(_ latency: Duration) {
        self.latency = latency
        for id in connections.keys { pump(id) }
    }

    // MARK: Connections

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { return }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            _ = fcntl(client, F_SETFL, O_NONBLOCK)
            lastID += 1
            guard let server = connect(from: lastID) else {
                close(client)
                continue
            }
            let connection = ProxyConnection(id: lastID, client: client, server: server)
            if let held { connection.hold(held, after: 0) }
            connections[lastID] = connection
            update(connection)
        }
    }

    /// The first target that takes a connection, in turns.
    private func connect(from turn: Int) -> Int32? {
        for index in targets.indices {
            if let server = Loopback.connect(targets[(turn + index) % targets.count]) { return server }
        }
        return nil
    }

    private func ready(_ id: Int) { pump(id) }

    /// Moves what can be moved, then waits for more.
    private func pump(_ id: Int) {
        guard let connection = connections[id] else { return }
        let now = ContinuousClock.now
        guard connection.move(now: now, latency: latency) else { return end(id) }
        update(connection)
        if let next = connection.nextDue {
            guard !connection.isTimed else { return }
            connection.isTimed = true
            loop.schedule(after: max(.milliseconds(1), next - now)) { [weak self, weak connection] in
                connection?.isTimed = false
                self?.assumeIsolated { $0.pump(id) }
            }
        }
    }

    private func update(_ connection: ProxyConnection) {
        let now = ContinuousClock.now
        let id = connection.id
        for descriptor in [connection.client, connection.server] {
            let interest = connection.interest(of: descriptor, now: now)
            if connection.watched[descriptor] == interest { continue }
            connection.watched[descriptor] = interest
            // Without any interest the kernel would still report a hang-up, again and again.
            if interest.isEmpty {
                loop.unwatch(descriptor)
            } else {
                loop.watch(descriptor, for: interest) { [weak self] _ in self?.assumeIsolated { $0.ready(id) } }
            }
        }
    }

    private func end(_ id: Int) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        for descriptor in [connection.client, connection.server] { loop.unwatch(descriptor) }
        connection.close()
    }
}

/// Addresses on 127.0.0.1.
enum Loopback {
    static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// A connection; `nil` when nobody listens. On this machine that is known at once.
    static func connect(_ port: UInt16) -> Int32? {
        let descriptor = socket(
            AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = address(port)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if status == 0 {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            return descriptor
        }
        close(descriptor)
        return nil
    }
}
