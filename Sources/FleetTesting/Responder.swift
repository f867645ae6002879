import Glibc
import Synchronization

/// A tiny HTTP/1.1 responder on loopback: a thread that accepts, a thread a connection, and a script for the answers.
/// It knows just enough of HTTP for these tests, and no more than a test needs to see.
public final class Responder: Sendable {
    public struct Request: Sendable {
        public let method: String
        public let path: String
        /// The request line and the fields, as they came.
        public let head: String
        public let body: [UInt8]
        /// Which of the accepted connections it came on, from 0.
        public let connection: Int
    }

    public enum Answer: Sendable {
        /// Status, extra fields, body; the connection stays open.
        case ok(status: Int = 200, fields: [String] = [], body: String = "")
        /// Exactly these bytes; then the connection stays open.
        case raw(String)
        /// Exactly these bytes; then it is closed.
        case rawThenClose(String)
        /// These bytes; then it is reset (RST).
        case reset(after: String)
        /// A response whose length is not told, which goes on until the client leaves.
        case endless
        /// Nothing, ever; the test hears when the client leaves.
        case silence
    }

    private struct State {
        var requests: [Request] = []
        var connections = 0
        var left = 0
        var requestWaiters: [(count: Int, CheckedContinuation<Void, Never>)] = []
        var leftWaiters: [(count: Int, CheckedContinuation<Void, Never>)] = []
        var open: Set<Int32> = []
        var isStopped = false
    }

    public let port: UInt16
    private let listener: Int32
    private let answer: @Sendable (Request) -> Answer
    private let state = Mutex<State>(State())

    public struct Failure: Error {
        public init() {}
    }

    /// - Parameter answer: called on the connection's thread; it may block.
    public init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 128) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard listener >= 0, bound else { throw Failure() }
        self.listener = listener
        self.answer = answer
        port = UInt16(bigEndian: address.sin_port)
        detach { self.acceptAll() }
    }

    public func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    public var requests: [Request] { state.withLock { $0.requests } }
    public var connections: Int { state.withLock { $0.connections } }

    public func stop() {
        let open = state.withLock { state in
            state.isStopped = true
            return state.open
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    /// Waits until so many requests have come in whole.
    public func received(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.requests.count < count { state.requestWaiters.append((count, continuation)) }
                return state.requests.count >= count
            }
            if isThere { continuation.resume() }
        }
    }

    /// Waits until so many connections were left by their client.
    public func left(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.left < count { state.leftWaiters.append((count, continuation)) }
                return state.left >= count
            }
            if isThere { continuation.resume() }
        }
    }

    // MARK: Threads

    private func acceptAll() {
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            let number: Int? = state.withLock { state in
                if state.isStopped { return nil }
                state.open.insert(descriptor)
                defer { state.connections += 1 }
                return state.connections
            }
            guard let number else {
                close(descriptor)
                break
            }
            detach { self.serve(descriptor, number) }
        }
        close(listener)
    }

    private func serve(_ descriptor: Int32, _ number: Int) {
        var input: [UInt8] = []
        while let request = next(descriptor, number, &input) {
            let due = state.withLock { state in
                state.requests.append(request)
                defer { state.requestWaiters.removeAll { $0.count <= state.requests.count } }
                return state.requestWaiters.filter { $0.count <= state.requests.count }
            }
            for waiter in due { waiter.1.resume() }
            guard respond(descriptor, answer(request)) else { break }
        }
        let due = state.withLock { state in
            state.left += 1
            state.open.remove(descriptor)
            defer { state.leftWaiters.removeAll { $0.count <= state.left } }
            return state.leftWaiters.filter { $0.count <= state.left }
        }
        close(descriptor)
        for waiter in due { waiter.1.resume() }
    }

    private func next(_ descriptor: Int32, _ number: Int, _ input: inout [UInt8]) -> Request? {
        while true {
            if let end = Self.find(Array("\r\n\r\n".utf8), in: input) {
                let head = String(decoding: input[..<end], as: UTF8.self)
                let lines = head.split(separator: "\r\n")
                let length =
                    lines.first { $0.lowercased().hasPrefix("content-length:") }
                    .flatMap { Int($0.split(separator: ":")[1].drop { $0 == " " }) } ?? 0
                if input.count >= end + 4 + length {
                    let words = lines[0].split(separator: " ")
                    let request = Request(
                        method: String(words[0]),
                        path: String(words[1]),
                        head: head,
                        body: Array(input[(end + 4)..<(end + 4 + length)]),
                        connection: number
                    )
                    input.removeFirst(end + 4 + length)
                    return request
                }
            }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = read(descriptor, &buffer, buffer.count)
            if count <= 0 { return nil }
            input.append(contentsOf: buffer[..<count])
        }
    }

    /// - Returns: whether the connection stays.
    private func respond(_ descriptor: Int32, _ answer: Answer) -> Bool {
        switch answer {
        case .ok(let status, let fields, let body):
            let head = (["HTTP/1.1 \(status) Some Reason", "Content-Length: \(body.utf8.count)"] + fields)
            return write(descriptor, head.joined(separator: "\r\n") + "\r\n\r\n" + body)
        case .raw(let text):
            return write(descriptor, text)
        case .rawThenClose(let text):
            _ = write(descriptor, text)
            return false
        case .reset(let text):
            _ = write(descriptor, text)
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                descriptor,
                SOL_SOCKET,
                SO_LINGER,
                &linger,
                socklen_t(MemoryLayout.size(ofValue: linger))
            )
            return false
        case .endless:
            guard write(descriptor, "HTTP/1.1 200 OK\r\n\r\n") else { return false }
            while write(descriptor, String(repeating: "x", count: 65_536)) {}
            return false
        case .silence:
            return true
        }
    }

    private func write(_ descriptor: Int32, _ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func find(_ needle: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= needle.count else { return nil }
        return (0...(bytes.count - needle.count)).first { bytes[$0..<($0 + needle.count)].elementsEqual(needle) }
    }
}

/// Runs `body` on a thread of its own.
private func detach(_ body: @escaping @Sendable () -> Void) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body)).toOpaque()
    let code = pthread_create(
        &thread,
        nil,
        { raw in
            if let raw { Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body() }
            return nil
        },
        box
    )
    precondition(code == 0, "no thread")
    pthread_detach(thread)
}
