import FleetModel
import Foundation
import Testing

@Suite("Heartbeats") struct HeartbeatTests {
    @Test("counters of another release: unknown ones are left out, missing ones are 0")
    func otherReleases() throws {
        let text = #"{"received": 7, "settled": 5, "invented_later": 9}"#
        let counters = try JSONDecoder().decode(Heartbeat.Counters.self, from: Data(text.utf8))
        var expected = Heartbeat.Counters()
        expected.received = 7
        expected.settled = 5
        #expect(counters == expected)
    }

    @Test("no counter gets lost on its way")
    func wholeWay() throws {
        // Every counter with a value of its own, without naming them here.
        let names = try JSONSerialization.jsonObject(with: JSONEncoder().encode(Heartbeat.Counters()))
        let keys = try #require(names as? [String: Int]).keys.sorted()
        let values = Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1, $0 + 1) })
        let sent = try JSONEncoder().encode(values)
        let back = try JSONEncoder().encode(JSONDecoder().decode(Heartbeat.Counters.self, from: sent))
        #expect(try JSONDecoder().decode([String: Int].self, from: back) == values)
    }
}
