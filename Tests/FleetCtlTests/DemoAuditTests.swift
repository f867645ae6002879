import FleetModel
import Testing

@testable import FleetCtlKit

/// A small demo, two bots with two chats each, in which everything went well; each test spoils one thing.
private struct Scene {
    var audit: DemoAudit
    let one: BotID
    let two: BotID

    init() throws {
        one = try #require(BotID("demo-01"))
        two = try #require(BotID("demo-02"))
        var plan = DemoPlan()
        (plan.bots, plan.chats, plan.updates) = (2, 4, 12)
        audit = DemoAudit(
            plan: plan,
            injected: [],
            replies: [],
            holdings: [:],
            kill: .init(bot: two, at: 5_000_000, claimedAt: 5_200_000),
            broadcast: .init()
        )
        (audit.broadcast.workers, audit.broadcast.applied) = (2, 2)
        var id: Int64 = 100
        for bot in [one, two] {
            var holding = DemoAudit.Holding()
            for chat in [Int64(1), 2] {
                for number in 0..<3 {
                    let at = Int64(number + 1) * 2_000_000
                    audit.injected.append(.init(bot: bot, updateID: id, chat: chat, number: number, at: at))
                    audit.replies.append(
                        .init(bot: bot, chat: chat, number: number, at: at + 10_000, hasNewGreeting: number == 2))
                    holding.done.insert(id)
                    id += 1
                }
                holding.counters[chat] = 3
            }
            audit.holdings[bot] = holding
        }
    }
}

@Suite struct DemoAuditTests {
    @Test func aGoodRunIsRight() throws {
        let report = try Scene().audit.report()
        #expect(report.problems == [])
        #expect(report.right)
        #expect(report.injected == 12 && report.handled == 12 && report.replied == 12)
        #expect(report.lost == 0 && report.effectsTwice == 0 && report.outOfOrder == 0)
        #expect(report.repliesTwice.isEmpty)
        let latency = try #require(report.latency)
        #expect(abs(latency.p50 - 10) < 0.2)
        #expect(report.recoveryMilliseconds == 1010)
        #expect(abs(report.updatesPerSecond - 12 / 4.01) < 0.01)
    }

    @Test func anUpdateWithoutAReplyIsLost() throws {
        var scene = try Scene()
        scene.audit.replies.removeAll { $0.bot == scene.one && $0.chat == 1 && $0.number == 1 }
        let report = scene.audit.report()
        #expect(report.lost == 1)
        #expect(report.replied == 11 && report.handled == 12)
        #expect(report.lostUpdates == [.init(bot: scene.one, updateID: 101, chat: 1)])
        #expect(!report.right)
    }

    @Test func anUpdateWithoutAnInboxRowIsLostOnce() throws {
        var scene = try Scene()
        scene.audit.holdings[scene.one]?.done.remove(101)
        scene.audit.holdings[scene.one]?.counters[1] = 2
        let report = scene.audit.report()
        #expect(report.lost == 1)
        #expect(report.handled == 11)
        #expect(!report.right)
    }

    @Test func aCounterTooLowIsALostEffectThoughTheInboxSaysDone() throws {
        var scene = try Scene()
        scene.audit.holdings[scene.two]?.counters[2] = 1
        #expect(scene.audit.report().lost == 2)
        scene.audit.holdings[scene.two]?.counters[2] = nil
        #expect(scene.audit.report().lost == 3)
    }

    @Test func aCounterTooHighIsAnEffectHadTwice() throws {
        var scene = try Scene()
        scene.audit.holdings[scene.two]?.counters[2] = 5
        let report = scene.audit.report()
        #expect(report.effectsTwice == 2)
        #expect(report.lost == 0)
        #expect(!report.right)
    }

