import FleetModel
import Testing

@testable import Gateway

@Suite struct LeaseBookTests {
    private let start = ContinuousClock.now
    private var book = LeaseBook(ttl: .seconds(15), margin: .seconds(2))

    private func bot(_ name: String) throws -> BotID { try #require(BotID(name)) }

    @Test mutating func aLeaseEndsBeforeTheServersDoes() throws {
        let lease = book.granted(try bot("a"), requestedAt: start)
        #expect(lease.isValid(at: start + .milliseconds(12_999)))
        #expect(!lease.isValid(at: start + .seconds(13)))
        #expect(book.nextEnd == start + .seconds(13))
    }

    @Test mutating func aRenewalCountsFromWhenItWasAskedFor() throws {
        let (a, b) = (try bot("a"), try bot("b"))
        let lease = book.granted(a, requestedAt: start)
        let other = book.granted(b, requestedAt: start)
        #expect(book.renewed([a], of: [a, b], requestedAt: start + .seconds(5)) == [b])
        #expect(lease.isValid(at: start + .seconds(17)))
        #expect(!other.isValid(at: start))
        #expect(!book.holds(b))
    }

    @Test mutating func whatIsNotRenewedExpiresAndStaysLost() throws {
        let a = try bot("a")
        let lease = book.granted(a, requestedAt: start)
        #expect(book.expire(now: start + .seconds(12)) == [])
        #expect(book.expire(now: start + .seconds(13)) == [a])
        #expect(book.expire(now: start + .seconds(13)) == [])
        #expect(book.renewed([a], of: [a], requestedAt: start + .seconds(14)) == [])
        lease.prolong(to: start + .seconds(60))
        #expect(!lease.isValid(at: start))
    }

    @Test mutating func aLeaseGivenBackIsNoLossWhenItIsNotRenewed() throws {
        let a = try bot("a")
        let lease = book.granted(a, requestedAt: start)
        book.drop(a)
        #expect(!lease.isValid(at: start))
        #expect(book.renewed([], of: [a], requestedAt: start) == [])
        #expect(book.nextEnd == nil)
    }
}
