import ArgumentParser
import FleetCtlKit
import FleetModel

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shows bots and workers.")
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let status: StatusView = try await client.withClient { try await $0.get("/v1/status") }
        try output.show(status) { FleetTables.status($0, now: .now) }
    }
}
