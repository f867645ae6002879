/// Tags to acknowledge together: everything up to a tag, and single ones above it.
public struct AckSet: Sendable, Equatable {
    /// Every unacknowledged delivery of the channel up to and including this tag. Nil or 0: none.
    public var upTo: UInt64?
    /// Single tags, in any order. Those that `upTo` covers, or that were acknowledged before, are left out.
    public var also: [UInt64]

    public init(upTo: UInt64? = nil, also: [UInt64] = []) {
        self.upTo = upTo
        self.also = also
    }

    public var isEmpty: Bool { (upTo ?? 0) == 0 && also.isEmpty }
}
