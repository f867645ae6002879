import LocalServices
import Testing

@testable import FleetCtlKit

@Suite struct ConfigDocumentTests {
    @Test func theDocumentedTableIsTheSchemas() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let text = try #require(TextFile.read("/\(root)/docs/config.md"))
        #expect(text.hasSuffix(ConfigKeysTable.markdown()), "run: fleetctl config keys --markdown")
    }
}
