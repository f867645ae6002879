import CRabbitMQ
import Logging

extension ConnectionCore {
    /// Reads and handles what is here, then hands deliveries over: one lock and one wake-up for each consumer.
    func readFrames() {
        guard phase == .open || phase == .closing else { return }
        do throws(BrokerError) {
            try readBursts()
        } catch {
            handOver()
            if error.code == .protocolViolation { sayWhy(error) }
            finish(error)
            return
        }
        handOver()
    }

    private func readBursts() throws(BrokerError) {
        var reads = 0
        while let handle {
            switch handle.read(into: readBuffer) {
            case .wantRead, .wantWrite: return
            case .end(let error): throw error
            case .bytes(let count):
                heartbeat?.received(at: .now)
                try decode(UnsafeMutableRawBufferPointer(rebasing: readBuffer[..<count]), handle)
                // A short read means an empty socket. What a long burst leaves behind makes it ready again at once.
                if !handle.mayHoldBytes && count < readBuffer.count { return }
                reads += 1
                if reads >= Self.readsPerTurn {
                    if handle.mayHoldBytes { submit { $0.readFrames() } }
                    return
                }
            }
        }
    }

    private func decode(_ bytes: UnsafeMutableRawBufferPointer, _ handle: RabbitHandle) throws(BrokerError) {
        var bytes = bytes
        var frame = amqp_frame_t()
        while bytes.count > 0 {
            let (consumed, complete) = try handle.decode(bytes, into: &frame)
            bytes = UnsafeMutableRawBufferPointer(rebasing: bytes[consumed...])
            guard complete else { continue }
            try received(frame)
            // The connection may have ended just now.
            guard phase != .closed else { return }
            handle.release(frame.channel)
        }
    }

    private func handOver() {
        for channel in staged { channel.handOver() }
        staged.removeAll(keepingCapacity: true)
    }

    /// Best effort: the broker's log then tells the reason as well.
    private func sayWhy(_ error: BrokerError) {
        guard phase == .open, written == 0 else { return }
        writer.close(Method.connectionClose, channel: 0, code: 501, text: String(error.detail.prefix(100)))
        flush()
    }

    /// A complete frame. Frame types that AMQP does not know never get here: the decoder drops them.
    func received(_ frame: amqp_frame_t) throws(BrokerError) {
        if frame.frame_type == Frame.heartbeat { return }
        if frame.channel == 0 {
            guard frame.frame_type == Frame.method else { throw .outOfOrder("content on channel 0") }
            return try receivedOnConnection(frame.payload.method)
        }
        guard let channel = channels[frame.channel] else {
            throw .outOfOrder("a frame on channel \(frame.channel), which is not open")
        }
        try channel.received(frame)
    }

    private func receivedOnConnection(_ method: amqp_method_t) throws(BrokerError) {
        switch method.id {
        case Method.connectionClose:
            guard let decoded = method.decoded else { throw .outOfOrder("an empty close") }
            let close = decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
            let (code, text) = (close.reply_code, close.reply_text.text)
            writer.method(Method.connectionCloseOk, channel: 0)
            flush()
            finish(BrokerError(.closed, "RabbitMQ closed the connection: \(text) (\(code))"))
        case Method.connectionCloseOk where phase == .closing:
            finish(nil)
        case Method.connectionBlocked:
            guard let decoded = method.decoded else { throw .outOfOrder("an empty blocked") }
            let reason = decoded.assumingMemoryBound(to: amqp_connection_blocked_t.self).pointee.reason.text
            logger.warning("RabbitMQ holds publishers back", metadata: ["reason": "\(reason)"])
            setBlocked(true)
        case Method.connectionUnblocked:
            logger.notice("RabbitMQ takes publications again")
            setBlocked(false)
            for publisher in publishers.values { publisher.pump() }
            flush()
        default:
            throw .outOfOrder("method \(method.id >> 16).\(method.id & 0xFFFF) on channel 0")
        }
    }

    private func setBlocked(_ blocked: Bool) {
        isBlocked = blocked
        shared.setBlocked(blocked)
    }
}
