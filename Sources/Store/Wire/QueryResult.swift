import CPostgres
import FleetModel

/// The rows a statement returned. Values stay in libpq's memory, in binary format, until they are read.
public struct QueryResult: Sendable, RandomAccessCollection {
    private let handle: ResultHandle
    /// Rows inserted, updated, deleted or selected.
    public let affected: Int

    init(_ handle: ResultHandle) {
        self.handle = handle
        affected = PQcmdTuples(handle.raw).flatMap { Int(String(cString: $0)) } ?? 0
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { Int(PQntuples(handle.raw)) }
    public subscript(position: Int) -> Row { Row(handle: handle, row: Int32(position)) }

    /// One row; columns count from 0. Reading a column as another type than it has, or one that is not there, is `nil`.
    public struct Row: Sendable {
        let handle: ResultHandle
        let row: Int32

        public func isNull(_ column: Int) -> Bool { value(column) == nil }

        /// `bigint`, `integer` and `smallint`.
        public func int64(_ column: Int) -> Int64? {
            guard let value = value(column) else { return nil }
            switch value.count {
            case 8: return Int64(bigEndian: value.loadUnaligned(as: Int64.self))
            case 4: return Int64(Int32(bigEndian: value.loadUnaligned(as: Int32.self)))
            case 2: return Int64(Int16(bigEndian: value.loadUnaligned(as: Int16.self)))
            default: return nil
            }
        }

        public func int(_ column: Int) -> Int? { int64(column).map { Int($0) } }

        public func bool(_ column: Int) -> Bool? {
            guard let value = value(column), value.count == 1 else { return nil }
            return value[0] != 0
        }

        public func text(_ column: Int) -> String? {
            value(column).map { String(decoding: $0, as: UTF8.self) }
        }

        public func bytes(_ column: Int) -> [UInt8]? { value(column).map { [UInt8]($0) } }

        /// `timestamptz`, cut to milliseconds.
        public func timestamp(_ column: Int) -> Timestamp? {
            guard let value = value(column), value.count == 8 else { return nil }
            let microseconds = Int64(bigEndian: value.loadUnaligned(as: Int64.self))
            let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1000)
            return Timestamp(milliseconds: quotient - (remainder < 0 ? 1 : 0) + PostgresType.epochMilliseconds)
        }

        /// `text[]` of one dimension without NULLs.
        public func texts(_ column: Int) -> [String]? {
            value(column).flatMap { ArrayReader.elements(of: $0)?.map { String(decoding: $0, as: UTF8.self) } }
        }

        private func value(_ column: Int) -> UnsafeRawBufferPointer? {
            let column = Int32(truncatingIfNeeded: column)
            guard column >= 0, column < PQnfields(handle.raw), PQgetisnull(handle.raw, row, column) == 0,
                let pointer = PQgetvalue(handle.raw, row, column)
            else { return nil }
            return UnsafeRawBufferPointer(start: pointer, count: Int(PQgetlength(handle.raw, row, column)))
        }
    }
}

/// Owns one `PGresult`.
final class ResultHandle: @unchecked Sendable {
    // @unchecked: nothing writes to a PGresult after libpq handed it over, and it is freed when nobody refers to it.
    let raw: OpaquePointer
    init(_ raw: OpaquePointer) { self.raw = raw }
    deinit { PQclear(raw) }
}

enum ArrayReader {
    /// The elements of a binary array of one dimension; `nil` when it is malformed, has more dimensions or NULLs.
    static func elements(of bytes: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer]? {
        func word(_ offset: Int) -> Int32? {
            guard offset + 4 <= bytes.count else { return nil }
            return Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
        }
        guard let dimensions = word(0) else { return nil }
        if dimensions == 0 { return [] }
        guard dimensions == 1, let count = word(12), count >= 0 else { return nil }
        var elements: [UnsafeRawBufferPointer] = []
        var offset = 20
        for _ in 0..<count {
            guard let length = word(offset), length >= 0, offset + 4 + Int(length) <= bytes.count else { return nil }
            elements.append(UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<offset + 4 + Int(length)]))
            offset += 4 + Int(length)
        }
        return elements
    }
}
