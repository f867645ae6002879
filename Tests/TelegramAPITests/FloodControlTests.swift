import TelegramAPI
import Testing

@Suite struct FloodControlTests {
    private let start = ContinuousClock.now
    private typealias Bucket = FloodControl.Bucket

    private func control(bot: Bucket, chat: Bucket, group: Bucket) -> FloodControl {
        FloodControl(.init(bot: bot, chat: chat, group: group))
    }

    /// How many of `count` messages to different chats go out at once.
    private func admitted(_ control: inout FloodControl, _ count: Int64, at now: ContinuousClock.Instant) -> Int {
        (0..<count).count { control.admit(chat: $0, isGroup: false, now: now) == .now }
    }

    @Test func aChatGetsItsBurstAndThenItsRate() {
        var control = FloodControl(.init(chat: Bucket(perSecond: 1, burst: 2)))
        #expect(control.admit(chat: 1, isGroup: false, now: start) == .now)
        #expect(control.admit(chat: 1, isGroup: false, now: start) == .now)
        #expect(control.admit(chat: 1, isGroup: false, now: start) == .wait(until: start + .seconds(1)))
        // A refusal is not counted.
        #expect(control.admit(chat: 1, isGroup: false, now: start) == .wait(until: start + .seconds(1)))
        #expect(control.admit(chat: 2, isGroup: false, now: start) == .now)
        #expect(control.admit(chat: 1, isGroup: false, now: start + .seconds(1)) == .now)
        #expect(control.admit(chat: 1, isGroup: false, now: start + .seconds(1)) == .wait(until: start + .seconds(2)))
    }

    @Test func aGroupHasItsOwnRate() {
        var control = FloodControl(.init(group: Bucket(perSecond: 0.5, burst: 1)))
        #expect(control.admit(chat: -1, isGroup: true, now: start) == .now)
        #expect(control.admit(chat: -1, isGroup: true, now: start) == .wait(until: start + .seconds(2)))
    }

    @Test func theBotsRateHoldsOverAllChats() {
        var control = FloodControl(.init(bot: Bucket(perSecond: 10, burst: 30)))
        #expect(admitted(&control, 100, at: start) == 30)
        #expect(control.admit(chat: 99, isGroup: false, now: start) == .wait(until: start + .milliseconds(100)))
        #expect(admitted(&control, 100, at: start + .seconds(1)) == 10)
    }

    @Test func overAMinuteTelegramsOwnLimitsHold() {
        var control = FloodControl()
        var sent = 0
        for millisecond in stride(from: 0, to: 60_000, by: 10) {
            if control.admit(chat: -5, isGroup: true, now: start + .milliseconds(millisecond)) == .now { sent += 1 }
        }
        #expect((20...24).contains(sent))
    }

    @Test func a429BlocksItsChatAndASecondOneTheBot() {
        var control = FloodControl()
        control.refused(chat: 1, retryAfter: .seconds(10), now: start)
        #expect(control.admit(chat: 1, isGroup: false, now: start) == .wait(until: start + .seconds(10)))
        #expect(control.admit(chat: 2, isGroup: false, now: start) == .now)
        control.refused(chat: 2, retryAfter: .seconds(5), now: start)
        #expect(control.admit(chat: 3, isGroup: false, now: start) == .wait(until: start + .seconds(5)))
        #expect(control.admit(chat: 1, isGroup: false, now: start) == .wait(until: start + .seconds(10)))
        #expect(control.admit(chat: 3, isGroup: false, now: start + .seconds(5)) == .now)
    }

    @Test func a429WithoutAChatBlocksTheBot() {
        var control = FloodControl(.none)
        control.refused(chat: nil, retryAfter: .seconds(3), now: start)
        #expect(control.admit(chat: 1, isGroup: false, now: start) == .wait(until: start + .seconds(3)))
        #expect(control.admit(chat: 1, isGroup: false, now: start + .seconds(3)) == .now)
    }

    @Test func switchedOffItCountsNothing() {
        var control = FloodControl(.none)
        #expect((0..<1000).allSatisfy { _ in control.admit(chat: 1, isGroup: false, now: start) == .now })
        #expect(control.rememberedChats == 0)
    }

    @Test func memoryIsBoundedAndWhatMattersIsKept() {
        let off = Bucket(perSecond: 1_000_000, burst: 1_000_000)
        var control = FloodControl(
            .init(bot: off, chat: Bucket(perSecond: 1, burst: 1), group: off), maximumChats: 2000)
        control.refused(chat: -1, retryAfter: .seconds(600), now: start)
        for chat in 0..<50_000 {
            _ = control.admit(chat: Int64(chat), isGroup: false, now: start + .milliseconds(chat / 100))
            #expect(control.rememberedChats <= 2000)
        }
        // The longest to wait is forgotten last.
        #expect(
            control.admit(chat: -1, isGroup: false, now: start + .seconds(1)) == .wait(until: start + .seconds(600)))
    }
}
