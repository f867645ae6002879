import Broker
import FleetControl
import FleetModel
import Store

extension Fleet {
    /// Dead letters one replay of a whole bot takes at most; call again for more.
    static let replayBound = 1000

    func deadLetters(of bot: BotID?, limit: Int) async throws(APIFailure) -> [DeadLetterView] {
        try await stored { () throws(StoreError) in try await database.deadLetters(of: bot, limit: limit) }
            .map { Self.view($0) }
    }

    func deadLetter(_ number: Int64) async throws(APIFailure) -> DeadLetterView {
        guard let letter = try await stored({ () throws(StoreError) in try await database.deadLetter(number) }) else {
            throw .noSuchLetter(number)
        }
        return Self.view(letter)
    }

    /// Puts bodies back into their bots' intakes, one after another: confirmed by the broker, then marked.
    func replay(_ request: ReplayRequest, by author: String) async throws(APIFailure) -> ReplayView {
        var view = ReplayView(replayed: [], failed: [])
        for number in try await numbers(request) {
            do throws(APIFailure) {
                try await replay(number)
                view.replayed.append(number)
            } catch {
                view.failed.append(ReplayView.Failure(number: number, reason: error.description))
                // The rest would fail as well, each after its own deadline.
                if error.status == 503 { break }
            }
        }
        let target = request.bot?.rawValue ?? request.number.map { "\($0)" } ?? ""
        await audit(
            "dead_letter.replay", target, by: author,
            .object(["replayed": .int(Int64(view.replayed.count)), "failed": .int(Int64(view.failed.count))]))
        return view
    }

    private func numbers(_ request: ReplayRequest) async throws(APIFailure) -> [Int64] {
        if let number = request.number {
            guard try await stored({ () throws(StoreError) in try await database.deadLetter(number) }) != nil else {
                throw .noSuchLetter(number)
            }
            return [number]
        }
        guard let bot = request.bot else { return [] }
        _ = try await record(of: bot)
        // Oldest first: the order the updates came in.
        return try await stored { () throws(StoreError) in
            try await database.deadLetters(of: bot, limit: Self.replayBound, onlyUnreplayed: true)
        }.map(\.number).sorted()
    }

    private func replay(_ number: Int64) async throws(APIFailure) {
        guard let letter = try await stored({ () throws(StoreError) in try await database.deadLetter(number) }),
            let body = letter.body
        else { throw .noSuchLetter(number) }
        let publication = Publication(
            routingKey: FleetTopology.intakeQueue(of: letter.bot),
            body: body,
            contentType: "application/json",
            headers: ["x-fleet-replay": .int(number)]
        )
        let outcome: PublishOutcome
        do throws(BrokerError) {
            outcome = try await publisher.publish([publication]).first ?? .unknown
        } catch {
            throw .unavailable("\(error)")
        }
        switch outcome {
        case .confirmed: try await stored { () throws(StoreError) in try await database.markReplayed([number]) }
        case .returned: throw .conflict("bot '\(letter.bot)' has no queue; start the bot first")
        case .nacked: throw .conflict("the queue of bot '\(letter.bot)' is full")
        case .unknown, .unsent: throw .unavailable("RabbitMQ did not confirm it; it may be replayed all the same")
        }
    }

    static func view(_ letter: DeadLetter) -> DeadLetterView {
        DeadLetterView(
            number: letter.number,
            bot: letter.bot,
            updateID: letter.updateID,
            reason: letter.reason,
            attempts: letter.attempts,
            at: letter.at,
            replayedAt: letter.replayedAt,
            size: letter.size,
            body: letter.body.map { String(decoding: $0, as: UTF8.self) }
        )
    }
}

extension APIFailure {
    fileprivate static func noSuchLetter(_ number: Int64) -> APIFailure {
        .notFound("there is no dead letter \(number); `fleetctl dlq list` shows them")
    }
}
