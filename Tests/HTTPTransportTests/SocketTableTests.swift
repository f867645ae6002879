import EventLoop
import Testing

@testable import HTTPTransport

@Suite struct SocketTableTests {
    private var table = SocketTable()

    private mutating func changes() -> [SocketTable.Change] {
        var taken: [SocketTable.Change] = []
        table.takeChanges { taken.append($0) }
        return taken
    }

    @Test mutating func interestThatComesBackWithinATurnCostsNothing() {
        #expect(table.opened(7) == nil)
        #expect(table.want(.read, of: 7) == nil)
        #expect(changes() == [.watch(7, .read)])
        #expect(table.want([], of: 7) == nil)
        #expect(table.want(.read, of: 7) == nil)
        #expect(changes() == [])
    }

    @Test mutating func aConnectionIsUnwatchedBeforeItsNumberIsUsedAgain() {
        _ = table.opened(7)
        _ = table.want(.read, of: 7)
        _ = changes()
        _ = table.want([], of: 7)
        #expect(table.closing(7) == .unwatch(7))
        #expect(table.opened(7) == nil)
        _ = table.want(.write, of: 7)
        #expect(changes() == [.watch(7, .write)])
    }

    @Test mutating func aSocketClosedUnnoticedDoesNotBlindTheNextOneOfItsNumber() {
        _ = table.opened(7)
        _ = table.want(.read, of: 7)
        _ = changes()
        #expect(table.opened(7) == .unwatch(7))
        _ = table.want(.read, of: 7)
        #expect(changes() == [.watch(7, .read)])
    }

    @Test mutating func descriptorsOfTheResolverChangeAtOnce() {
        #expect(table.want(.read, of: 9) == .watch(9, .read))
        #expect(table.want([], of: 9) == .unwatch(9))
        #expect(changes() == [])
    }
}
