import FleetModel
import Store
import TelegramAPI
import Testing

@testable import WorkerRuntime

/// Payments before replies before bulk, and no payment behind the bot's rate.
@Suite struct SendPriorityTests {
    private let now = ContinuousClock.now

    private func sendAll(_ queue: inout SendQueue, at now: ContinuousClock.Instant) -> [OutboxRow] {
        let rows = queue.take(now: now)
        for row in rows { queue.finished(row.seq, .sent, now: now) }
        return rows
    }

    @Test func aPaymentWaitsForNoReply() {
        var queue = SendFixture.queue(["send.concurrency": .int(4)], limits: true)
        for chat in 1...1000 { queue.enqueue(SendFixture.rows(Int64(chat)...Int64(chat), chat: Int64(chat)), now: now) }
        #expect(queue.take(now: now).count == 4)
        // All places are taken by slow calls, and the rate is used up.
        queue.enqueue(
            SendFixture.rows(5000...5000, chat: 5000, method: "answerPreCheckoutQuery", priority: .payment), now: now)
        #expect(queue.take(now: now).map(\.seq) == [5000])
    }

    @Test func repliesGoBeforeBulkAndBulkAlsoGetsItsTurn() {
        var queue = SendFixture.queue(["flood.bot_per_second": .int(10)], limits: true)
        for chat in 1...100 {
            queue.enqueue(SendFixture.rows(Int64(chat)...Int64(chat), chat: Int64(chat), priority: .bulk), now: now)
        }
        for chat in 101...120 {
            queue.enqueue(SendFixture.rows(Int64(chat)...Int64(chat), chat: Int64(chat)), now: now)
        }
        var sent: [OutboxRow] = []
        for tick in 0..<60 { sent += sendAll(&queue, at: now + .milliseconds(100 * tick)) }
        #expect(sent.prefix(20).allSatisfy { $0.priority == .reply })
        #expect(sent.count >= 50 && sent.count <= 60)
    }

    @Test func withinAChatTheOrderStays() {
        var queue = SendFixture.queue()
        queue.enqueue(SendFixture.rows(1...2, chat: 1, priority: .bulk), now: now)
        queue.enqueue(SendFixture.rows(3...3, chat: 1), now: now)
        queue.enqueue(SendFixture.rows(4...4, chat: 1, method: "answerShippingQuery", priority: .payment), now: now)
        var order: [Int64] = []
        for _ in 0..<4 { order += sendAll(&queue, at: now).map(\.seq) }
        #expect(order == [1, 2, 3, 4])
    }

    /// It lends its urgency to what stands before it in its chat.
    @Test func aPaymentsOwnChatIsServedFirst() {
        var queue = SendFixture.queue(["flood.bot_per_second": .int(1)], limits: true)
        for chat in 1...50 {
            queue.enqueue(SendFixture.rows(Int64(chat)...Int64(chat), chat: Int64(chat), priority: .bulk), now: now)
        }
        queue.enqueue(
            SendFixture.rows(100...100, chat: 50, method: "answerPreCheckoutQuery", priority: .payment), now: now)
        #expect(sendAll(&queue, at: now).map(\.seq) == [50])
        #expect(sendAll(&queue, at: now).map(\.seq) == [100])
    }

    @Test func answersToButtonsNeedNoneOfTheRate() {
        var queue = SendFixture.queue(["flood.bot_per_second": .int(1)], limits: true)
        queue.enqueue(SendFixture.rows(1...1, chat: 1) + SendFixture.rows(2...2, chat: 2), now: now)
        for chat in 10..<20 {
            queue.enqueue(
                SendFixture.rows(Int64(chat)...Int64(chat), chat: Int64(chat), method: "answerCallbackQuery"), now: now)
        }
        #expect(queue.take(now: now).count == 11)
        #expect(queue.nextWake.map { $0 > now } == true)
    }

    /// An edit refused with a 429 in two chats says nothing about messages.
    @Test func refusedEditsHoldNoMessagesUp() {
        var queue = SendFixture.queue(limits: true)
        for chat in 1...2 {
            queue.enqueue(
                SendFixture.rows(Int64(chat)...Int64(chat), chat: Int64(chat), method: "editMessageText"), now: now)
        }
        queue.enqueue(SendFixture.rows(5...5, chat: 1), now: now)
        for row in queue.take(now: now) { queue.finished(row.seq, .rateLimited(.seconds(60)), now: now) }
        queue.enqueue(SendFixture.rows(10...10, chat: 3), now: now)
        queue.enqueue(SendFixture.rows(11...11, chat: 4, method: "editMessageText"), now: now)
        // Another chat's edit waits for the bot's edits, what is behind an edit for its turn, a message for nothing.
        #expect(queue.take(now: now).map(\.seq) == [10])
        #expect(Set(sendAll(&queue, at: now + .seconds(61)).map(\.seq)) == [1, 2, 11])
    }
}
