extension BrokerChannel {
    /// Declares the queue a bot's updates wait in, the same way wherever it is declared: gateway, worker and coordinator
    /// must agree to the letter, or the broker answers 406.
    ///
    /// One consumer is active at a time, so that order holds when a second worker starts. A full queue refuses the
    /// publish and never drops what is queued.
    /// - Parameters:
    ///   - deadLetterExchange: where the broker puts what it gives up on, with `deadLetterRoutingKey`.
    @discardableResult
    public func declareIntakeQueue(
        name: String,
        quorum: Bool,
        deadLetterExchange: String,
        deadLetterRoutingKey: String
    ) async throws(BrokerError) -> QueueStatus {
        var arguments = QueueArguments(quorum ? .quorum : .classic)
        arguments.singleActiveConsumer = true
        arguments.deadLetterExchange = deadLetterExchange
        arguments.deadLetterRoutingKey = deadLetterRoutingKey
        return try await declareQueue(name, arguments)
    }
}
