import Testing

@testable import TelegramAPI

@Suite struct SendWindowTests {
    private let start = ContinuousClock.now

    /// The receiver sees a call at some moment between its start and its answer; the worst it can see must be allowed.
    @Test func whateverTheWayDoesNoMoreArriveInASpan() {
        var window = SendWindow(.init(10, per: .seconds(1)))
        var random = SystemRandomNumberGenerator()
        var open: [(arrives: ContinuousClock.Instant, answered: ContinuousClock.Instant)] = []
        var arrivals: [ContinuousClock.Instant] = []
        for tick in 0..<5000 {
            let now = start + .milliseconds(2 * tick)
            for call in open where call.answered <= now { window.end(now: now) }
            open.removeAll { $0.answered <= now }
            for _ in 0..<window.room(now: now) {
                window.begin()
                let way = Int.random(in: 0...200, using: &random)
                let arrives = now + .milliseconds(way)
                arrivals.append(arrives)
                open.append((arrives, arrives + .milliseconds(Int.random(in: 0...50, using: &random))))
            }
        }
        arrivals.sort()
        for (index, first) in arrivals.enumerated() {
            #expect(arrivals[index...].prefix { $0 - first < .seconds(1) }.count <= 10)
        }
        // Ten in a second and a round trip.
        #expect(arrivals.count > 75)
    }

    @Test func itSaysWhenItOpens() {
        var window = SendWindow(.init(2, per: .seconds(1)))
        window.begin(2)
        #expect(window.opens(now: start) == nil)
        window.end(now: start)
        #expect(window.opens(now: start) == start + .seconds(1))
        window.end(now: start + .milliseconds(10))
        window.allowance = .init(1, per: .seconds(1))
        #expect(window.opens(now: start) == start + .milliseconds(1010))
        let room = window.room(now: start + .milliseconds(1010))
        #expect(room == 1)
    }

    @Test(arguments: [(30.0, 30, 1.0), (28.9, 28, 1.0), (0.5, 1, 2.0), (0, 1, 10_000.0)])
    func anAllowanceIsAWholeCount(_ number: Double, _ count: Int, _ seconds: Double) {
        let allowance = SendWindow.Allowance(number, per: .seconds(1))
        #expect(allowance.count == count)
        #expect(abs(allowance.span / .seconds(seconds) - 1) < 0.001)
    }
}

@Suite struct LearnedRateTests {
    private let start = ContinuousClock.now

    @Test func oneRefusalChangesNothingRepetitionsDo() {
        var rate = LearnedRate()
        rate.refused(now: start)
        #expect(rate.factor(now: start) == 1)
        // Of calls that were under way together.
        rate.refused(now: start + .milliseconds(10))
        #expect(rate.factor(now: start) == 1)
        rate.refused(now: start + .seconds(1))
        rate.refused(now: start + .seconds(2))
        #expect(abs(rate.factor(now: start + .seconds(2)) - 0.64) < 0.001)
    }

    @Test func quietTimeRaisesItBack() {
        var rate = LearnedRate()
        for second in 0..<100 { rate.refused(now: start + .seconds(second)) }
        let last = start + .seconds(99)
        #expect(rate.factor(now: last) == LearnedRate.lowest)
        let half = rate.factor(now: last + LearnedRate.patience + LearnedRate.recovery / 2)
        #expect(abs(half - 0.55) < 0.01)
        #expect(rate.factor(now: last + LearnedRate.patience + LearnedRate.recovery) == 1)
    }
}

@Suite struct BotFloodTests {
    private let start = ContinuousClock.now

    @Test func aBotsRateHoldsInEverySecond() {
        var flood = BotFlood(perSecond: 30)
        var sent: [ContinuousClock.Instant] = []
        for tick in 0..<1000 {
            let now = start + .milliseconds(10 * tick)
            let room = flood.room(isBulk: false, now: now)
            flood.begin(room, isBulk: false, now: now)
            flood.end(room, now: now)
            sent += Array(repeating: now, count: room)
        }
        for (index, first) in sent.enumerated() {
            #expect(sent[index...].prefix { $0 - first < .seconds(1) }.count <= 30)
        }
        #expect(sent.count == 300)
    }

