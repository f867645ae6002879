/// Sessions of chats at rest, as last committed. Bounded: when the young half is full it becomes the old one, and what
/// the old one held and nobody asked for since is forgotten.
struct SessionCache {
    private var young: [Int64: [UInt8]?] = [:]
    private var old: [Int64: [UInt8]?] = [:]
    private let half: Int

    /// - Parameter bound: sessions held at the most.
    init(bound: Int) { half = max(1, bound / 2) }

    var count: Int { young.count + old.count }

    /// Takes the session out. The outer `nil` means unknown, the inner one that the chat has none.
    mutating func take(_ conversation: Int64) -> [UInt8]?? {
        young.removeValue(forKey: conversation) ?? old.removeValue(forKey: conversation)
    }

    mutating func put(_ conversation: Int64, _ session: [UInt8]?) {
        old[conversation] = nil
        young.updateValue(session, forKey: conversation)
        if young.count >= half {
            old = young
            young = [:]
        }
    }

    mutating func removeAll() {
        young = [:]
        old = [:]
    }
}
