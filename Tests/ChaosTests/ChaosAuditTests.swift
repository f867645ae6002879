import FleetModel
import Testing

@testable import ChaosKit

/// Two bots with a chat each, five messages a chat, all as it should be; tests spoil it.
private struct Scene {
    let one = BotID("one") ?? { preconditionFailure("a valid id") }()
    let two = BotID("two") ?? { preconditionFailure("a valid id") }()
    var audit = ChaosAudit(evidence: Evidence(updates: [], replies: [], holdings: [:]), timeline: [])

    init() {
        for (bot, chat) in [(one, Int64(1)), (two, Int64(2))] {
            var holding = Evidence.Holding()
            for number in 0..<5 {
                let update = Int64(100 + number)
                let at = Int64(number) * 10_000_000
                audit.evidence.updates.append(.init(bot: bot, updateID: update, chat: chat, number: number, at: at))
                audit.evidence.replies.append(
                    .init(bot: bot, chat: chat, number: number, count: number + 1, at: at + 50_000))
                holding.done.insert(update)
            }
            holding.ledgers[chat] = .init(count: 5, last: 4)
            audit.evidence.holdings[bot] = holding
        }
    }

    /// Message 2 of bot one is received once more, `later` microseconds after the first copy, which came at 20.05 s.
    mutating func repeatOne(later: Int64 = 3_000_000, count: Int = 3) {
        var copy = audit.evidence.replies[2]
        copy.at += later
        copy.count = count
        audit.evidence.replies.append(copy)
    }

    mutating func add(_ kind: FaultKind, _ start: Int64, _ end: Int64, bot: BotID? = nil, applied: Bool = true) {
        audit.timeline.append(
            .init(
                number: audit.timeline.count + 1, kind: kind, text: kind.rawValue, start: start, end: end,
                applied: applied, bot: bot))
    }

    var result: AuditResult { audit.result() }
}

@Suite struct ChaosAuditTests {
    @Test func whatIsRightIsFoundRight() {
        let result = Scene().result
        #expect(result.isClean && result.violations.isEmpty && result.repeats.isEmpty)
        #expect([result.injected, result.settled, result.replied] == [10, 10, 10])
    }

    @Test func anUpdateThatNobodyTookIsLost() {
        var scene = Scene()
        scene.audit.evidence.updates[4].handedOutAt = nil
        #expect(scene.result[.lost] == 1)
    }

    @Test func anUpdateThatIsNotInTheInboxIsLost() {
        var scene = Scene()
        scene.audit.evidence.holdings[scene.one]?.done.remove(102)
        let result = scene.result
        #expect(result[.lost] == 1)
        // The ledger counts an effect that no inbox row accounts for.
        #expect(result[.twice] == 1)
    }

    @Test func anUpdateThatIsDeadIsLost() {
        var scene = Scene()
        scene.audit.evidence.holdings[scene.one]?.done.remove(104)
        scene.audit.evidence.holdings[scene.one]?.dead.insert(104)
        scene.audit.evidence.holdings[scene.one]?.ledgers[1] = .init(count: 4, last: 3)
        scene.audit.evidence.replies.remove(at: 4)
        #expect(scene.result.violations.map(\.text) == ["dead-lettered"])
    }

    @Test func aMissingReplyIsALoss() {
        var scene = Scene()
        scene.audit.evidence.replies.remove(at: 4)
        #expect(scene.result[.lost] == 1)
    }

    @Test func anEffectThatTheLedgerLacksIsLost() {
        var scene = Scene()
        scene.audit.evidence.holdings[scene.one]?.ledgers[1]?.count = 4
        #expect(scene.result[.lost] == 1)
        scene.audit.evidence.holdings[scene.one]?.ledgers[1] = nil
        #expect(scene.result[.lost] == 1)
    }

    @Test func anEffectThatTheLedgerCountsTwiceIsFound() {
        var scene = Scene()
        scene.audit.evidence.holdings[scene.two]?.ledgers[2]?.count = 6
        let result = scene.result
        #expect(result[.twice] == 1 && result[.lost] == 0)
    }

    @Test func copiesWithDifferentCountsAreTwoEffects() {
        var scene = Scene()
        scene.add(.killWorker, 20_000_000, 20_000_000, bot: scene.one)
        scene.repeatOne(count: 4)
        #expect(scene.result[.twice] == 1)
    }

