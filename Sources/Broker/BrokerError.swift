/// What went wrong between this process and RabbitMQ. `description` is one line that says what happened, where, and what
/// to do; it never holds a password or a URL, so it is safe to log.
public struct BrokerError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// The URL or a setting in it cannot be used.
        case invalidURL
        /// Nobody answers at host and port, or the name does not resolve.
        case unreachable
        /// The TLS handshake failed: unknown CA, wrong host name, no TLS on that port.
        case tls
        /// The broker turned the login down.
        case refused(Refusal)
        /// The connection is closed: by us, by the broker, or by the network.
        case closed
        /// The broker sent nothing for two heartbeat intervals.
        case peerSilent
        /// The broker closed the channel: AMQP reply code and text. 404, 405, 406 and 403 have cases of their own.
        case channelClosed(code: Int, text: String)
        /// 404: no such queue or exchange. Closes the channel.
        case notFound
        /// 406: the queue or exchange exists with other arguments, or an unknown delivery tag. Closes the channel.
        case preconditionFailed
        /// 405: the queue is exclusive to another connection. Closes the channel.
        case locked
        /// 403: the user may not do this. Closes the channel.
        case accessRefused
        /// The broker cancelled the consumer: its queue was deleted, or its node failed.
        case consumerCancelled
        /// No answer within the deadline.
        case timeout
        /// The broker holds publishers back (memory or disk alarm) and did not let go within the deadline.
        case blocked
        /// The peer sent what AMQP 0-9-1 does not allow here.
        case protocolViolation
        /// The calling task was cancelled.
        case cancelled
        /// The call breaks a rule of this library, such as two callers in one `Deliveries`.
        case misuse
    }

    /// Why a login was turned down.
    public enum Refusal: Sendable, Equatable {
        /// User name or password.
        case login
        /// The virtual host is missing, or the user has no permission for it.
        case vhost
    }

    public enum Disposition: Sendable, Equatable {
        /// The same call on the same connection may succeed.
        case retry
        /// A new connection (or channel, for channel errors) is needed first.
        case reconnect
        /// It fails again until somebody changes something.
        case giveUp
    }

    public let code: Code
    /// What happened and what to do, without the code. Holds no secret.
    public let detail: String

    public init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    public var disposition: Disposition {
        switch code {
        case .timeout, .blocked: .retry
        case .unreachable, .closed, .peerSilent, .channelClosed, .consumerCancelled, .protocolViolation: .reconnect
        case .invalidURL, .tls, .refused, .notFound, .preconditionFailed, .locked, .accessRefused, .cancelled, .misuse:
            .giveUp
        }
    }

    public var description: String { detail }
}

extension BrokerError {
    /// The error for a `channel.close` of the broker. Codes: AMQP 0-9-1 section 1.2.
    static func channelClosed(by code: UInt16, text: String) -> BrokerError {
        let kind: Code =
            switch code {
            case 403: .accessRefused
            case 404: .notFound
            case 405: .locked
            case 406: .preconditionFailed
            default: .channelClosed(code: Int(code), text: text)
            }
        return BrokerError(kind, "RabbitMQ closed the channel: \(text) (\(code))")
    }

    static let cancelled = BrokerError(.cancelled, "the waiting task was cancelled")
    static let closedByUs = BrokerError(.closed, "the connection to RabbitMQ was closed by this process")
    static let channelClosedByUs = BrokerError(.closed, "the channel was closed by this process")
}
