import Testing

@testable import TelegramSimulation

@Suite struct UpdateQueueTests {
    private func queue(_ count: Int, capacity: Int = 10) -> UpdateQueue {
        var queue = UpdateQueue(firstID: 100, capacity: capacity)
        for index in 0..<count { queue.append(body: [], sequence: Int64(index), now: Int64(index)) }
        return queue
    }

    @Test func idsAreSequential() {
        let queue = queue(3)
        #expect((0..<3).map { queue[$0].id } == [100, 101, 102])
        #expect(queue.nextID == 103)
        #expect(queue.room == 7)
    }

    @Test(arguments: [(0, 3), (100, 3), (101, 2), (103, 0), (999, 0), (-1, 1), (-2, 2), (-3, 3), (-99, 3)])
    func anOffsetConfirms(offset: Int64, left: Int) {
        var queue = queue(3)
        let confirmed = queue.confirm(offset: offset)
        #expect(queue.count == left)
        #expect(confirmed.map(\.id) == (0..<(3 - left)).map { 100 + Int64($0) })
    }

    @Test func whatIsADayOldGoes() {
        var queue = queue(3)
        #expect(queue.expire(now: UpdateQueue.retention + 2).map(\.id) == [100, 101])
        #expect(queue.count == 1)
    }

    @Test func aWebhookConfirmsInAnyOrderAmongThoseInHand() {
        var queue = queue(3)
        #expect(queue.remove(id: 101, among: 2)?.id == 101)
        #expect(queue.remove(id: 102, among: 1) == nil)
        #expect(queue.count == 2)
    }
}

@Suite struct CallLogTests {
    private func log(_ count: Int, capacity: Int) -> CallLog {
        var log = CallLog(capacity: capacity)
        for index in 0..<count {
            var entry = LogEntry(call: .sendMessage, at: Int64(index))
            entry.message = Int64(index) + 1
            log.append(entry)
        }
        return log
    }

    private func read(_ log: CallLog, after: Int64) -> [Int64] {
        var read: [Int64] = []
        log.snapshot(after: after).forEach { sequence, entry in
            #expect(entry.message == sequence)
            read.append(sequence)
            return true
        }
        return read
    }

    @Test func readsOnFromASequence() {
        let log = log(10_000, capacity: 100_000)
        #expect(read(log, after: 0) == Array(1...10_000))
        #expect(read(log, after: 4095) == Array(4096...10_000))
        #expect(read(log, after: 4096) == Array(4097...10_000))
        #expect(read(log, after: 9_999) == [10_000])
        #expect(read(log, after: 10_000) == [])
        #expect(read(log, after: 99_999) == [])
        #expect(log[4097]?.message == 4097)
    }

    @Test func beyondItsCapacityTheOldestGoAndAreCounted() {
        let log = log(10_000, capacity: 5_000)
        #expect(log.dropped > 0)
        #expect(log.first == log.dropped + 1)
        #expect(Int64(log.count) + log.dropped == 10_000)
        #expect(log[1] == nil)
        #expect(read(log, after: 0) == Array(log.first...10_000))
    }

    @Test func aSnapshotStandsStill() {
        var log = log(10, capacity: 5_000)
        let snapshot = log.snapshot(after: 0)
        log.update(10) { $0.message = 77 }
        log.append(LogEntry(call: .getMe, at: 0))
        var messages: [Int64] = []
        snapshot.forEach { _, entry in
            messages.append(entry.message)
            return true
        }
        #expect(messages == Array(1...10))
        #expect(log[10]?.message == 77)
    }
}
