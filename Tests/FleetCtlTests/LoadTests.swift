import FleetModel
import Testing

@testable import FleetCtlKit

@Suite struct LoadTests {
    @Test func theScheduleIsEvenAndEndsAtItsTotal() {
        let schedule = LoadSchedule(rate: 100, duration: .seconds(10))
        #expect(schedule.total == 1000)
        #expect(schedule.due(after: .zero) == 0)
        #expect(schedule.due(after: .milliseconds(2500)) == 250)
        #expect(schedule.due(after: .seconds(60)) == 1000)
        #expect(LoadSchedule(rate: 0.5, duration: .seconds(3)).total == 2)
    }

    @Test func idsStartAboveAllThatWasUsed() throws {
        let updates = LoadUpdates(nowMicroseconds: 1000, highestUsed: 5000, chats: 3)
        #expect(updates.id(0) == 5001)
        #expect(LoadUpdates(nowMicroseconds: 9000, highestUsed: 5000, chats: 3).id(2) == 9002)
        #expect(LoadUpdates(nowMicroseconds: 9000, highestUsed: nil, chats: 3).id(0) == 9000)
        let envelope = try UpdateEnvelope(body: updates.body(4, now: Timestamp(milliseconds: 5000)))
        #expect(envelope.id == 5005)
        #expect(envelope.chat == LoadUpdates.firstChat + 1)
        #expect(envelope.text == "load 4")
        #expect(envelope.kind == .message)
    }

    @Test func percentilesAreWithinAPercentOrTwo() throws {
        var histogram = LatencyHistogram()
        for value in 1...10_000 { histogram.add(milliseconds: Double(value) / 10) }
        let p50 = try #require(histogram.percentile(0.5))
        let p99 = try #require(histogram.percentile(0.99))
        #expect(abs(p50 - 500) < 10)
        #expect(abs(p99 - 990) < 20)
        #expect(histogram.maximum == 1000)
        #expect(histogram.percentile(1) == 1000)
        #expect(LatencyHistogram().percentile(0.5) == nil)
    }

    @Test func extremeLatenciesDoNotBreakTheHistogram() throws {
        var histogram = LatencyHistogram()
        histogram.add(milliseconds: -5)
        histogram.add(milliseconds: 0)
        histogram.add(milliseconds: 1e300)
        #expect(histogram.count == 3)
        #expect(try #require(histogram.percentile(0.3)) < 0.01)
    }

    @Test func theTrackerCountsEachSettlementOnce() throws {
        let bot = try #require(BotID("a"))
        var tracker = LoadTracker()
        tracker.published(bot: bot, id: 1, at: 0, confirmedAt: 2000, .confirmed)
        tracker.published(bot: bot, id: 2, at: 0, confirmedAt: 2000, .refused)
        tracker.published(bot: bot, id: 3, at: 0, confirmedAt: 2000, .unknown)
        #expect(tracker.open(bot) == 1...3)
        tracker.settled(bot: bot, id: 1, at: 10_000, dead: false)
        tracker.settled(bot: bot, id: 1, at: 11_000, dead: false)
        tracker.settled(bot: bot, id: 99, at: 11_000, dead: false)
        #expect(tracker.settled == 1)
        #expect(tracker.unsettled == 1)
        #expect(tracker.open(bot) == 3...3)
        tracker.settled(bot: bot, id: 3, at: 10_000, dead: true)
        #expect(tracker.open(bot) == nil)
        let report = LoadReport(tracker: tracker, bots: 1, wanted: 3, elapsed: .seconds(1))
        #expect(report.confirmed == 1 && report.refused == 1 && report.confirmUnknown == 1)
        #expect(report.settled == 2 && report.deadLettered == 1 && report.unsettled == 0)
    }
}