    @Test func onlyWhatWasInFlightAtTheKillMayComeTwice() throws {
        var scene = try Scene()
        var copy = try #require(scene.audit.replies.first { $0.bot == scene.two && $0.chat == 1 && $0.number == 1 })
        // Its first copy arrived 990 ms before the kill.
        copy.at = 6_500_000
        scene.audit.replies.append(copy)
        var report = scene.audit.report()
        #expect(report.repliesTwice.map(\.copies) == [2])
        #expect(report.repliesTwice.map(\.inFlightAtTheKill) == [true])
        #expect(report.outOfOrder == 0)
        #expect(report.right)
        // The same of a bot whose worker was not killed.
        copy.bot = scene.one
        scene.audit.replies.append(copy)
        report = scene.audit.report()
        #expect(report.repliesTwice.count == 2)
        #expect(!report.right)
    }

    @Test func aCopyLongBeforeTheKillIsNotExcused() throws {
        var scene = try Scene()
        let first = try #require(scene.audit.replies.first { $0.bot == scene.two && $0.number == 0 })
        scene.audit.replies.append(first)
        let report = scene.audit.report()
        #expect(report.repliesTwice.map(\.inFlightAtTheKill) == [false])
        #expect(!report.right)
    }

    @Test func orderIsThatOfFirstCopiesWithinAChat() throws {
        var scene = try Scene()
        let index = try #require(
            scene.audit.replies.firstIndex { $0.bot == scene.one && $0.chat == 2 && $0.number == 1 })
        scene.audit.replies.swapAt(index, index + 1)
        let report = scene.audit.report()
        #expect(report.outOfOrder == 1)
        #expect(report.outOfOrderReplies.map(\.updateID) == [104])
        #expect(!report.right)
    }

    @Test func everyOtherFlawMakesTheReportWrong() throws {
        let flaws: [(inout DemoAudit) -> Void] = [
            { $0.kill = nil },
            { $0.kill?.claimedAt = nil },
            { $0.kill?.claimedAt = 4_000_000 },
            { $0.broadcast.applied = 1 },
            { $0.broadcast.workers = 0 },
            { $0.holdings[$0.injected[0].bot]?.unsent = 1 },
            { $0.holdings[$0.injected[0].bot]?.deadLetters = 1 },
            { for index in $0.replies.indices { $0.replies[index].hasNewGreeting = false } },
            { $0.injected.removeLast() },
            {
                $0.injected = []; $0.replies = []
            },
        ]
        for (index, flaw) in flaws.enumerated() {
            var audit = try Scene().audit
            flaw(&audit)
            #expect(!audit.report().right, "flaw \(index)")
        }
    }

    @Test func theReportHasTheKeysItPromises() throws {
        let text = try JSONOutput.text(try Scene().audit.report())
        let keys = [
            "injected", "handled", "replied", "lost", "effects_twice", "replies_twice", "out_of_order", "updates_per_s",
            "latency_ms", "p50", "p99", "max", "recovery_ms", "broadcast", "workers", "applied", "ms",
        ]
        for key in keys { #expect(text.contains("\"\(key)\" :"), "\(key)") }
    }

    @Test func thePlanSpreadsSpeechOverAllChatsInBursts() {
        let plan = DemoPlan()
        var numbers: [Int64: [Int]] = [:]
        var bots: [Int64: Set<Int>] = [:]
        for index in 0..<plan.updates {
            let speech = plan.speech(index)
            numbers[speech.chat, default: []].append(speech.number)
            bots[speech.chat, default: []].insert(speech.bot)
            #expect(DemoPlan.number(in: speech.text) == speech.number)
        }
        #expect(numbers.count == plan.chats)
        #expect(numbers.values.allSatisfy { $0 == Array(0..<40) })
        #expect(bots.values.allSatisfy { $0.count == 1 })
        #expect(Set(bots.values.joined()).count == plan.bots)
        #expect(Set((0..<plan.bots).compactMap(plan.botID)).count == plan.bots)
        #expect(plan.schedule.total == plan.updates)
    }
}
