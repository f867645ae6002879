public enum HTTPMethod: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
}

/// One field of a message's header.
public struct HTTPField: Sendable, Equatable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// `Content-Type: application/json`. One value for all: a handle that meets the same fields again keeps its list.
    public static let json = HTTPField("Content-Type", "application/json")
}

/// A request. Its URL may hold a secret, so it prints as method, host and port alone.
public struct HTTPRequest: Sendable {
    public var method: HTTPMethod
    public var url: String
    public var headers: [HTTPField]
    public var body: [UInt8]
    /// From the moment it is handed over, time spent waiting for its turn included, to the last byte of the response.
    public var deadline: Duration
    /// For name lookup, TCP and TLS together.
    public var connectTimeout: Duration
    /// Whether it may be sent again, unasked, when a connection that was kept open breaks before any of the response
    /// came. Most such connections were closed by the server before the request reached it; one that was not carries it
    /// out twice. `false`: that is an error instead, of a request that may have arrived.
    public var isRepeatable: Bool

    public init(
        method: HTTPMethod = .get,
        url: String,
        headers: [HTTPField] = [],
        body: [UInt8] = [],
        deadline: Duration = .seconds(30),
        connectTimeout: Duration = .seconds(5),
        isRepeatable: Bool = true
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.deadline = deadline
        self.connectTimeout = connectTimeout
        self.isRepeatable = isRepeatable
    }
}

extension HTTPRequest: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(method.rawValue) \(HTTPEndpoint.of(url))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

public struct HTTPResponse: Sendable {
    public let status: Int
    public let headers: HTTPHeaders
    public let body: [UInt8]

    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(block: []), body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// A response's header fields, kept as they came and searched when somebody asks: most are never looked at.
public struct HTTPHeaders: Sendable {
    private let block: [UInt8]

    /// - Parameter block: lines ending in CR LF; the first is the status line.
    public init(block: [UInt8]) { self.block = block }

    /// The value of the first field of that name (letter case ignored, RFC 9110, 5.1), without white space around it.
    public subscript(name: String) -> String? {
        let wanted = Array(name.utf8)
        for line in block.split(whereSeparator: { $0 == 10 }) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon - line.startIndex == wanted.count,
                zip(line[..<colon], wanted).allSatisfy({ Self.lowercase($0) == Self.lowercase($1) })
            else { continue }
            let value = line[(colon + 1)...].drop { Self.isSpace($0) }
            let end = value.lastIndex { !Self.isSpace($0) }.map { $0 + 1 } ?? value.startIndex
            return String(decoding: value[..<end], as: UTF8.self)
        }
        return nil
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 0x20 : byte }
    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 13 }
}