    @Test func disorderInTheDatabaseIsFound() {
        var scene = Scene()
        scene.audit.evidence.holdings[scene.one]?.ledgers[1]?.disorder = 1
        #expect(scene.result[.disorder] == 1)
        scene = Scene()
        // Received in order, but counted the other way round.
        scene.audit.evidence.replies[1].count = 3
        scene.audit.evidence.replies[2].count = 2
        #expect(scene.result[.disorder] == 1)
    }

    @Test func disorderAmongFirstCopiesIsFound() {
        var scene = Scene()
        scene.audit.evidence.replies.swapAt(1, 2)
        #expect(scene.result[.disorder] == 1)
    }

    @Test func whatIsLeftOverIsFound() {
        var scene = Scene()
        scene.audit.evidence.holdings[scene.one]?.unsent = 2
        scene.audit.evidence.holdings[scene.two]?.waiting = 1
        #expect(scene.result[.left] == 2)
    }
}

@Suite struct RepeatCauseTests {
    /// A second copy is no disorder, and wrong only without a cause.
    @Test func aRepeatWithoutAFaultFailsTheRun() {
        var scene = Scene()
        scene.repeatOne()
        let result = scene.result
        #expect(result[.unexplained] == 1 && result[.disorder] == 0)
        #expect(result.repeats.map(\.cause) == [nil])
        #expect(result.repeats.first?.first == 20_050_000)
    }

    @Test func aCrashOfThatBotsWorkerExplainsIt() {
        var scene = Scene()
        scene.add(.killWorker, 20_060_000, 20_060_000, bot: scene.one)
        scene.repeatOne()
        let result = scene.result
        #expect(result.isClean)
        #expect(result.repeats.first?.fault == 1)
        // Another bot's crash does not, nor one that found no victim.
        scene.audit.timeline[0].bot = scene.two
        #expect(scene.result[.unexplained] == 1)
        scene.audit.timeline[0].bot = scene.one
        scene.audit.timeline[0].applied = false
        #expect(scene.result[.unexplained] == 1)
    }

    @Test func aFaultAtAnotherTimeDoesNotExplainIt() {
        var scene = Scene()
        scene.add(.killWorker, 15_000_000, 15_000_000, bot: scene.one)
        scene.add(.killWorker, 22_000_000, 22_000_000, bot: scene.one)
        scene.repeatOne()
        #expect(scene.result[.unexplained] == 1)
    }

    @Test(arguments: [FaultKind.stopDatabase, .cutDatabase, .blackholeDatabase, .diskFull, .stopBroker, .cutBroker])
    func anOutageExplainsItForAll(kind: FaultKind) {
        var scene = Scene()
        scene.add(kind, 19_000_000, 22_000_000)
        scene.repeatOne()
        #expect(scene.result.isClean)
    }

    @Test(arguments: [
        FaultKind.killGateway, .killCoordinator, .memoryAlarm, .telegramErrors, .telegramFlood, .clockJump,
    ])
    func whatDoesNotTouchTheMarkExplainsNothing(kind: FaultKind) {
        var scene = Scene()
        scene.add(kind, 19_000_000, 22_000_000)
        scene.repeatOne()
        #expect(scene.result[.unexplained] == 1)
    }

    @Test func anAnswerThatWasKeptBackExplainsItAndNothingElseDoes() {
        var scene = Scene()
        scene.add(.telegramBroken, 19_000_000, 21_000_000)
        scene.repeatOne()
        #expect(scene.result[.unexplained] == 1)
        scene.audit.evidence.replies[2].answerLost = true
        let result = scene.result
        #expect(result.isClean)
        #expect(result.repeats.first?.fault == 1)
    }
}

@Suite struct RecoveryTests {
    @Test func itIsTheTimeUntilAllThatWasSaidBeforeIsAnswered() {
        var scene = Scene()
        scene.audit.evidence.replies[2].at = 25_000_000
        let recovery = Recovery(scene.audit.evidence)
        func time(_ end: Int64, _ bot: BotID? = nil) -> Int? {
            recovery.milliseconds(
                after: .init(number: 1, kind: .killWorker, text: "", start: end, end: end, bot: bot))
        }
        #expect(time(15_000_000) == 0)
        #expect(time(21_000_000) == 4000)
        #expect(time(21_000_000, scene.two) == 0)
        scene.audit.evidence.replies.remove(at: 2)
        #expect(
            Recovery(scene.audit.evidence).milliseconds(
                after: .init(number: 1, kind: .killWorker, text: "", start: 0, end: 21_000_000)) == nil)
    }
}
