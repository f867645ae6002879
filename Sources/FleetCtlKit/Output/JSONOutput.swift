#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// JSON for `-o json`: indented, keys sorted, so that two outputs can be compared.
public enum JSONOutput {
    public static func text(_ value: some Encodable) throws(Fault) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw Fault("the answer cannot be written as JSON: \(error)")
        }
    }
}
