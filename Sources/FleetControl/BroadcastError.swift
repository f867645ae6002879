public import Broker

/// Why a control message did not go out.
public enum BroadcastError: Error, Sendable, CustomStringConvertible {
    /// The broker is away, so no answers could arrive either. Nothing was sent.
    case notConnected
    /// So many broadcasts already wait for answers. Nothing was sent.
    case tooMany(Int)
    /// Publishing failed; nothing was sent.
    case failed(BrokerError)
    /// The broker did not confirm it: it may have reached some workers.
    case unconfirmed

    /// Whether it is certain that no worker got it.
    public var nothingSent: Bool {
        if case .unconfirmed = self { return false }
        return true
    }

    public var description: String {
        switch self {
        case .notConnected: "RabbitMQ is away"
        case .tooMany(let count): "\(count) broadcasts already wait for answers; try again in a moment"
        case .failed(let error): "\(error)"
        case .unconfirmed: "RabbitMQ did not confirm the broadcast; it may have reached some workers"
        }
    }
}
