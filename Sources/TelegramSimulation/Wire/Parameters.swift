import FleetModel

/// The parameters of one call, whichever of the four ways they came in. Bot API, "Making requests".
public struct Parameters: Sendable {
    public enum Value: Sendable, Equatable {
        case text(String)
        case integer(Int64)
        /// The JSON text of an object, an array, a boolean or a fraction.
        case json([UInt8])
        case file(UploadedFile)
    }

    /// A file that came with multipart/form-data. Only its description is kept.
    public struct UploadedFile: Sendable, Equatable {
        public var name: String
        public var contentType: String
        /// Bytes.
        public var size: Int
    }

    public private(set) var members: [(name: String, value: Value)] = []

    public init() { members.reserveCapacity(6) }

    /// The first value of a name counts.
    public subscript(_ name: String) -> Value? {
        for member in members where member.name == name { return member.value }
        return nil
    }

    mutating func add(_ name: String, _ value: Value) { members.append((name, value)) }

    /// The text of a value; a number's or object's JSON text where it was none.
    public func text(_ name: String) -> String? {
        switch self[name] {
        case .text(let text): text
        case .integer(let value): String(value)
        case .json(let bytes): String(decoding: bytes, as: UTF8.self)
        case .file, nil: nil
        }
    }

    /// A whole number, also where it came as text.
    public func integer(_ name: String) -> Int64? {
        switch self[name] {
        case .integer(let value): value
        case .text(let text): Int64(text)
        default: nil
        }
    }

    /// `true`, `True`, `1` and `yes` are true, as Telegram's server has it; absence is `nil`.
    public func boolean(_ name: String) -> Bool? {
        guard let text = text(name) else { return nil }
        return ["true", "1", "yes"].contains(text.lowercased())
    }

    /// A fraction or a whole number.
    public func fraction(_ name: String) -> Double? { text(name).flatMap { Double($0) } }

    /// JSON text of an object or array; form fields carry it as text.
    public func json(_ name: String) -> [UInt8]? {
        switch self[name] {
        case .json(let bytes): bytes
        case .text(let text): text.isEmpty ? nil : Array(text.utf8)
        case .integer(let value): Array(String(value).utf8)
        case .file, nil: nil
        }
    }
}

// MARK: JSON

extension Parameters {
    /// Adds the members of a JSON object. `null` counts as absent.
    public mutating func add(json body: [UInt8]) throws(APIError) {
        do throws(JSONScanner.Malformed) {
            var parameters = self
            try body.withUnsafeBufferPointer { (bytes) throws(JSONScanner.Malformed) in
                var scanner = JSONScanner(bytes)
                try parameters.readObject(&scanner, bytes)
                try scanner.end()
            }
            self = parameters
        } catch {
            throw .badRequest("can't parse JSON: \(error)")
        }
    }

    /// Reads the object that `scanner` stands before; `bytes` is what it scans.
    mutating func readObject(
        _ scanner: inout JSONScanner,
        _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(JSONScanner.Malformed) {
        var read = self
        try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
            let name = scanner.text(key)
            switch scanner.peek {
            case UInt8(ascii: "\""):
                let value = try scanner.string()
                read.add(name, .text(scanner.text(value)))
            case UInt8(ascii: "n"):
                try scanner.skipValue()
            default:
                let start = scanner.offset
                try scanner.skipValue()
                let raw = UnsafeBufferPointer(rebasing: bytes[start..<scanner.offset])
                if let integer = Self.integer(raw) {
                    read.add(name, .integer(integer))
                } else {
                    read.add(name, .json(Array(raw)))
                }
            }
        }
        self = read
    }

    private static func integer(_ raw: UnsafeBufferPointer<UInt8>) -> Int64? {
        var scanner = JSONScanner(raw)
        guard let value = try? scanner.integer(), scanner.offset == raw.count else { return nil }
        return value
    }

    /// The elements of a JSON array of objects, or the one object, as a control body may give either.
    public static func list(_ body: [UInt8]) throws(APIError) -> [Parameters] {
        do throws(JSONScanner.Malformed) {
            return try body.withUnsafeBufferPointer { (bytes) throws(JSONScanner.Malformed) in
                var scanner = JSONScanner(bytes)
                var list: [Parameters] = []
                scanner.skipSpace()
                let one: (inout JSONScanner) throws(JSONScanner.Malformed) -> Void = {
                    (scanner) throws(JSONScanner.Malformed) in
                    var element = Parameters()
                    try element.readObject(&scanner, bytes)
                    list.append(element)
                }
                if scanner.peek == UInt8(ascii: "[") { try scanner.array(one) } else { try one(&scanner) }
                try scanner.end()
                return list
            }
        } catch {
            throw .badRequest("can't parse JSON: \(error)")
        }
    }
}
