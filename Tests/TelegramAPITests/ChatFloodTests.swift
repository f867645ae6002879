import TelegramAPI
import Testing

@Suite struct ChatFloodTests {
    private let start = ContinuousClock.now
    private let edit = CallKind.other(method: "editMessageText")

    /// Sends if it may, and is answered at once.
    private func send(_ flood: inout ChatFlood, _ chat: Int64, at now: ContinuousClock.Instant) -> Bool {
        guard flood.admit(chat: chat, .message, now: now) == .now else { return false }
        flood.answered(chat: chat, .message, now: now)
        return true
    }

    @Test func aChatGetsItsBurstAndThenItsRate() {
        var flood = ChatFlood(.init(perSecond: 1, burst: 2))
        let burst = [send(&flood, 1, at: start), send(&flood, 1, at: start), send(&flood, 1, at: start)]
        #expect(burst == [true, true, false])
        #expect(flood.admit(chat: 1, .message, now: start) == .wait(until: start + .seconds(1)))
        #expect(flood.admit(chat: 2, .message, now: start) == .now)
        let later = [send(&flood, 1, at: start + .seconds(1)), send(&flood, 1, at: start + .seconds(1))]
        #expect(later == [true, false])
    }

    @Test func aMessageCountsFromItsAnswer() {
        var flood = ChatFlood(.init(perSecond: 1, burst: 1))
        #expect(flood.admit(chat: 1, .message, now: start) == .now)
        flood.answered(chat: 1, .message, now: start + .milliseconds(300))
        #expect(flood.admit(chat: 1, .message, now: start + .seconds(1)) == .wait(until: start + .milliseconds(1300)))
    }

    @Test func neverMoreThanTheAllowanceInAnyMinuteOfAGroup() {
        var flood = ChatFlood()
        var sent: [ContinuousClock.Instant] = []
        for tick in 0..<3000 {
            let now = start + .milliseconds(100 * tick)
            if send(&flood, -5, at: now) { sent.append(now) }
        }
        for (index, first) in sent.enumerated() {
            #expect(sent[index...].prefix { $0 - first < .seconds(60) }.count <= 20)
        }
        #expect(sent.count == 100)
    }

    @Test func editsAreNotCounted() {
        var flood = ChatFlood(.init(perSecond: 1, burst: 1))
        for _ in 0..<10 {
            #expect(flood.admit(chat: 1, edit, now: start) == .now)
            flood.answered(chat: 1, edit, now: start)
        }
        #expect(flood.rememberedChats == 0)
    }

    @Test func a429DelaysOnlyWhatItNames() {
        var flood = ChatFlood(.none)
        flood.refused(chat: 1, edit, retryAfter: .seconds(10), now: start)
        #expect(flood.admit(chat: 1, edit, now: start) == .wait(until: start + .seconds(10)))
        #expect(flood.admit(chat: 1, .message, now: start) == .now)
        #expect(flood.admit(chat: 2, edit, now: start) == .now)
        #expect(flood.admit(chat: 1, edit, now: start + .seconds(10)) == .now)
        flood.refused(chat: 3, .message, retryAfter: .seconds(5), now: start)
        #expect(flood.admit(chat: 3, .message, now: start) == .wait(until: start + .seconds(5)))
        #expect(flood.admit(chat: 3, edit, now: start) == .now)
    }

    /// A chat that Telegram holds to less than it publishes.
    @Test func repeatedRefusalsSlowTheChatDownAndQuietTimeSpeedsItUp() {
        var flood = ChatFlood(.init(perSecond: 1, burst: 1))
        var now = start
        for _ in 0..<6 {
            flood.refused(chat: 1, .message, retryAfter: .seconds(1), now: now)
            now += .seconds(2)
        }
        #expect(flood.admit(chat: 1, .message, now: now) == .now)
        flood.answered(chat: 1, .message, now: now)
        guard case .wait(let until) = flood.admit(chat: 1, .message, now: now) else {
            Issue.record("it must wait")
            return
        }
        #expect(until - now > .seconds(2))
        now += .seconds(600)
        #expect(send(&flood, 1, at: now))
        #expect(flood.admit(chat: 1, .message, now: now) == .wait(until: now + .seconds(1)))
    }

    @Test func switchedOffItCountsNothing() {
        var flood = ChatFlood(.none)
        for _ in 0..<1000 { #expect(send(&flood, 1, at: start)) }
        #expect(flood.rememberedChats == 0)
    }

    @Test func memoryIsBoundedAndWhatMattersIsKept() {
        var flood = ChatFlood(.init(perSecond: 1, burst: 1), maximumChats: 2000)
        flood.refused(chat: -1, .message, retryAfter: .seconds(3600), now: start)
        for chat in 0..<50_000 {
            _ = send(&flood, Int64(chat), at: start + .milliseconds(chat / 100))
            #expect(flood.rememberedChats <= 2000)
        }
        // The longest to wait is forgotten last.
        #expect(
            flood.admit(chat: -1, .message, now: start + .seconds(1)) == .wait(until: start + .seconds(3600)))
    }
}
