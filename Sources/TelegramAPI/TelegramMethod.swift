import HTTPTransport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A method of the Bot API with its parameters; the shape in which all of them can be generated from the API's
/// description: one structure a method, optional parameters optional, names in the API's spelling as coding keys.
public protocol TelegramMethod: Encodable, Sendable {
    associatedtype Result: Decodable & Sendable
    /// As the API spells it.
    static var name: String { get }
    /// Its parameters as a JSON object.
    func json() -> [UInt8]
}

extension TelegramMethod {
    public func json() -> [UInt8] {
        // The types encode to plain JSON by construction; a method without a body is refused by the server, not here.
        (try? JSONEncoder().encode(self)).map { Array($0) } ?? []
    }
}

extension TelegramReply {
    /// Decodes the result.
    /// - Throws: `.malformedReply` when it does not have that shape.
    public func decode<Value: Decodable>(_ type: Value.Type) throws(TelegramError) -> Value {
        do { return try JSONDecoder().decode(type, from: Data(result)) } catch { throw .malformedReply(status: 200) }
    }
}
