/// Splits updates into waves, in each of which a conversation appears at most once. A wave is published when all of the
/// one before is confirmed, so no conversation ever has two unconfirmed updates: a refused one cannot be overtaken.
public enum Waves {
    /// - Parameter conversation: what an item must keep its order within; `nil` for one that may belong to any.
    public static func split<Item>(_ items: [Item], by conversation: (Item) -> Int64?) -> [[Item]] {
        var waves: [[Item]] = []
        var nextWave: [Int64: Int] = [:]
        var floor = 0
        for item in items {
            let id = conversation(item)
            // One of an unknown conversation goes after all before it and before all after.
            let wave = id.map { max(nextWave[$0] ?? 0, floor) } ?? waves.count
            if wave == waves.count { waves.append([]) }
            waves[wave].append(item)
            if let id {
                nextWave[id] = wave + 1
            } else {
                floor = wave + 1
            }
        }
        return waves
    }
}
