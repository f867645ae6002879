import FleetModel
import TelegramAPI
import Testing

@testable import WorkerRuntime

@Suite struct RateLeaseTests {
    private let start = ContinuousClock.now

    @Test func sharesAddUpToTheRateAndEverybodyHasSome() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let rate = Double(Int.random(in: 1...1000, using: &random))
            let demands = (0..<Int.random(in: 1...40, using: &random)).map { _ in
                Bool.random(using: &random) ? 0 : Double(Int.random(in: 1...5000, using: &random))
            }
            let shares = RateLease.fair(rate: rate, demands: demands)
            #expect(shares.reduce(0, +) <= rate + 0.001)
            #expect(shares.reduce(0, +) > rate - 1)
            let least = min(1, rate / Double(demands.count)) - 0.001
            #expect(shares.allSatisfy { $0 >= least }, "\(rate) \(demands) \(shares)")
        }
    }

    @Test(
        arguments: [
            (30.0, [100.0, 100], [15.0, 15]), (30, [1000, 0], [29, 1]), (30, [300, 100], [19, 11]),
            (30, [0, 0], [15, 15]),
            (30, [2000, 2], [28, 2]), (2, [9, 9, 9, 9], [0.5, 0.5, 0.5, 0.5]), (30, [7], [30]),
        ] as [(Double, [Double], [Double])])
    func whoHasMoreToSendGetsMore(_ rate: Double, _ demands: [Double], _ shares: [Double]) {
        #expect(RateLease.fair(rate: rate, demands: demands) == shares)
    }

    private func shared(lanes: Int = 1, of all: Int = 2) -> RateLease {
        var lease = RateLease()
        lease.rate = 30
        lease.ownLanes = lanes
        lease.allLanes = all
        return lease
    }

    private let me = Incarnation(rawValue: "a")
    private let other = Incarnation(rawValue: "b")

    @Test func whoOwnsAllLanesAsksNobody() {
        var lease = shared(lanes: 2)
        let asks = lease.wants(100, now: start)
        #expect(!asks && lease.takeAsk(now: start) == nil)
        #expect(lease.share(now: start) == 30)
    }

    @Test func aShareIsRenewedOnceASecondWhileMessagesWait() {
        var lease = shared()
        let first = lease.wants(100, now: start)
        let ask = lease.takeAsk(now: start)
        #expect(first && ask == RateLease.Ask(demand: 100, wanted: 15, rate: 30))
        #expect(lease.takeAsk(now: start) == nil)
        lease.answered([(me, 100, 15), (other, 100, 15)], own: me, now: start)
        #expect(lease.nextAsk(now: start) == start + .seconds(1))
        _ = lease.wants(0, now: start)
        // Long after the last message nothing is asked.
        #expect(lease.nextAsk(now: start + .seconds(60)) == nil)
        let again = lease.wants(1, now: start + .seconds(60))
        #expect(again && lease.nextAsk(now: start + .seconds(60)) != nil)
    }

    @Test func untilTheDatabaseAnswersOnlyOneASecondGoesOut() {
        var lease = shared()
        _ = lease.wants(100, now: start)
        #expect(lease.share(now: start) == 1)
        _ = lease.takeAsk(now: start)
        #expect(lease.share(now: start + .milliseconds(900)) == 1)
        // It does not answer.
        #expect(lease.share(now: start + .milliseconds(1100)) == 15)
    }

    @Test func withoutRenewalTheLanesShareIsLeft() {
        var lease = shared(lanes: 1, of: 3)
        _ = lease.wants(100, now: start)
        _ = lease.takeAsk(now: start)
        lease.answered([(me, 100, 25)], own: me, now: start)
        #expect(lease.share(now: start + .seconds(1)) == 25)
        _ = lease.takeAsk(now: start + .seconds(1))
        lease.failed(now: start + .seconds(1))
        #expect(lease.share(now: start + .milliseconds(1900)) == 25)
        #expect(lease.share(now: start + .seconds(2)) == 10)
        _ = lease.takeAsk(now: start + .seconds(3))
        lease.answered([(me, 100, 5), (other, 100, 25)], own: me, now: start + .seconds(3))
        #expect(lease.share(now: start + .seconds(3)) == 5)
    }

    @Test func aShareThatGrewCountsASecondLaterOneThatShrankAtOnce() {
        var lease = shared()
        _ = lease.wants(100, now: start)
        _ = lease.takeAsk(now: start)
        lease.answered([(me, 100, 10), (other, 100, 20)], own: me, now: start)
        let now = start + .seconds(2)
        _ = lease.takeAsk(now: now)
        lease.answered([(me, 100, 15), (other, 100, 15)], own: me, now: now)
        #expect(lease.share(now: now) == 1 || lease.share(now: now) == 10)
        #expect(lease.share(now: now + .milliseconds(1100)) == 15)
        _ = lease.takeAsk(now: now + .milliseconds(1100))
        lease.answered([(me, 10, 5), (other, 100, 15)], own: me, now: now + .milliseconds(1100))
        #expect(lease.share(now: now + .milliseconds(1100)) == 5)
    }

    @Test func aTrifleMovesNoShare() {
        var lease = shared()
        _ = lease.wants(100, now: start)
        _ = lease.takeAsk(now: start)
        lease.answered([(me, 96, 15), (other, 104, 15)], own: me, now: start)
        #expect(lease.takeAsk(now: start + .seconds(1))?.wanted == 15)
        lease.answered([(me, 10, 15), (other, 400, 15)], own: me, now: start + .seconds(1))
        #expect(lease.takeAsk(now: start + .seconds(2)).map { $0.wanted < 10 } == true)
    }

    /// Any number of processes, whose clocks tick against one database: it never grants more than the rate, everybody
    /// gets on, and together they use it.
    @Test func togetherTheyKeepToTheRateAndUseIt() {
        var processes = (0..<3).map { (name: Incarnation(rawValue: "\($0)"), lease: shared(lanes: 1, of: 3)) }
        var table: [Incarnation: (demand: Double, share: Double)] = [:]
        let demands = [500, 40, 3]
        for tick in 0..<300 {
            let now = start + .milliseconds(100 * tick)
            for index in processes.indices {
                let name = processes[index].name
                _ = processes[index].lease.wants(demands[index], now: now)
                if tick % 10 == index * 3, let ask = processes[index].lease.takeAsk(now: now) {
                    let taken = table.filter { $0.key != name }.values.reduce(0) { $0 + $1.share }
                    table[name] = (ask.demand, max(0, min(ask.wanted, 30 - taken)))
                    processes[index].lease.answered(
                        table.map { ($0.key, $0.value.demand, $0.value.share) }, own: name, now: now)
                }
            }
            let used = processes.map { $0.lease.share(now: now) }.reduce(0, +)
            // At the very start those who know nothing may send one each.
            if tick > 10 { #expect(used <= 30, "\(tick)") }
            if tick > 100 {
                #expect(used >= 29)
                #expect(processes.allSatisfy { $0.lease.share(now: now) >= 1 })
            }
        }
    }
}

