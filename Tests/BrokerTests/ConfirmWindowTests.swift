import Testing

@testable import Broker

@Suite struct ConfirmWindowTests {
    /// Sends all there is room for.
    private func sendAll(_ window: inout ConfirmWindow) -> Int {
        var count = 0
        while let next = window.next() {
            window.sent(next.batch, index: next.index)
            count += 1
        }
        return count
    }

    @Test func batchesShareTheWindowInTheirOrder() {
        var window = ConfirmWindow(capacity: 3)
        let first = window.add(count: 2)
        let second = window.add(count: 3)
        #expect(sendAll(&window) == 3 && !window.hasRoom && window.nextSequence == 4)
        #expect(
            window.settle(2, multiple: true, as: .confirmed) == [
                .init(batch: first, outcomes: [.confirmed, .confirmed], sent: 2)
            ])
        #expect(sendAll(&window) == 2 && window.outstanding == 3)
        #expect(window.settle(4, multiple: false, as: .nacked).isEmpty)
        #expect(
            window.settle(5, multiple: true, as: .confirmed) == [
                .init(batch: second, outcomes: [.confirmed, .nacked, .confirmed], sent: 3)
            ])
        #expect(window.outstanding == 0)
    }

    @Test func confirmsOutOfOrderAndTwiceAndOutOfRange() {
        var window = ConfirmWindow(capacity: 10)
        let batch = window.add(count: 3)
        _ = sendAll(&window)
        #expect(window.settle(3, multiple: false, as: .confirmed).isEmpty)
        #expect(window.settle(3, multiple: false, as: .nacked).isEmpty)
        #expect(window.settle(99, multiple: false, as: .nacked).isEmpty)
        #expect(window.settle(0, multiple: false, as: .nacked).isEmpty)
        #expect(window.settle(1, multiple: false, as: .confirmed).isEmpty)
        #expect(
            window.settle(0, multiple: true, as: .confirmed) == [
                .init(batch: batch, outcomes: [.confirmed, .confirmed, .confirmed], sent: 3)
            ])
        #expect(window.settle(1, multiple: true, as: .nacked).isEmpty)
    }

    @Test func aReturnedPublicationKeepsThatOutcome() {
        var window = ConfirmWindow(capacity: 10)
        let batch = window.add(count: 3)
        _ = sendAll(&window)
        window.returned(code: 312, text: "NO_ROUTE") { $0 == 0 && $1 == 1 }
        window.returned(code: 312, text: "NO_ROUTE") { _, _ in false }
        #expect(
            window.settle(3, multiple: true, as: .confirmed) == [
                .init(
                    batch: batch, outcomes: [.confirmed, .returned(code: 312, text: "NO_ROUTE"), .confirmed], sent: 3)
            ])
    }

    @Test func equalPublicationsAreReturnedOneByOne() {
        var window = ConfirmWindow(capacity: 10)
        _ = window.add(count: 3)
        while let next = window.next() { window.sent(next.batch, index: next.index) }
        window.returned(code: 312, text: "") { _, _ in true }
        window.returned(code: 312, text: "") { _, _ in true }
        let back = PublishOutcome.returned(code: 312, text: "")
        #expect(window.settle(3, multiple: true, as: .confirmed).first?.outcomes == [back, back, .confirmed])
    }

    @Test func anExpiredBatchTellsWhatWasSent() {
        var window = ConfirmWindow(capacity: 2)
        let first = window.add(count: 3)
        let second = window.add(count: 1)
        _ = sendAll(&window)
        #expect(window.settle(1, multiple: false, as: .confirmed).isEmpty)
        #expect(window.expire(first) == .init(batch: first, outcomes: [.confirmed, .unknown, .unsent], sent: 2))
        #expect(window.expire(first) == nil)
        // Its unsent rest is skipped; its late confirm only makes room.
        #expect(sendAll(&window) == 1)
        #expect(window.settle(2, multiple: false, as: .confirmed).isEmpty)
        #expect(
            window.settle(3, multiple: false, as: .confirmed) == [
                .init(batch: second, outcomes: [.confirmed], sent: 1)
            ])
    }

    @Test func aBatchThatNeverGotInExpiresUnsent() {
        var window = ConfirmWindow(capacity: 1)
        let first = window.add(count: 1)
        let second = window.add(count: 2)
        _ = sendAll(&window)
        #expect(window.expire(second) == .init(batch: second, outcomes: [.unsent, .unsent], sent: 0))
        #expect(window.settle(1, multiple: false, as: .confirmed).map(\.batch) == [first])
        #expect(sendAll(&window) == 0)
    }

    @Test func theEndOfTheChannelEndsEveryBatch() {
        var window = ConfirmWindow(capacity: 3)
        let first = window.add(count: 2)
        let second = window.add(count: 2)
        let third = window.add(count: 1)
        _ = sendAll(&window)
        #expect(window.settle(1, multiple: false, as: .confirmed).isEmpty)
        #expect(
            window.fail() == [
                .init(batch: first, outcomes: [.confirmed, .unknown], sent: 2),
                .init(batch: second, outcomes: [.unknown, .unsent], sent: 1),
                .init(batch: third, outcomes: [.unsent], sent: 0),
            ])
        #expect(window.fail().isEmpty && window.next() == nil && window.outstanding == 0)
    }
}
