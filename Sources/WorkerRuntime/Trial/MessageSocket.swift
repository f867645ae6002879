import EventLoop
import Glibc

/// Messages over a stream socket between two processes of ours: four bytes of length, big-endian, then the message.
actor MessageSocket {
    private nonisolated let loop: EventLoop
    private let descriptor: Int32
    private var incoming: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var waiter: CheckedContinuation<[UInt8]?, Never>?
    private var isWatched = false
    private var isOver = false
    private let whenOver: @Sendable () -> Void

    /// An update, a session and a config, at their largest, and then some.
    private static let largest = 64 << 20

    /// - Parameters:
    ///   - descriptor: a non-blocking socket; it belongs to this from now on.
    ///   - whenOver: called once, on the loop, when either end has closed it.
    init(descriptor: Int32, loop: EventLoop, whenOver: @escaping @Sendable () -> Void = {}) {
        self.whenOver = whenOver
        self.descriptor = descriptor
        self.loop = loop
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Returns before the message is written; it is dropped when the other end is gone.
    func send(_ message: [UInt8]) {
        if isOver { return }
        let length = UInt32(message.count)
        for shift in [24, 16, 8, 0] as [UInt32] { outgoing.append(UInt8(truncatingIfNeeded: length >> shift)) }
        outgoing += message
        flush()
    }

    /// The next message; `nil` when the other end is gone. One caller at a time.
    func next() async -> [UInt8]? {
        if let message = takeMessage() { return message }
        if isOver { return nil }
        watch()
        return await withCheckedContinuation { waiter = $0 }
    }

    func close() {
        if isOver { return }
        isOver = true
        if isWatched { loop.unwatch(descriptor) }
        Glibc.close(descriptor)
        waiter.take()?.resume(returning: nil)
        whenOver()
    }

    private func watch() {
        isWatched = true
        loop.watch(descriptor, for: outgoing.isEmpty ? .read : [.read, .write]) { [weak self] ready in
            self?.assumeIsolated { socket in
                if ready.contains(.write) { socket.flush() }
                if ready.contains(.read) { socket.receive() }
            }
        }
    }

    private func flush() {
        while !outgoing.isEmpty, !isOver {
            let count = outgoing.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                outgoing.removeFirst(count)
            } else if errno == EAGAIN {
                break
            } else if errno != EINTR {
                return close()
            }
        }
        if !isOver { watch() }
    }

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while !isOver {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                incoming += buffer[..<count]
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN {
                break
            } else {
                close()
            }
        }
        if waiter != nil, let message = takeMessage() { waiter.take()?.resume(returning: message) }
    }

    private func takeMessage() -> [UInt8]? {
        guard incoming.count >= 4 else { return nil }
        let length = incoming[..<4].reduce(0) { $0 << 8 | Int($1) }
        if length > Self.largest {
            close()
            return nil
        }
        guard incoming.count >= 4 + length else { return nil }
        defer { incoming.removeFirst(4 + length) }
        return Array(incoming[4..<4 + length])
    }
}