@Suite struct BotRateTests {
    private let start = ContinuousClock.now
    private func lane(_ number: Int32) -> LaneKey { LaneKey(bot: LaneFixture.bot, number: number) }

    private func rate(_ perSecond: Int64) -> BotRate {
        let rate = BotRate()
        rate.configure(BotConfig(values: ["flood.bot_per_second": .int(perSecond)]))
        return rate
    }

    @Test func lanesOfAProcessShareTheRateAndNoneStarves() {
        let rate = rate(10)
        for number in 0..<3 { rate.join(lane(Int32(number)), now: start) }
        var sent = [0, 0, 0]
        // The first asks always first.
        for tick in 0..<1000 {
            let now = start + .milliseconds(10 * tick)
            for number in 0..<3 {
                let lane = lane(Int32(number))
                let grant = rate.take(lane, wanted: 1000, room: 32, isBulk: false, now: now)
                for _ in 0..<grant.count { rate.ended(lane, .message, succeeded: true, now: now) }
                sent[number] += grant.count
            }
        }
        #expect(sent.reduce(0, +) >= 95 && sent.reduce(0, +) <= 100)
        #expect(sent.allSatisfy { $0 >= 27 }, "\(sent)")
    }

    @Test func whatALaneDoesNotUseGoesToTheOthers() {
        let rate = rate(10)
        for number in 0..<2 { rate.join(lane(Int32(number)), now: start) }
        var sent = 0
        for tick in 0..<1000 {
            let now = start + .milliseconds(10 * tick)
            _ = rate.take(lane(1), wanted: tick % 100 == 0 ? 1 : 0, room: 32, isBulk: false, now: now)
            rate.ended(lane(1), .message, succeeded: true, now: now)
            let grant = rate.take(lane(0), wanted: 1000, room: 32, isBulk: false, now: now)
            for _ in 0..<grant.count { rate.ended(lane(0), .message, succeeded: true, now: now) }
            sent += grant.count
        }
        #expect(sent >= 85)
    }

    @Test func whatIsGivenBackCanBeTakenAgain() {
        let rate = rate(5)
        let first = rate.take(lane(0), wanted: 9, room: 9, isBulk: false, now: start)
        rate.giveBack(lane(0), 2)
        let second = rate.take(lane(0), wanted: 9, room: 9, isBulk: false, now: start)
        #expect(first.count == 5 && second.count == 2)
        #expect(second.retryAt.map { $0 > start } == true)
    }

    @Test func a429OfTheWholeBotIsToldToTheOthers() {
        let rate = rate(30)
        rate.setLanes(2)
        rate.join(lane(0), now: start)
        _ = rate.take(lane(0), wanted: 1, room: 1, isBulk: false, now: start)
        _ = rate.takeAsk(now: start)
        rate.leased([(Incarnation(rawValue: "a"), 1, 30)], own: Incarnation(rawValue: "a"), blocked: .zero, now: start)
        for chat in 1...2 { rate.refused(chat: Int64(chat), .message, retryAfter: .seconds(5), now: start) }
        #expect(rate.takeAsk(now: start)?.blocked == .seconds(5))
        // And told by them.
        let told = self.rate(30)
        told.setLanes(2)
        told.join(lane(1), now: start)
        _ = told.take(lane(1), wanted: 1, room: 1, isBulk: false, now: start)
        _ = told.takeAsk(now: start)
        told.leased(
            [(Incarnation(rawValue: "b"), 1, 30)], own: Incarnation(rawValue: "b"), blocked: .seconds(5), now: start)
        #expect(told.take(lane(1), wanted: 1, room: 1, isBulk: false, now: start + .seconds(4)).count == 0)
        #expect(told.blockedUntil(.message, now: start) == start + .seconds(5))
    }

    @Test func aLaneThatIsGoneLeavesItsPartToTheOthers() {
        let rate = rate(4)
        rate.join(lane(0), now: start)
        rate.join(lane(1), now: start)
        let mine = rate.take(lane(0), wanted: 9, room: 9, isBulk: false, now: start)
        rate.leave(lane(0), now: start)
        for _ in 0..<mine.count { rate.ended(lane(0), .message, succeeded: true, now: start) }
        let other = rate.take(lane(1), wanted: 9, room: 9, isBulk: false, now: start + .seconds(1))
        #expect(mine.count == 4 && other.count == 4)
    }
}
