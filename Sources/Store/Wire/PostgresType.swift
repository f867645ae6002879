/// Object ids of the built-in types that are sent (PostgreSQL source, `pg_type.dat`; they never change).
enum PostgresType {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let timestamptz: UInt32 = 1184
    static let byteaArray: UInt32 = 1001
    static let int2Array: UInt32 = 1005
    static let int4Array: UInt32 = 1007
    static let textArray: UInt32 = 1009
    static let int8Array: UInt32 = 1016
    static let timestamptzArray: UInt32 = 1185

    /// 2000-01-01T00:00:00Z, from which PostgreSQL counts microseconds, in milliseconds since 1970.
    static let epochMilliseconds: Int64 = 946_684_800_000
}
