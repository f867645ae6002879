import FleetModel
import Store

extension Fleet {
    func deadLetters(
        _ filter: DeadLetterFilter, before: Int64?, limit: Int
    ) async throws(APIFailure) -> [DeadLetterView] {
        try await stored { () throws(StoreError) in
            try await database.deadLetters(filter, before: before, limit: limit)
        }.map { Self.view($0) }
    }

    func countDeadLetters(_ filter: DeadLetterFilter) async throws(APIFailure) -> DeadLetterCount {
        try await stored { () throws(StoreError) in try await database.countDeadLetters(filter) }
    }

    func deadLetter(_ number: Int64) async throws(APIFailure) -> DeadLetterView {
        guard let letter = try await stored({ () throws(StoreError) in try await database.deadLetter(number) }) else {
            throw .notFound("there is no dead letter \(number); `fleetctl dlq list` shows them")
        }
        return Self.view(letter)
    }

    func purgeDeadLetters(_ request: PurgeRequest, by author: String) async throws(APIFailure) -> PurgeView {
        let filter = request.filter
        guard !(filter.namesNoneInParticular && filter.replayed == nil) || request.all == true else {
            throw .badRequest("a purge without a filter needs \"all\": true")
        }
        try await check(filter)
        let purged = try await stored { () throws(StoreError) in try await database.purgeDeadLetters(filter) }
        await audit("dead_letter.purge", filter.text, by: author, .object(["purged": .int(purged)]))
        return PurgeView(purged: purged)
    }

    func collectDeadLetters(by author: String) async throws(APIFailure) -> CollectView {
        let view = await brokerLetters.collect(try await allBots())
        await audit("dead_letter.collect", "all", by: author, .object(["collected": .int(Int64(view.collected))]))
        return view
    }

    /// Now and then, without being asked. A broker or database that is away is no news here.
    func collectDeadLetters() async {
        guard let bots = try? await allBots() else { return }
        _ = await brokerLetters.collect(bots)
    }

    private func allBots() async throws(APIFailure) -> [BotID] {
        try await stored { () throws(StoreError) in try await database.bots() }.map(\.spec.id)
    }

    /// A filter that can mean nothing, because its bot or its only letter is not there, is a mistake.
    private func check(_ filter: DeadLetterFilter) async throws(APIFailure) {
        if let bot = filter.bot { _ = try await record(of: bot) }
        if let numbers = filter.numbers, numbers.count == 1 { _ = try await deadLetter(numbers[0]) }
    }

    // MARK: Replays

    func startReplay(_ request: ReplayRequest, by author: String) async throws(APIFailure) -> ReplayView {
        var filter = request.filter
        guard !filter.namesNoneInParticular || request.all == true else {
            throw .badRequest("a replay without a filter needs \"all\": true")
        }
        let rate = request.rate ?? ReplayRequest.standardRate
        guard (1...ReplayRequest.highestRate).contains(rate) else {
            throw .badRequest("rate: expected 1 to \(ReplayRequest.highestRate) a second")
        }
        try await check(filter)
        filter.replayed = filter.replayed ?? false
        let count = try await countDeadLetters(filter)
        let view = try await replays.start(filter, upTo: count.last, total: count.total, rate: rate, by: author)
        await audit(
            "dead_letter.replay", filter.text, by: author,
            .object(["replay": .int(Int64(view.number)), "letters": .int(count.total), "rate": .int(Int64(rate))]))
        return view
    }

    func replayViews() async -> [ReplayView] { await replays.views() }

    func replay(_ number: Int) async throws(APIFailure) -> ReplayView {
        guard let view = await replays.views().first(where: { $0.number == number }) else {
            throw .notFound("there is no replay \(number); `fleetctl dlq replays` shows those of this coordinator")
        }
        return view
    }

    func stopReplay(_ number: Int, by author: String) async throws(APIFailure) -> ReplayView {
        _ = try await replay(number)
        await audit("dead_letter.replay_stop", "\(number)", by: author)
        await replays.stop(number)
        return try await replay(number)
    }

    static func view(_ letter: DeadLetter) -> DeadLetterView {
        DeadLetterView(
            number: letter.number,
            bot: letter.bot,
            updateID: letter.updateID,
            kind: letter.kind,
            reason: letter.reason,
            attempts: letter.attempts,
            firstAt: letter.firstAt,
            at: letter.at,
            replayedAt: letter.replayedAt,
            size: letter.size,
            body: letter.body.map { String(decoding: $0, as: UTF8.self) }
        )
    }
}

extension DeadLetterFilter {
    /// For the audit: `bot=shop kind=crash`.
    var text: String {
        query.isEmpty ? "all" : query.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    }
}