    @Test func bulkIsSpreadAndLosesLittleOfTheRate() {
        var flood = BotFlood(perSecond: 30)
        var sent = 0
        for tick in 0..<6000 {
            let now = start + .milliseconds(10 * tick)
            let room = flood.room(isBulk: true, now: now)
            #expect(room <= 3)
            flood.begin(room, isBulk: true, now: now)
            flood.end(room, now: now)
            sent += room
        }
        #expect(sent >= 1750 && sent <= 1803)
    }

    @Test func oneChatsRefusalIsNotTheBots() {
        var flood = BotFlood()
        flood.refused(chat: 1, .message, retryAfter: .seconds(30), now: start)
        flood.succeeded(.message)
        flood.refused(chat: 2, .message, retryAfter: .seconds(30), now: start + .milliseconds(100))
        #expect(flood.blockedUntil(.message, now: start + .seconds(1)) == nil)
        // Long after, another.
        flood.refused(chat: 3, .message, retryAfter: .seconds(30), now: start + .seconds(20))
        #expect(flood.blockedUntil(.message, now: start + .seconds(20)) == nil)
    }

    @Test func twoChatsWithoutASuccessBetweenMeanTheBot() {
        var flood = BotFlood()
        flood.refused(chat: 1, .message, retryAfter: .seconds(3), now: start)
        flood.refused(chat: 2, .message, retryAfter: .seconds(3), now: start)
        let room = flood.room(isBulk: false, now: start)
        #expect(room == 0)
        #expect(flood.opens(isBulk: false, now: start) == start + .seconds(3))
        let later = flood.room(isBulk: false, now: start + .seconds(3))
        #expect(later == 30)
    }

    @Test func threeChatsWithinASecondMeanTheBotWhateverSucceeds() {
        var flood = BotFlood()
        for chat in 1...3 {
            flood.refused(chat: Int64(chat), .message, retryAfter: .seconds(1), now: start)
            flood.succeeded(.message)
        }
        #expect(flood.blockedUntil(.message, now: start) != nil)
    }

    @Test func editsRefusedHoldNoMessagesUp() {
        var flood = BotFlood()
        let edit = CallKind.other(method: "editMessageText")
        for chat in 1...5 { flood.refused(chat: Int64(chat), edit, retryAfter: .seconds(60), now: start) }
        #expect(flood.blockedUntil(edit, now: start) == start + .seconds(60))
        let room = flood.room(isBulk: false, now: start)
        #expect(room == 30)
    }

    @Test func aLowerLimitThanConfiguredIsLearned() {
        var flood = BotFlood(perSecond: 60)
        var refusals = 0
        var sent = 0
        // A receiver that allows 30 in a second.
        var allowed = SendWindow(.init(30, per: .seconds(1)))
        for tick in 0..<6000 {
            let now = start + .milliseconds(10 * tick)
            let room = flood.room(isBulk: false, now: now)
            flood.begin(room, isBulk: false, now: now)
            for call in 0..<room {
                flood.end(now: now)
                if allowed.room(now: now) > 0 {
                    allowed.begin()
                    allowed.end(now: now)
                    flood.succeeded(.message)
                    sent += 1
                } else {
                    flood.refused(chat: Int64(tick * 100 + call), .message, retryAfter: .seconds(1), now: now)
                    refusals += 1
                }
            }
        }
        #expect(sent > 1200)
        #expect(refusals < 150, "\(refusals)")
    }

    @Test func withLimitsOffOnlyA429Counts() {
        var flood = BotFlood(perSecond: 1, isEnforced: false)
        let before = flood.room(isBulk: false, now: start)
        flood.refused(chat: nil, .message, retryAfter: .seconds(2), now: start)
        let after = flood.room(isBulk: false, now: start)
        #expect(before == .max && after == 0)
    }
}
