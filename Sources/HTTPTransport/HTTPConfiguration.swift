/// Settings of an ``HTTPTransport``.
public struct HTTPConfiguration: Sendable {
    /// Certificates to trust, PEM; `nil`: the system's.
    public var caFile: String?
    /// A larger response is refused as soon as that is known.
    public var maximumResponseSize = 32 << 20
    /// Requests on their way at a time; further ones wait their turn. A long-polling process needs one for each poll.
    public var maximumTransfers = 256
    /// Requests that may wait for their turn; beyond it they fail with ``HTTPError/Code/overloaded``.
    public var maximumWaiting = 16_384
    /// Connections to one host and port. HTTP/2 puts many transfers on one of them, HTTP/1.1 one.
    public var maximumConnectionsPerHost = 256
    /// Idle handles kept for reuse, each some 10 KB.
    public var idleHandles = 64
    /// Whether `https_proxy` and its relatives in the environment count. Off, so that loopback stays loopback.
    public var usesEnvironmentProxy = false
    public var userAgent = "botfleet"

    public init() {}
}
