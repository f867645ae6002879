import Broker
import FleetModel
import HTTPTransport
import TelegramAPI
import Testing

@testable import Gateway

@Suite struct PollerStateTests {
    private var state = PollerState()

    /// What an action comes down to in an assertion.
    private func brief(_ action: PollerState.Action) -> String {
        switch action {
        case .poll(let offset, let allKinds): "poll \(offset.map { "\($0)" } ?? "-")\(allKinds ? " all" : "")"
        case .publish(let updates): "publish \(updates.map(\.id))"
        case .pause: "pause"
        case .deleteWebhook: "deleteWebhook"
        case .commit(let offset): "commit \(offset)"
        case .end(let end): "end \(end)"
        }
    }

    private mutating func handle(_ event: PollerState.Event) -> String { brief(state.handle(event)) }

    @Test mutating func theOffsetAdvancesOnlyOverWhatIsConfirmed() {
        #expect(brief(state.begin()) == "poll - all")
        #expect(
            handle(.received([update(10, chat: 1), update(11, chat: 1), update(12, chat: 2)])) == "publish [10, 12]")
        #expect(state.offset == nil)
        #expect(handle(.published([.confirmed, .confirmed])) == "publish [11]")
        #expect(state.offset == 11)
        #expect(handle(.published([.confirmed])) == "poll 13")
        #expect(handle(.received([])) == "poll 13")
    }

    @Test mutating func aRefusedUpdateIsNotOvertakenAndNothingMoreIsTakenIn() {
        _ = state.begin()
        _ = handle(.received([update(1, chat: 1), update(2, chat: 2), update(3, chat: 1), update(4, chat: 2)]))
        #expect(handle(.published([.nacked, .confirmed])) == "pause")
        #expect(state.offset == 1)
        #expect(state.takeNotices() == [.intakeRefused])
        // 3 must wait for 1; 2 is confirmed and not sent again.
        #expect(handle(.pauseEnded) == "publish [1, 4]")
        #expect(handle(.published([.unknown, .confirmed])) == "pause")
        #expect(handle(.pauseEnded) == "publish [1]")
        #expect(handle(.publishFailed) == "pause")
        #expect(handle(.pauseEnded) == "publish [1]")
        #expect(handle(.published([.confirmed])) == "publish [3]")
        #expect(state.offset == 3)
        #expect(handle(.published([.confirmed])) == "poll 5")
        #expect(state.takeNotices() == [.intakeWorks])
    }

    @Test(arguments: [PublishOutcome.nacked, .returned(code: 312, text: "NO_ROUTE"), .unknown, .unsent])
    mutating func anythingButAConfirmIsTriedAgain(_ outcome: PublishOutcome) {
        _ = state.begin()
        _ = handle(.received([update(1, chat: 1)]))
        #expect(handle(.published([outcome])) == "pause")
        #expect(state.offset == 1)
        #expect(handle(.pauseEnded) == "publish [1]")
    }

    @Test mutating func stoppingFinishesWhatIsAtHandAndTellsTelegram() {
        _ = state.begin()
        _ = handle(.received([update(1, chat: 1), update(2, chat: 1)]))
        state.stop()
        #expect(handle(.published([.confirmed])) == "publish [2]")
        #expect(handle(.published([.confirmed])) == "commit 3")
        #expect(handle(.commitEnded) == "end stopped")
    }

    @Test mutating func stoppingWithAFullQueueCommitsThePrefixAlone() {
        _ = state.begin()
        _ = handle(.received([update(1, chat: 1), update(2, chat: 2), update(3, chat: 3)]))
        state.stop()
        #expect(handle(.published([.confirmed, .nacked, .confirmed])) == "commit 2")
        #expect(handle(.commitEnded) == "end stopped")
    }

    @Test mutating func stoppingWithNothingNewToTellEnds() {
        _ = state.begin()
        state.stop()
        #expect(handle(.pollFailed(.network(HTTPError(code: .cancelled, endpoint: "")))) == "end stopped")
        #expect(state.takeNotices() == [])
    }

    @Test mutating func aPollBrokenOffMayNotHaveToldTheOffset() {
        _ = state.begin()
        _ = handle(.received([update(1, chat: 1)]))
        #expect(handle(.published([.confirmed])) == "poll 2")
        state.stop()
        #expect(handle(.pollFailed(.network(HTTPError(code: .cancelled, endpoint: "")))) == "commit 2")
    }

    @Test(arguments: [TelegramError.unauthorized, .notFound])
    mutating func aRefusedTokenEndsIt(_ error: TelegramError) {
        _ = state.begin()
        #expect(handle(.pollFailed(error)) == "end tokenRefused")
        #expect(state.takeNotices() == [.tokenRefused(error)])
    }

    @Test mutating func anotherPollerIsSaidOnceAndWaitedFor() {
        _ = state.begin()
        let error = TelegramError.conflict("terminated by other getUpdates request")
        #expect(handle(.pollFailed(error)) == "pause")
        #expect(handle(.pauseEnded) == "poll - all")
        #expect(handle(.pollFailed(error)) == "pause")
        #expect(state.takeNotices() == [.conflict("terminated by other getUpdates request")])
        #expect(handle(.pauseEnded) == "poll - all")
        #expect(handle(.received([])) == "poll -")
        #expect(state.takeNotices() == [.telegramWorks])
    }

    @Test mutating func aWebhookIsDeletedOnceAndNotFoughtOver() {
        _ = state.begin()
        let error = TelegramError.conflict("can't use getUpdates method while webhook is active")
        #expect(handle(.pollFailed(error)) == "deleteWebhook")
        #expect(handle(.webhookDeleted) == "poll - all")
        #expect(handle(.pollFailed(error)) == "pause")
        #expect(handle(.pauseEnded) == "poll - all")
        #expect(handle(.received([])) == "poll -")
        #expect(handle(.pollFailed(error)) == "deleteWebhook")
    }

    @Test mutating func aWebhookThatMayBeSetIsDeletedBeforeTheFirstPoll() {
        state = PollerState(hasWebhook: true)
        #expect(brief(state.begin()) == "deleteWebhook")
        #expect(handle(.webhookKept(.server(status: 502))) == "pause")
        #expect(state.report.condition == .failing)
        #expect(handle(.pauseEnded) == "deleteWebhook")
        #expect(handle(.webhookDeleted) == "poll - all")
        #expect(handle(.received([])) == "poll -")
        #expect(state.report.condition == .polling)
        state = PollerState(hasWebhook: true)
        state.stop()
        #expect(brief(state.begin()) == "end stopped")
    }

    @Test mutating func howItGoesIsToldUntilItGoesOtherwise() {
        _ = state.begin()
        #expect(state.report == IntakeReport(.polling))
        _ = handle(.pollFailed(.conflict("terminated by other getUpdates request")))
        #expect(state.report == IntakeReport(.conflict, "terminated by other getUpdates request"))
        _ = handle(.pauseEnded)
        _ = handle(.pollFailed(.server(status: 502)))
        #expect(state.report.condition == .failing)
        _ = handle(.pauseEnded)
        _ = handle(.received([update(1, chat: 1)]))
        #expect(state.report == IntakeReport(.polling))
        _ = handle(.published([.nacked]))
        #expect(state.report.condition == .failing && state.report.detail?.contains("RabbitMQ") == true)
        _ = handle(.pauseEnded)
        _ = handle(.published([.confirmed]))
        #expect(state.report == IntakeReport(.polling))
        _ = handle(.pollFailed(.unauthorized))
        #expect(state.report.condition == .refused)
    }

    @Test mutating func aRateLimitIsWaitedOut() {
        _ = state.begin()
        #expect(state.handle(.pollFailed(.rateLimited(retryAfter: .seconds(17)))) == .pause(.seconds(17)))
    }

    @Test mutating func telegramsFailuresAreSaidOnce() {
        _ = state.begin()
        for error in [TelegramError.server(status: 502), .malformedReply(status: 200), .server(status: 500)] {
            #expect(handle(.pollFailed(error)) == "pause")
            #expect(handle(.pauseEnded) == "poll - all")
        }
        #expect(state.takeNotices() == [.telegramFails(.server(status: 502))])
    }

    @Test mutating func updatesBeforeTheOffsetAreNotTakenTwice() {
        _ = state.begin()
        _ = handle(.received([update(5, chat: 1)]))
        _ = handle(.published([.confirmed]))
        #expect(handle(.received([update(4, chat: 1), update(5, chat: 1), update(6, chat: 1)])) == "publish [6]")
        _ = handle(.published([.confirmed]))
        #expect(state.offset == 7)
    }

    /// After a week without updates Telegram goes on from a random id: what lies below the offset may be new.
    @Test mutating func anAnswerWhollyBelowTheOffsetIsTakenInAfterAPause() {
        _ = state.begin()
        _ = handle(.received([update(100, chat: 1)]))
        #expect(handle(.published([.confirmed])) == "poll 101")
        #expect(handle(.received([update(5, chat: 1), update(6, chat: 1)])) == "pause")
        #expect(state.takeNotices() == [.idsRestarted(at: 5)])
        #expect(handle(.pauseEnded) == "publish [5]")
        #expect(handle(.published([.confirmed])) == "publish [6]")
        #expect(handle(.published([.confirmed])) == "poll 7")
        #expect(handle(.received([update(7, chat: 1)])) == "publish [7]")
        #expect(handle(.published([.confirmed])) == "poll 8")
    }

    @Test mutating func aServerThatRepeatsItselfIsAskedEverMoreSeldom() {
        _ = state.begin()
        _ = handle(.received([update(5, chat: 1)]))
        _ = handle(.published([.confirmed]))
        var pauses: [Duration] = []
        for _ in 0..<12 {
            guard case .pause(let pause) = state.handle(.received([update(5, chat: 1)])) else {
                Issue.record("asked again at once")
                return
            }
            pauses.append(pause)
            #expect(handle(.pauseEnded) == "publish [5]")
            #expect(handle(.published([.confirmed])) == "poll 6")
        }
        #expect(pauses.allSatisfy { $0 >= .seconds(1) && $0 <= .seconds(30) })
        #expect((pauses.last ?? .zero) > .seconds(1))
    }

    @Test mutating func stoppingLeavesAnAnswerBelowTheOffsetAtTelegram() {
        _ = state.begin()
        _ = handle(.received([update(100, chat: 1)]))
        _ = handle(.published([.confirmed]))
        state.stop()
        #expect(handle(.received([update(5, chat: 1)])) == "end stopped")
    }
}
