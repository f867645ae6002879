import BotKit
import FleetModel
import Store
import Testing

@testable import WorkerRuntime

/// A lane driven by hand: time passes when the test says so, and no server is involved.
struct LaneFixture {
    static let bot = BotID("shop") ?? { preconditionFailure("a valid id") }()
    var lane: Lane
    var now = ContinuousClock.now
    var nextTag: UInt64 = 1
    /// For ``run(_:_:)``: the term of the last claim, updates whose handler began, those that have not ended, tags acked.
    var term: Int64 = 0
    var started: [Int64] = []
    var running: [Int64: HandlerJob] = [:]
    var acked: Set<UInt64> = []
    var sendsAtOnce = true
    var predecessor = Predecessor.none

    init(_ values: [String: ConfigValue] = [:]) {
        var values = values
        values["flood.limits"] = values["flood.limits"] ?? .bool(false)
        values["settle.delay_ms"] = values["settle.delay_ms"] ?? .int(0)
        lane = Lane(bot: Self.bot, config: BotConfig(values: values), seed: 1)
    }

    static func body(_ id: Int64, chat: Int64) -> [UInt8] {
        Array(#"{"update_id":\#(id),"message":{"message_id":1,"chat":{"id":\#(chat)},"text":"t\#(id)"}}"#.utf8)
    }

    mutating func arrive(_ updates: [(id: Int64, chat: Int64)], redelivered: Bool = false, replay: Int64? = nil) {
        arrive(bodies: updates.map { Self.body($0.id, chat: $0.chat) }, redelivered: redelivered, replay: replay)
    }

    mutating func arrive(bodies: [[UInt8]], redelivered: Bool = false, replay: Int64? = nil, age: Duration? = nil) {
        let arrivals = bodies.enumerated().map { index, body in
            Arrival(tag: nextTag + UInt64(index), redelivered: redelivered, replay: replay, age: age, body: body)
        }
        nextTag += UInt64(bodies.count)
        lane.arrived(arrivals, now: now)
    }

    mutating func claim(
        term: Int64 = 1, unsent: [OutboxRow] = [], predecessor: Predecessor = .none, previousClaimAge: Duration? = nil
    ) {
        let wanted = lane.takeClaim()
        #expect(wanted)
        lane.claimed(
            LaneClaim(
                id: 9, key: LaneKey(bot: Self.bot), term: term, previousOwner: nil, claimedAt: .now,
                previousClaimAge: previousClaimAge),
            unsent: unsent, predecessor: predecessor, asOf: now, now: now)
    }

    /// Answers a recall from what "the database" holds.
    mutating func recall(inbox: [Int64: InboxOutcome] = [:], sessions: [Int64: [UInt8]] = [:]) {
        while let recall = lane.takeRecall() { lane.recalled(recall, inbox: inbox, sessions: sessions, now: now) }
    }

    mutating func jobs() -> [HandlerJob] {
        var jobs: [HandlerJob] = []
        while let job = lane.takeJob(now: now) { jobs.append(job) }
        return jobs
    }

    /// Runs all that may run with a handler that counts in the session and answers once.
    @discardableResult
    mutating func handleAll() -> [Int64] {
        var handled: [Int64] = []
        while let job = lane.takeJob(now: now) {
            handled.append(job.update.id)
            lane.handled(job.id, .effects(Self.effects(of: job)), now: now)
        }
        return handled
    }

    static func effects(of job: HandlerJob) -> Effects {
        Effects(
            sessionChanged: true,
            session: (job.session ?? []) + [UInt8(truncatingIfNeeded: job.update.id)],
            calls: [OutgoingCall(method: "sendMessage", body: Array("\(job.update.id)".utf8))]
        )
    }

    mutating func settle() -> Settlement? { lane.takeSettlement(now: now) }

    mutating func settleAll() {
        while lane.takeSettlement(now: now) != nil { lane.settled(now: now) }
    }
}
