#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Control messages, replies and heartbeats as JSON. Coders are made once per batch or connection, not per message.
public struct ControlCoding {
    private let encoder = JSONEncoder()
    private let decoder = JSONDecoder()

    public init() {}

    public func encode(_ value: some Encodable) throws -> [UInt8] { [UInt8](try encoder.encode(value)) }

    /// `nil` when the body is not what it should be: control queues take what anybody publishes.
    public func decode<Value: Decodable>(_ type: Value.Type, from body: [UInt8]) -> Value? {
        try? decoder.decode(type, from: Data(body))
    }
}
