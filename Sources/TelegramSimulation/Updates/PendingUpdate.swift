/// An update that waits to be fetched or delivered.
struct PendingUpdate: Sendable {
    let id: Int64
    /// The update's JSON, `update_id` included.
    let body: [UInt8]
    /// Its entry in the log.
    let sequence: Int64
    /// Microseconds since 1970.
    let createdAt: Int64
}
