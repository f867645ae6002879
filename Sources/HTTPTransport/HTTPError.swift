/// Why a request has no response. A response with an error status is no error here.
///
/// It names host and port, never the URL.
public struct HTTPError: Error, Sendable, Equatable {
    public enum Code: Sendable, Equatable {
        /// The URL is none that HTTP can be spoken to, or a header field holds a line break.
        case invalidRequest
        case unresolved
        case unreachable
        /// TLS could not be set up: certificate, version, or the CA file.
        case tls
        case deadline
        /// The connection broke before the response was complete.
        case connectionLost
        case responseTooLarge
        /// The peer does not speak HTTP.
        case protocolViolation
        /// The task, or the exchange, was cancelled.
        case cancelled
        case shutDown
        /// As many requests wait as ``HTTPConfiguration/maximumWaiting`` allows.
        case overloaded
        /// The system or libcurl has no memory, descriptors or threads left.
        case system
    }

    public enum Disposition: Sendable, Equatable {
        /// The same request may succeed later.
        case retry
        /// It will fail again until something is changed.
        case giveUp
    }

    public let code: Code
    /// `host:port` of the request; empty when there was none.
    public let endpoint: String
    /// libcurl's words for its result code: constant text.
    public let detail: String
    /// Whether the server may have received the request, so that sending it again may do it twice.
    public let mayHaveArrived: Bool

    public init(code: Code, endpoint: String, detail: String = "", mayHaveArrived: Bool = false) {
        self.code = code
        self.endpoint = endpoint
        self.detail = detail
        self.mayHaveArrived = mayHaveArrived
    }

    public var disposition: Disposition {
        switch code {
        case .invalidRequest, .tls, .responseTooLarge, .cancelled, .shutDown: .giveUp
        case .unresolved, .unreachable, .deadline, .connectionLost, .protocolViolation, .overloaded, .system: .retry
        }
    }
}

extension HTTPError: CustomStringConvertible {
    public var description: String {
        let place = endpoint.isEmpty ? "" : " \(endpoint)"
        let more = detail.isEmpty ? "" : " (\(detail))"
        return switch code {
        case .invalidRequest: "not a request that HTTP can carry\(more)"
        case .unresolved: "cannot find\(place): check the host name and the name service\(more)"
        case .unreachable: "cannot connect to\(place): check that it runs and is reachable\(more)"
        case .tls: "no trusted TLS connection to\(place): check its certificate and the CA file\(more)"
        case .deadline: "no complete response from\(place) within the deadline\(more)"
        case .connectionLost: "the connection to\(place) broke before the response was complete\(more)"
        case .responseTooLarge: "the response of\(place) is larger than the configured bound\(more)"
        case .protocolViolation: "what\(place) answered is not HTTP\(more)"
        case .cancelled: "the request to\(place) was cancelled"
        case .shutDown: "the HTTP transport is shut down"
        case .overloaded: "too many requests wait for the HTTP transport: send fewer at a time"
        case .system: "out of memory, descriptors or threads while talking to\(place)\(more)"
        }
    }
}
