public import Broker

/// A publisher that comes back after the connection was lost. Every call has a deadline.
public actor ControlPublisher {
    private let link: BrokerLink
    /// How long a call waits for a connection.
    private let patience: Duration
    private var publisher: Publisher?

    public init(link: BrokerLink, patience: Duration = .seconds(3)) {
        self.link = link
        self.patience = patience
    }

    /// One outcome each, in the same order.
    /// - Throws: when nothing was sent.
    public func publish(_ batch: [Publication]) async throws(BrokerError) -> [PublishOutcome] {
        try await open().publish(batch)
    }

    private func open() async throws(BrokerError) -> Publisher {
        if let publisher, publisher.isOpen { return publisher }
        let link = link
        let opened = try await withDeadline(patience, "RabbitMQ is away") { () async throws(BrokerError) in
            try await Publisher.open(on: link.connection(), window: 200)
        }
        // Another caller may have been faster.
        if let publisher, publisher.isOpen { return publisher }
        publisher = opened
        return opened
    }
}
