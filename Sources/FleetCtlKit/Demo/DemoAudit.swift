import FleetModel

/// Compares what the simulator saw with what the database holds. Pure: lists in, report out.
public struct DemoAudit: Sendable {
    /// An update the simulator made.
    public struct Injected: Sendable, Equatable {
        public var bot: BotID
        public var updateID: Int64
        public var chat: Int64
        /// Of the message in its chat.
        public var number: Int
        /// Microseconds since 1970.
        public var at: Int64

        public init(bot: BotID, updateID: Int64, chat: Int64, number: Int, at: Int64) {
            self.bot = bot
            self.updateID = updateID
            self.chat = chat
            self.number = number
            self.at = at
        }
    }

    /// A message the simulator received, in the order of its log.
    public struct Reply: Sendable, Equatable {
        public var bot: BotID
        public var chat: Int64
        /// Of the message it answers.
        public var number: Int
        public var at: Int64
        public var hasNewGreeting: Bool

        public init(bot: BotID, chat: Int64, number: Int, at: Int64, hasNewGreeting: Bool) {
            self.bot = bot
            self.chat = chat
            self.number = number
            self.at = at
            self.hasNewGreeting = hasNewGreeting
        }
    }

    /// The worker that was killed.
    public struct Kill: Sendable, Equatable {
        public var bot: BotID
        /// Microseconds since 1970.
        public var at: Int64
        /// When a successor claimed the bot's lane; `nil` when none did.
        public var claimedAt: Int64?

        public init(bot: BotID, at: Int64, claimedAt: Int64?) {
            self.bot = bot
            self.at = at
            self.claimedAt = claimedAt
        }
    }

    /// What the database holds of one bot.
    public struct Holding: Sendable, Equatable {
        /// Updates settled as done.
        public var done: Set<Int64> = []
        /// The counter in each chat's session.
        public var counters: [Int64: Int] = [:]
        public var unsent = 0
        public var deadLetters = 0

        public init() {}
    }

    public var plan: DemoPlan
    public var injected: [Injected]
    public var replies: [Reply]
    public var holdings: [BotID: Holding]
    public var kill: Kill?
    public var broadcast: DemoReport.Broadcast

    public init(
        plan: DemoPlan,
        injected: [Injected],
        replies: [Reply],
        holdings: [BotID: Holding],
        kill: Kill?,
        broadcast: DemoReport.Broadcast
    ) {
        self.plan = plan
        self.injected = injected
        self.replies = replies
        self.holdings = holdings
        self.kill = kill
        self.broadcast = broadcast
    }

    /// A send that was answered, or on its way, when its worker died, and whose mark was not yet committed. Marks are
    /// committed within milliseconds, a request lies in the simulator's socket no longer: a second on either side is
    /// generous for a busy machine, and far below the time between two messages of most chats.
    static let inFlightWindow: ClosedRange<Int64> = -1_000_000...1_000_000

    public func report() -> DemoReport {
        var report = DemoReport()
        report.bots = Set(injected.map(\.bot)).count
        report.chats = Set(injected.map { Key(bot: $0.bot, chat: $0.chat, number: 0) }).count
        report.injected = injected.count
        report.broadcast = broadcast
        report.unsent = holdings.values.reduce(0) { $0 + $1.unsent }
        let copies = Dictionary(grouping: replies, by: Key.init)
        countLosses(copies, &report)
        report.repliesTwice = repeated(copies)
        countDisorder(&report)
        measure(copies, &report)
        report.problems = problems(report)
        report.right = report.problems.isEmpty
        return report
    }

    // MARK: Counting

    /// A message and its replies: what they have in common.
    private struct Key: Hashable {
        var bot: BotID
        var chat: Int64
        var number: Int

        init(bot: BotID, chat: Int64, number: Int) {
            self.bot = bot
            self.chat = chat
            self.number = number
        }
        init(_ update: Injected) { self.init(bot: update.bot, chat: update.chat, number: update.number) }
        init(_ reply: Reply) { self.init(bot: reply.bot, chat: reply.chat, number: reply.number) }
    }

    private func countLosses(_ copies: [Key: [Reply]], _ report: inout DemoReport) {
        var spoken: [Key: Int] = [:]
        var lostOfChat: [Key: Int] = [:]
        for update in injected {
            let chat = Key(bot: update.bot, chat: update.chat, number: 0)
            spoken[chat, default: 0] += 1
            let isHandled = holdings[update.bot]?.done.contains(update.updateID) ?? false
            let isReplied = copies[Key(update)] != nil
            if isHandled { report.handled += 1 }
            if isReplied { report.replied += 1 }
            if !isHandled || !isReplied {
                lostOfChat[chat, default: 0] += 1
                report.lost += 1
                if report.lostUpdates.count < 100 { report.lostUpdates.append(name(update)) }
            }
        }
        // The counter is the effect. One too low is an effect lost, though the inbox says done; one too high is one that
        // was had twice.
        for (chat, count) in spoken {
            let counter = holdings[chat.bot]?.counters[chat.chat] ?? 0
            report.effectsTwice += max(0, counter - count)
            report.lost += max(0, count - counter - lostOfChat[chat, default: 0])
        }
    }

