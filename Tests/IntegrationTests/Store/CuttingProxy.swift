import FleetTesting
import Glibc
import Store
import Synchronization

/// A TCP proxy for one connection that can keep the server's answers to itself and cut the line.
final class CuttingProxy: Sendable {
    private struct State {
        var sockets: [Int32] = []
        var withholding = false
    }

    private let state = Mutex(State())
    private let listener: Int32
    private let port: UInt16
    private let target: (host: String, port: UInt16)
    let endpointPath: String

    /// - Parameter endpoint: `host:port/database`, the host an IPv4 address.
    init(to endpoint: String) throws {
        let parts = endpoint.split(separator: "/", maxSplits: 1)
        let address = parts[0].split(separator: ":")
        target = (String(address[0]), UInt16(address[1]) ?? 5432)
        endpointPath = String(parts[1])
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var name = Self.address("127.0.0.1", 0)
        let bound = Self.with(&name) { bind(listener, $0, $1) }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let found = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        guard bound == 0, found == 0, listen(listener, 8) == 0 else {
            throw StoreError(.unreachable, "proxy: \(String(cString: strerror(errno)))")
        }
        self.listener = listener
        port = UInt16(bigEndian: name.sin_port)
        Self.thread { self.accept() }
    }

    /// The test server's URL with the proxy in place of the server.
    func configuration() throws -> StoreConfiguration {
        guard let url = getenv("FLEET_DATABASE_URL").map({ String(cString: $0) }),
            let at = url.lastIndex(of: "@")
        else { throw MissingServer(variable: "FLEET_DATABASE_URL") }
        return try StoreConfiguration(url: "\(url[...at])127.0.0.1:\(port)/\(endpointPath)")
    }

    func withholdAnswers() { state.withLock { $0.withholding = true } }
    func cut() { state.withLock { $0.sockets }.forEach { _ = shutdown($0, Int32(SHUT_RDWR)) } }
    func stop() {
        cut()
        _ = shutdown(listener, Int32(SHUT_RDWR))
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            if client < 0 { return }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var name = Self.address(target.host, target.port)
            guard Self.with(&name, { connect(server, $0, $1) }) == 0 else {
                close(client)
                continue
            }
            state.withLock { $0.sockets += [client, server] }
            Self.thread { self.pump(from: client, to: server, answers: false) }
            Self.thread { self.pump(from: server, to: client, answers: true) }
        }
    }

    private func pump(from source: Int32, to target: Int32, answers: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            if count <= 0 { break }
            if answers, state.withLock({ $0.withholding }) { continue }
            var sent = 0
            while sent < count {
                let written = buffer[sent..<count].withUnsafeBytes {
                    send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if written <= 0 { break }
                sent += written
            }
        }
        _ = shutdown(target, Int32(SHUT_RDWR))
    }

    private static func address(_ host: String, _ port: UInt16) -> sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &name.sin_addr)
        return name
    }

    private static func with(
        _ name: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    private final class Job {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Blocking calls stay off the cooperative threads.
    private static func thread(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let job = Unmanaged.passRetained(Job(body)).toOpaque()
        pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                Unmanaged<Job>.fromOpaque(raw).takeRetainedValue().body()
                return nil
            }, job)
        pthread_detach(thread)
    }
}
