import FleetModel
import Foundation
import Testing

@Suite struct BotSpecTests {
    /// As an earlier version wrote it.
    @Test func whatLaterVersionsAddedMayBeMissing() throws {
        let text = #"{"id":"shop","behaviour":"echo","labels":{},"desired":"running","lanes":4,"queue":"quorum"}"#
        let spec = try JSONDecoder().decode(BotSpec.self, from: Data(text.utf8))
        let id = try #require(BotID("shop"))
        #expect(spec == BotSpec(id: id, behaviour: "echo", lanes: 4))
    }

    @Test func itReadsWhatItWrites() throws {
        let id = try #require(BotID("shop"))
        let spec = BotSpec(
            id: id, behaviour: "menu", labels: ["a": "b"], desired: .stopped, lanes: 3, workers: 2, queue: .classic,
            apiURL: "http://localhost")
        #expect(try JSONDecoder().decode(BotSpec.self, from: JSONEncoder().encode(spec)) == spec)
    }
}
