#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The process's environment. Empty values count as absent.
enum Environment {
    static var all: [String: String] { ProcessInfo.processInfo.environment }

    static func value(_ name: String) -> String? {
        guard let text = all[name], !text.isEmpty else { return nil }
        return text
    }
}
