import EventLoop
import Synchronization

/// HTTP/1.1 and HTTP/2 requests over libcurl, all on one thread and one pool of connections. A process needs one.
///
/// Redirects are not followed: a response is what the server named in the URL said. Certificates are verified. When a
/// connection that was kept alive turns out to be dead before any byte of a response came, libcurl sends the request
/// once more on a fresh one; so a request arrives at least once, not exactly once.
public final class HTTPTransport: Sendable {
    private let core: TransferLoop

    /// Starts the thread.
    /// - Throws: code `.system` when the system has no descriptors or threads left, `.tls` for an unreadable CA file.
    public init(_ configuration: HTTPConfiguration = HTTPConfiguration()) throws(HTTPError) {
        core = try TransferLoop(configuration)
    }

    deinit { core.stop(nil) }

    /// Sends one request. Cancelling the task aborts it.
    public func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let id = core.nextID()
        let core = core
        let result: Result<HTTPResponse, HTTPError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                core.submit(request, .once(continuation), id: id)
                // The handler may have run before there was anything to cancel.
                if Task.isCancelled { core.cancel(.one(id)) }
            }
        } onCancel: {
            core.cancel(.one(id))
        }
        return try result.get()
    }

    /// Sends all and waits for all. For results one by one, use an exchange.
    /// - Returns: results in the order of the requests.
    public func send(_ batch: [HTTPRequest]) async -> [Result<HTTPResponse, HTTPError>] {
        let exchange = exchange()
        exchange.submit(batch.enumerated().map { (tag: $0.offset, request: $0.element) })
        var results: [Result<HTTPResponse, HTTPError>?] = Array(repeating: nil, count: batch.count)
        var missing = batch.count
        while missing > 0 {
            let completions = await exchange.next()
            if completions.isEmpty {
                exchange.close()
                if Task.isCancelled { break }
            }
            for completion in completions { results[completion.tag] = completion.result }
            missing -= completions.count
        }
        return results.enumerated().map { index, result in
            result ?? .failure(HTTPError(code: .cancelled, endpoint: HTTPEndpoint.of(batch[index].url)))
        }
    }

    /// A way in for many requests whose results are pulled as they come.
    public func exchange() -> HTTPExchange { HTTPExchange(core: core) }

    /// Aborts every transfer, closes the connections and ends the thread. Later requests fail. Idempotent.
    public func shutdown() async {
        await withCheckedContinuation { core.stop($0) }
    }
}
