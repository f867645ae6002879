import DequeModule
import Synchronization

/// Deliveries between the connection's thread, which appends, and the one task that pulls.
final class DeliveryQueue: Sendable {
    typealias Outcome = Result<[Delivery], BrokerError>
    private let state = Mutex(DeliveryBuffer<OneShot<Outcome>>())

    var count: Int { state.withLock { $0.count } }

    /// One lock for all that one read brought.
    func append(_ deliveries: [Delivery]) {
        let wakeup = state.withLock { $0.append(deliveries) }
        if let wakeup { wakeup.waiter.resume(.success(wakeup.deliveries)) }
    }

    func finish(_ error: BrokerError) {
        let waiter = state.withLock { $0.finish(error) }
        waiter?.resume(.failure(error))
    }

    func next(max: Int) async throws(BrokerError) -> [Delivery] {
        guard max > 0 else { throw BrokerError(.misuse, "next(max:) was asked for \(max) deliveries") }
        if Task.isCancelled { throw .cancelled }
        // Only a call that has to wait pays for a waiter.
        switch state.withLock({ $0.take(max: max) }) {
        case .ready(let deliveries): return deliveries
        case .failed(let error): throw error
        case .empty: break
        }
        let waiter = OneShot<Outcome>()
        switch state.withLock({ $0.wait(waiter, max: max) }) {
        case .ready(let deliveries): return deliveries
        case .failed(let error): throw error
        case .empty: break
        }
        let outcome = await withTaskCancellationHandler {
            await waiter.value
        } onCancel: {
            // Only whoever takes the waiter out of the state may resume it, so no delivery is lost here.
            if state.withLock({ $0.forget { $0 === waiter } }) { waiter.resume(.failure(.cancelled)) }
        }
        return try outcome.get()
    }
}

/// What ``DeliveryQueue`` holds under its lock. `Waiter` stands for a suspended caller.
struct DeliveryBuffer<Waiter> {
    enum Take {
        case ready([Delivery])
        case empty
        case failed(BrokerError)
    }

    private var deliveries: Deque<Delivery> = []
    private var failure: BrokerError?
    private var waiter: (waiter: Waiter, max: Int)?

    var count: Int { deliveries.count }

    /// What is here, at most `max`.
    mutating func take(max: Int) -> Take {
        if let failure { return .failed(failure) }
        if deliveries.isEmpty { return .empty }
        let count = Swift.min(max, deliveries.count)
        let taken = Array(deliveries.prefix(count))
        deliveries.removeFirst(count)
        return .ready(taken)
    }

    /// As ``take(max:)``; if nothing is here, `.empty` means that `waiter` is kept until something comes.
    mutating func wait(_ waiter: Waiter, max: Int) -> Take {
        let now = take(max: max)
        guard case .empty = now else { return now }
        guard self.waiter == nil else {
            return .failed(BrokerError(.misuse, "two tasks wait for the same deliveries; one at a time"))
        }
        self.waiter = (waiter, max)
        return .empty
    }

    /// The caller to wake, with what it gets.
    mutating func append(_ more: [Delivery]) -> (waiter: Waiter, deliveries: [Delivery])? {
        guard failure == nil else { return nil }
        guard let waiting = waiter, !more.isEmpty else {
            deliveries.append(contentsOf: more)
            return nil
        }
        waiter = nil
        if more.count <= waiting.max { return (waiting.waiter, more) }
        deliveries.append(contentsOf: more[waiting.max...])
        return (waiting.waiter, Array(more[..<waiting.max]))
    }

    /// Drops what is buffered: it cannot be acknowledged any more and will be delivered again. The first error counts.
    mutating func finish(_ error: BrokerError) -> Waiter? {
        guard failure == nil else { return nil }
        failure = error
        deliveries = []
        defer { waiter = nil }
        return waiter?.waiter
    }

    /// True if the waiter was still waiting.
    mutating func forget(_ isIt: (Waiter) -> Bool) -> Bool {
        guard let waiting = waiter, isIt(waiting.waiter) else { return false }
        waiter = nil
        return true
    }
}
