import EventLoop
import Glibc

/// A client's connection and the one made for it to the server. It owns both descriptors; all of it is used on the
/// proxy's loop alone.
final class ProxyConnection {
    let id: Int
    let client: Int32
    let server: Int32
    var watched: [Int32: EventLoop.Interest] = [:]
    var isTimed = false
    private var toServer = Pipe()
    private var toClient = Pipe()

    init(id: Int, client: Int32, server: Int32) {
        self.id = id
        self.client = client
        self.server = server
        var yes: Int32 = 1
        for descriptor in [client, server] {
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    func close() {
        Glibc.close(client)
        Glibc.close(server)
    }

    func hold(_ direction: Disturbance.Direction, after bytes: Int) {
        if direction != .toClient { toServer.allowance = bytes }
        if direction != .toServer { toClient.allowance = bytes }
    }

    func release() {
        toServer.allowance = nil
        toClient.allowance = nil
    }

    /// - Returns: false when one side has ended and nothing more may pass.
    func move(now: ContinuousClock.Instant, latency: Duration) -> Bool {
        let isGoing = toServer.move(from: client, to: server, now: now, latency: latency)
        return toClient.move(from: server, to: client, now: now, latency: latency) && isGoing
    }

    func interest(of descriptor: Int32, now: ContinuousClock.Instant) -> EventLoop.Interest {
        let (reading, writing) = descriptor == client ? (toServer, toClient) : (toClient, toServer)
        var interest: EventLoop.Interest = []
        if reading.wantsMore { interest.insert(.read) }
        if writing.isBlocked(now: now) { interest.insert(.write) }
        return interest
    }

    /// When something that is delayed may pass.
    var nextDue: ContinuousClock.Instant? { [toServer.nextDue, toClient.nextDue].compactMap { $0 }.min() }

    /// One direction.
    private struct Pipe {
        /// Bytes kept at most; beyond that the sender waits.
        static let bound = 256 * 1024

        private var chunks: [(due: ContinuousClock.Instant, bytes: ArraySlice<UInt8>)] = []
        private var size = 0
        private var hasEnded = false
        /// Bytes that may still pass; `nil`: all.
        var allowance: Int?

        var wantsMore: Bool { !hasEnded && size < Self.bound && allowance != 0 }

        func isBlocked(now: ContinuousClock.Instant) -> Bool {
            guard let first = chunks.first, allowance != 0 else { return false }
            return first.due <= now
        }

        var nextDue: ContinuousClock.Instant? { allowance == 0 ? nil : chunks.first?.due }

        mutating func move(
            from source: Int32, to sink: Int32, now: ContinuousClock.Instant, latency: Duration
        ) -> Bool {
            read(source, due: now + latency)
            guard write(sink, now: now) else { return false }
            return !(hasEnded && chunks.isEmpty && allowance != 0)
        }

        private mutating func read(_ source: Int32, due: ContinuousClock.Instant) {
            while wantsMore {
                var outcome = 0
                let bytes = [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
                    outcome = recv(source, buffer.baseAddress, buffer.count, 0)
                    count = max(0, outcome)
                }
                if outcome <= 0 {
                    if outcome == 0 || errno != EAGAIN && errno != EINTR { hasEnded = true }
                    return
                }
                chunks.append((due, bytes[...]))
                size += bytes.count
            }
        }

        /// - Returns: false when the other side is gone.
        private mutating func write(_ sink: Int32, now: ContinuousClock.Instant) -> Bool {
            while let first = chunks.first, first.due <= now, allowance != 0 {
                let part = first.bytes.prefix(allowance ?? .max)
                let count = part.withUnsafeBytes { send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                if count < 0 { return errno == EAGAIN || errno == EINTR }
                size -= count
                if let allowed = allowance { allowance = allowed - count }
                if count == first.bytes.count {
                    chunks.removeFirst()
                } else {
                    chunks[0].bytes = first.bytes.dropFirst(count)
                }
            }
            return true
        }
    }
}
