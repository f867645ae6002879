import EventLoop

// One buffer, one writer, one order. A partial write stays at the head of the buffer and goes on when the socket takes
// more; nothing else ever writes to the socket.
extension ConnectionCore {
    var outboundCount: Int { writer.bytes.count - written }

    /// Sends what waits, without blocking.
    func flush() {
        guard phase == .open || phase == .closing, !isFlushing else { return }
        isFlushing = true
        defer { isFlushing = false }
        // Publishers that wait for room in the buffer refill it as it empties.
        repeat {
            guard writeOnce() else { return }
        } while refill()
    }

    /// False when the socket takes no more, or is gone.
    private func writeOnce() -> Bool {
        guard let handle, !wantsWrite else { return false }
        while outboundCount > 0 {
            let result = writer.bytes.withUnsafeBytes { handle.write(UnsafeRawBufferPointer(rebasing: $0[written...])) }
            switch result {
            case .bytes(let count):
                written += count
                heartbeat?.sent(at: .now)
            case .wantRead:
                // TLS wants to hear from the peer first; the next readable event tries again.
                compact()
                return false
            case .wantWrite:
                compact()
                wantsWrite = true
                isWatchingWrites = true
                loop.watch(handle.descriptor, for: [.read, .write]) { [self] in ready($0) }
                return false
            case .end(let error):
                // What the broker said before it hung up is worth more than the broken pipe.
                readFrames()
                finish(error)
                return false
            }
        }
        reset(handle)
        return true
    }

    private func reset(_ handle: RabbitHandle) {
        // A rare large burst should not keep its memory.
        writer.removeAll(keepingCapacity: writer.bytes.capacity <= 1 << 20)
        written = 0
        if isWatchingWrites {
            isWatchingWrites = false
            loop.watch(handle.descriptor, for: .read) { [self] in ready($0) }
        }
    }

    private func compact() {
        guard written > 0 else { return }
        writer.removeFirst(written)
        written = 0
    }

    private func refill() -> Bool {
        guard phase == .open, !isBlocked else { return false }
        for publisher in publishers.values { publisher.pump() }
        return outboundCount > 0
    }

    // MARK: Heartbeats

    func scheduleHeartbeat() {
        guard let heartbeat else { return }
        heartbeatTimer = loop.schedule(after: max(heartbeat.next - .now, .milliseconds(1))) { [self] in beat() }
    }

    private func beat() {
        // After a pause of this process the peer's bytes may lie in the socket: look before judging.
        readFrames()
        guard phase == .open || phase == .closing, let clock = heartbeat else { return }
        switch clock.action(at: .now) {
        case .peerIsDead:
            finish(
                BrokerError(
                    .peerSilent,
                    "RabbitMQ at \(configuration.place) sent nothing for \(clock.interval * 2); the connection is given up"
                )
            )
            return
        case .send:
            // Bytes that wait to be sent are as good as a heartbeat.
            if outboundCount == 0 { writer.heartbeat() }
            heartbeat?.sent(at: .now)
            flush()
        case .none: break
        }
        if phase != .closed { scheduleHeartbeat() }
    }
}
