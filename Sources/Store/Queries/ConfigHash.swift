import Crypto
import FleetModel

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The hash chain over the config's generations.
public enum ConfigHash {
    /// SHA-256 over the previous generation's hash (empty before the first), a line feed, and the change's canonical
    /// text; in hexadecimal.
    public static func next(after previous: String, _ change: ConfigChange) -> String {
        let text = ConfigGeneration.canonicalText(scope: change.scope, set: change.set, unset: change.unset)
        return SHA256.hash(data: Data("\(previous)\n\(text)".utf8)).hexadecimal
    }
}

extension Sequence<UInt8> {
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var out: [UInt8] = []
        for byte in self {
            out.append(digits[Int(byte >> 4)])
            out.append(digits[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }
}
