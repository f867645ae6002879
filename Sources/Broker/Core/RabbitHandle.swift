import CRabbitMQ
import Glibc

/// Owns one connection of the C library: socket, TLS and frame decoder. One thread uses it.
///
/// The library connects, shakes hands and logs in, and it decodes frames. After login it neither reads nor writes: its own
/// sends block under back pressure and would get between our frames. Its heartbeats are switched off for the same reason.
final class RabbitHandle {
    let state: amqp_connection_state_t
    let descriptor: Int32
    private let tls: OpaquePointer?
    let frameMax: Int
    let channelMax: Int
    /// What both sides agreed on; nil: none.
    let heartbeat: Duration?
    let serverVersion: String

    enum Transfer {
        case bytes(Int)
        /// Nothing can be moved now.
        case wantRead
        case wantWrite
        case end(BrokerError)
    }

    /// Connects and logs in; blocks up to `connectTimeout` for the connection and what is left of it for the login.
    init(_ configuration: BrokerConfiguration) throws(BrokerError) {
        guard let state = amqp_new_connection() else { throw BrokerError(.unreachable, "no memory for a connection") }
        do throws(BrokerError) {
            let start = ContinuousClock.now
            let socket = try Connecting.open(state, configuration)
            let left = configuration.connectTimeout - (ContinuousClock.now - start)
            try Connecting.logIn(state, configuration, timeout: max(left, .milliseconds(100)))
            tls = socket
        } catch {
            amqp_destroy_connection(state)
            throw error
        }
        self.state = state
        descriptor = amqp_get_sockfd(state)
        frameMax = Int(amqp_get_frame_max(state))
        channelMax = Int(amqp_get_channel_max(state))
        let seconds = amqp_get_heartbeat(state)
        heartbeat = seconds > 0 ? .seconds(Int(seconds)) : nil
        serverVersion = amqp_get_server_properties(state)?.pointee.dictionary["version"]?.text ?? ""
        // From here on heartbeats are ours. The decoder is between two frames, as this call demands.
        amqp_tune_connection(state, Int32(channelMax), Int32(frameMax), 0)
    }

    deinit {
        // Over TLS this tries to write a close notification, without blocking.
        amqp_destroy_connection(state)
    }

    /// The next frame that came along with the end of the login and waits in the library's buffer.
    func leftover(_ frame: inout amqp_frame_t) throws(BrokerError) -> Bool {
        let status = crabbitmq_poll_frame(state, &frame)
        if status == AMQP_STATUS_OK.rawValue { return true }
        if status == AMQP_STATUS_TIMEOUT.rawValue { return false }
        throw BrokerError(.closed, "the connection broke right after the login: \(Connecting.text(of: status))")
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        transfer(crabbitmq_read(descriptor, tls, buffer.baseAddress, buffer.count))
    }

    func write(_ buffer: UnsafeRawBufferPointer) -> Transfer {
        transfer(crabbitmq_write(descriptor, tls, buffer.baseAddress, buffer.count))
    }

    /// TLS hands out one record at a time, and what it has read ahead makes no descriptor ready.
    var mayHoldBytes: Bool { tls != nil }

    private func transfer(_ result: Int) -> Transfer {
        switch result {
        case _ where result >= 0: return .bytes(result)
        case Int(CRABBITMQ_WANT_READ): return .wantRead
        case Int(CRABBITMQ_WANT_WRITE): return .wantWrite
        default:
            let why = errno == 0 ? "the other side hung up" : String(cString: strerror(errno))
            return .end(BrokerError(.closed, "the connection to RabbitMQ was lost: \(why)"))
        }
    }

    /// Feeds bytes to the decoder until a frame is complete or the bytes are used up.
    /// - Returns: how many it took, and whether `frame` is filled in. The frame is good until ``release(_:)``.
    func decode(
        _ bytes: UnsafeMutableRawBufferPointer,
        into frame: inout amqp_frame_t
    ) throws(BrokerError) -> (consumed: Int, complete: Bool) {
        let status = amqp_handle_input(state, amqp_bytes_t(len: bytes.count, bytes: bytes.baseAddress), &frame)
        guard status >= 0 else {
            throw BrokerError(
                .protocolViolation,
                "RabbitMQ sent what is not AMQP 0-9-1 (\(Connecting.text(of: status))); the connection is given up"
            )
        }
        return (Int(status), frame.frame_type != 0)
    }

    /// Frees what the decoder holds for the last frame of a channel.
    func release(_ channel: UInt16) { amqp_maybe_release_buffers_on_channel(state, channel) }
}
