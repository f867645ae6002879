/// Numbers of channels: 1 to what both sides agreed on, reused only after the broker confirmed the close.
struct ChannelIDs {
    private let max: UInt16
    private var next: UInt16 = 1
    private var free: [UInt16] = []

    init(max: UInt16) { self.max = max }

    /// Nil when all are in use.
    mutating func take() -> UInt16? {
        if let id = free.popLast() { return id }
        guard next <= max, next > 0 else { return nil }
        defer { next &+= 1 }
        return next
    }

    mutating func giveBack(_ id: UInt16) { free.append(id) }
}