    private func repeated(_ copies: [Key: [Reply]]) -> [DemoReport.RepeatedReply] {
        injected.compactMap { update in
            guard let copies = copies[Key(update)], copies.count > 1, let first = copies.first else { return nil }
            var inFlight = false
            if let kill, kill.bot == update.bot { inFlight = Self.inFlightWindow.contains(first.at - kill.at) }
            return DemoReport.RepeatedReply(
                bot: update.bot, updateID: update.updateID, chat: update.chat, copies: copies.count,
                inFlightAtTheKill: inFlight)
        }
    }

    private func countDisorder(_ report: inout DemoReport) {
        let ids = Dictionary(injected.map { (Key($0), $0.updateID) }) { first, _ in first }
        var seen: Set<Key> = []
        var highest: [Key: Int] = [:]
        for reply in replies where seen.insert(Key(reply)).inserted {
            let chat = Key(bot: reply.bot, chat: reply.chat, number: 0)
            if let last = highest[chat], reply.number < last {
                report.outOfOrder += 1
                if report.outOfOrderReplies.count < 100 {
                    let id = ids[Key(reply)] ?? 0
                    report.outOfOrderReplies.append(.init(bot: reply.bot, updateID: id, chat: reply.chat))
                }
            }
            highest[chat] = max(highest[chat] ?? reply.number, reply.number)
        }
    }

    private func measure(_ copies: [Key: [Reply]], _ report: inout DemoReport) {
        var latencies = LatencyHistogram()
        for update in injected {
            guard let first = copies[Key(update)]?.first else { continue }
            latencies.add(milliseconds: Double(first.at - update.at) / 1000)
        }
        report.latency = latencies.summary
        if let start = injected.map(\.at).min(), let end = replies.map(\.at).max(), end > start {
            report.updatesPerSecond = Double(report.replied) / (Double(end - start) / 1_000_000)
        }
        if let kill, let claimed = kill.claimedAt, claimed > kill.at {
            let answer = replies.first { $0.bot == kill.bot && $0.at >= claimed }
            report.recoveryMilliseconds = answer.map { Double($0.at - kill.at) / 1000 }
        }
        var last: [BotID: Injected] = [:]
        for update in injected where update.updateID > last[update.bot]?.updateID ?? .min { last[update.bot] = update }
        report.botsWithNewGreeting = last.values.count { copies[Key($0)]?.first?.hasNewGreeting ?? false }
    }

    private func name(_ update: Injected) -> DemoReport.UpdateName {
        .init(bot: update.bot, updateID: update.updateID, chat: update.chat)
    }

    // MARK: Judging

    private func problems(_ report: DemoReport) -> [String] {
        var problems: [String] = []
        func check(_ holds: Bool, _ text: String) { if !holds { problems.append(text) } }
        check(report.injected == plan.updates, "\(report.injected) updates were made instead of \(plan.updates)")
        check(report.bots == plan.bots, "\(report.bots) bots were spoken to instead of \(plan.bots)")
        check(report.chats == plan.chats, "\(report.chats) chats spoke instead of \(plan.chats)")
        check(report.lost == 0, "\(report.lost) updates were lost")
        check(report.effectsTwice == 0, "\(report.effectsTwice) effects were had twice")
        let unexplained = report.repliesTwice.count { !$0.inFlightAtTheKill }
        check(unexplained == 0, "\(unexplained) replies came twice that were not in flight at the kill")
        check(report.outOfOrder == 0, "\(report.outOfOrder) replies were out of order")
        check(report.unsent == 0, "\(report.unsent) messages are still unsent")
        let dead = holdings.values.reduce(0) { $0 + $1.deadLetters }
        check(dead == 0, "\(dead) updates were dead-lettered")
        check(kill != nil, "no worker was killed")
        check(kill == nil || report.recoveryMilliseconds != nil, "the killed worker had no successor that answered")
        check(
            report.broadcast.workers == plan.bots && report.broadcast.applied == plan.bots,
            "\(report.broadcast.applied) of \(report.broadcast.workers) workers applied the broadcast, expected \(plan.bots)"
        )
        check(
            report.botsWithNewGreeting == plan.bots,
            "\(report.botsWithNewGreeting) of \(plan.bots) bots greet in the new way")
        return problems
    }
}
