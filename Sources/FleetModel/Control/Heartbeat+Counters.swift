extension Heartbeat.Counters {
    /// A worker of an older release does not know every counter: what it does not send is 0, and what it sends and
    /// nobody here knows is left out.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        received = try values.count(.received)
        settled = try values.count(.settled)
        duplicates = try values.count(.duplicates)
        failedAttempts = try values.count(.failedAttempts)
        deadLettered = try values.count(.deadLettered)
        expired = try values.count(.expired)
        sent = try values.count(.sent)
        sendErrors = try values.count(.sendErrors)
        refused = try values.count(.refused)
        ambiguous = try values.count(.ambiguous)
        blocked = try values.count(.blocked)
        rateLimited = try values.count(.rateLimited)
        batches = try values.count(.batches)
        reconnects = try values.count(.reconnects)
        inFlight = try values.count(.inFlight)
        waiting = try values.count(.waiting)
        unsent = try values.count(.unsent)
    }
}

extension KeyedDecodingContainer {
    fileprivate func count(_ key: Key) throws -> Int64 { try decodeIfPresent(Int64.self, forKey: key) ?? 0 }
}
