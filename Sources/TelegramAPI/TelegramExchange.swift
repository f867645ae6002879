import HTTPTransport
import Synchronization

/// One call among many of a ``TelegramExchange``.
public struct TelegramCall: Sendable {
    /// Comes back with the result.
    public let tag: Int
    /// A method's name, such as `sendMessage`.
    public let method: String
    /// Its parameters as a JSON object.
    public let body: [UInt8]
    public let deadline: Duration
    /// As ``HTTPRequest/isRepeatable``.
    public let isRepeatable: Bool

    public init(
        tag: Int, method: String, body: [UInt8], deadline: Duration = .seconds(30), isRepeatable: Bool = true
    ) {
        self.tag = tag
        self.method = method
        self.body = body
        self.deadline = deadline
        self.isRepeatable = isRepeatable
    }
}

/// Many calls at once, for a sender: batches go in, results come out as they are there, in the order in which they
/// finish. Calls that must keep an order (those of one chat) are the sender's to hold back until their predecessor is
/// done.
public struct TelegramExchange: Sendable {
    public struct Completion: Sendable {
        public let tag: Int
        public let result: Result<TelegramReply, TelegramError>
    }

    /// Read once a batch.
    private final class Current: Sendable {
        let client: Mutex<TelegramClient>
        init(_ client: TelegramClient) { self.client = Mutex(client) }
    }

    private let current: Current
    private let exchange: HTTPExchange

    public init(_ client: TelegramClient, transport: HTTPTransport) {
        current = Current(client)
        exchange = transport.exchange()
    }

    /// Calls from now on go by another client: the bot's token was changed.
    public func use(_ client: TelegramClient) { current.client.withLock { $0 = client } }

    /// Calls submitted whose results have not been pulled.
    public var outstanding: Int { exchange.outstanding }

    public func submit(_ calls: [TelegramCall]) {
        let client = current.client.withLock { $0 }
        exchange.submit(
            calls.map { call in
                var request = client.request(call.method, body: call.body, deadline: call.deadline)
                request.isRepeatable = call.isRepeatable
                return (tag: call.tag, request: request)
            }
        )
    }

    /// Waits for at least one result and takes all there are. One caller at a time.
    /// - Returns: empty when the calling task was cancelled, and after ``close()`` when all results have been taken.
    public func next() async -> [Completion] {
        await exchange.next().map { completion in
            Completion(tag: completion.tag, result: completion.result.telegramReply)
        }
    }

    /// Aborts what is outstanding. Idempotent.
    public func close() { exchange.close() }
}

extension Result where Success == HTTPResponse, Failure == HTTPError {
    fileprivate var telegramReply: Result<TelegramReply, TelegramError> {
        switch self {
        case .failure(let error): return .failure(.network(error))
        case .success(let response):
            do throws(TelegramError) { return .success(try TelegramReply(response)) } catch { return .failure(error) }
        }
    }
}
