/// Where RabbitMQ is and how long to wait for it. Prints without its password.
public struct BrokerConfiguration: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var host: String
    public var port: Int
    public var user: String
    var password: String
    public var vhost: String
    public var tls: Bool
    /// Shown by the broker beside the connection, so that an operator knows whose it is.
    public var name: String

    /// A peer silent for two of these is dead. Rounded up to whole seconds; at least one. The broker may ask for less.
    public var heartbeat: Duration = .seconds(10)
    /// TCP, TLS and login together.
    public var connectTimeout: Duration = .seconds(5)
    /// Declarations, `basic.get`, opening and closing channels.
    public var rpcTimeout: Duration = .seconds(10)
    /// From handing publications over until all of them are confirmed; also the wait for room and for an unblocked broker.
    public var confirmTimeout: Duration = .seconds(30)
    /// PEM file of the CA to trust; nil: the system's.
    public var caFile: String?
    /// A larger message from the broker is a protocol violation. Bytes.
    public var maxMessageSize: Int = 128 << 20

    /// The password itself, for building another client's URL. Name the reason where you call this.
    public func revealPassword() -> String { password }

    public var description: String {
        "\(tls ? "amqps" : "amqp")://\(user):•••@\(host):\(port)/\(vhost == "/" ? "" : vhost)"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["url": description]) }

    /// Host, port and vhost, for errors.
    var place: String { "\(host):\(port)" }
}
