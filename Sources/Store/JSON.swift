import FleetModel

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// JSON columns cross as text. Not for the hot path.
enum JSON {
    static func text(_ value: some Encodable) throws(StoreError) -> String {
        do {
            return String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        } catch {
            throw StoreError(.invalidConfiguration, "a value cannot be written as JSON")
        }
    }

    static func value<Value: Decodable>(_ type: Value.Type, _ text: String?) throws(StoreError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data((text ?? "null").utf8))
        } catch {
            throw StoreError(
                .migration,
                "a JSON column does not hold a \(type); is the database newer than this binary?"
            )
        }
    }
}
