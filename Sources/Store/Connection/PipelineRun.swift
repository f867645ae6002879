/// What a pipeline still expects from the server. Each statement answers with a result and an end; then comes the
/// answer to the Sync, and with it the certainty whether the transaction was committed.
struct PipelineRun<Value: Sendable> {
    enum Step: Equatable {
        case prepare(String)
        case execute
    }

    enum Event: Sendable {
        case result(Value)
        /// An error the server reported; the rest of the pipeline is then skipped.
        case failure(StoreError)
        /// Skipped because of an earlier error.
        case skipped
        case end
        case sync
        case lost(StoreError)
    }

    enum Verdict {
        case more
        case finished(Result<[Value], StoreError>)
    }

    let steps: [Step]
    private var cursor = 0
    private var values: [Value] = []
    private var failure: StoreError?
    private var answered = false
    /// The error came in answer to the Sync: unless the server confirms the end, it may have come after the commit.
    private var failedAtSync = false
    /// Names the server has accepted.
    private(set) var prepared: [String] = []

    init(_ steps: [Step]) {
        self.steps = steps
        values.reserveCapacity(steps.count)
    }

    mutating func received(_ event: Event) -> Verdict {
        switch event {
        case .result(let value):
            guard cursor < steps.count, !answered else { return violation() }
            answered = true
            switch steps[cursor] {
            case .prepare(let name): prepared.append(name)
            case .execute: values.append(value)
            }
            return .more
        case .failure(let error):
            if failure == nil {
                failure = error
                failedAtSync = cursor == steps.count
            }
            answered = true
            return .more
        case .skipped:
            answered = true
            return failure == nil ? violation() : .more
        case .end:
            guard answered, cursor < steps.count else { return violation() }
            answered = false
            cursor += 1
            return .more
        case .sync:
            if let failure { return .finished(.failure(failure)) }
            return cursor == steps.count ? .finished(.success(values)) : violation()
        case .lost(let error):
            // An error of the server before the end means that the transaction was rolled back, whatever came after.
            guard let failure else { return .finished(.failure(error)) }
            let unknown = failedAtSync && error.outcomeUnknown
            return .finished(.failure(StoreError(failure.code, failure.message, outcomeUnknown: unknown)))
        }
    }

    private func violation() -> Verdict {
        let error = StoreError(
            .protocolViolation, "the database answered out of turn in a pipeline of \(steps.count) statements",
            outcomeUnknown: true)
        return .finished(.failure(failure ?? error))
    }
}
