import EventLoop
import Logging

/// Keeps one connection alive: hands out the live one, or makes a new one with backoff and jitter.
///
/// It restores nothing but the connection. Whoever asks for one gets a new object after a loss and then declares,
/// consumes and binds again: that code runs on the first connection and on every later one alike.
public actor BrokerLink {
    private let configuration: BrokerConfiguration
    private let logger: Logger
    private var backoff: Backoff
    private var state: State = .idle
    /// How many connections were made after the first.
    public private(set) var reconnects = 0
    private var everConnected = false

    private enum State {
        case idle
        case connecting(Task<Result<BrokerConnection, BrokerError>, Never>)
        case connected(BrokerConnection)
        case closed
    }

    public init(configuration: BrokerConfiguration, logger: Logger, backoff: Backoff = Backoff()) {
        self.configuration = configuration
        self.logger = logger
        self.backoff = backoff
    }

    /// The live connection; else connects, again and again until it succeeds or the task is cancelled.
    /// - Throws: `.cancelled`; `.closed` after ``close()``; and, as long as no connection ever succeeded, errors that say
    ///   `.giveUp` (wrong password, missing vhost, bad certificate). Later ones are retried too: a broker that is starting
    ///   refuses vhosts for a while.
    public func connection() async throws(BrokerError) -> BrokerConnection {
        while true {
            if Task.isCancelled { throw .cancelled }
            let attempt: Task<Result<BrokerConnection, BrokerError>, Never>
            switch state {
            case .closed: throw .closedByUs
            case .connected(let connection) where connection.isOpen: return connection
            case .connected, .idle: attempt = startAttempt()
            case .connecting(let running): attempt = running
            }
            let result = await firstOf(attempt)
            switch result {
            case .success(let connection): if connection.isOpen { return connection }
            case .failure(let error):
                if error.disposition == .giveUp && (!everConnected || error.code == .cancelled) { throw error }
            }
        }
    }

    /// Closes the connection and refuses new ones.
    public func close() async {
        let last = state
        state = .closed
        switch last {
        case .connected(let connection): await connection.close()
        case .connecting(let attempt):
            attempt.cancel()
            if case .success(let connection) = await attempt.value { await connection.close() }
        case .idle, .closed: break
        }
    }

    /// One attempt, shared by all who wait: the connection, or a failure after its backoff has passed.
    private func startAttempt() -> Task<Result<BrokerConnection, BrokerError>, Never> {
        let attempt = Task { await self.attempt() }
        state = .connecting(attempt)
        return attempt
    }

    private func attempt() async -> Result<BrokerConnection, BrokerError> {
        let result: Result<BrokerConnection, BrokerError>
        do throws(BrokerError) {
            result = .success(try await BrokerConnection.open(configuration, logger: logger))
        } catch {
            result = .failure(error)
        }
        switch result {
        case .success(let connection):
            if case .closed = state { return result }
            backoff.reset()
            if everConnected { reconnects += 1 }
            everConnected = true
            state = .connected(connection)
            logger.info("connected to RabbitMQ", metadata: ["broker": "\(configuration.place)"])
        case .failure(let error):
            let delay = backoff.next()
            logger.warning("\(error)", metadata: ["retry_in": "\(delay)"])
            // Those who will give up need not wait for the next attempt's turn.
            if everConnected || error.disposition != .giveUp { try? await Task.sleep(for: delay) }
            if case .connecting = state { state = .idle }
        }
        return result
    }

    /// The attempt's result, or `.cancelled` as soon as the caller's task is: the attempt itself goes on for the others.
    private func firstOf(
        _ attempt: Task<Result<BrokerConnection, BrokerError>, Never>
    ) async -> Result<BrokerConnection, BrokerError> {
        let waiter = OneShot<Result<BrokerConnection, BrokerError>>()
        Task { waiter.resume(await attempt.value) }
        return await withTaskCancellationHandler {
            await waiter.value
        } onCancel: {
            waiter.resume(.failure(.cancelled))
        }
    }
}
