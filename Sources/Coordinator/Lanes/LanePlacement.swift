import FleetModel

/// Who serves the lanes of a bot and who stands by: a value, computed from the layout, the workers there are and the
/// placement there was.
///
/// No worker has more than one lane more than another. When a worker comes or goes, only as many lanes move as that
/// needs: those of the one that went, or the surplus over the new share. A lane without an owner goes to the worker that
/// ranks first for it among those with room (rendezvous hashing), and the next in rank stands by. So who takes over when
/// an owner dies is, where there is room, who already stands by.
struct LanePlacement: Sendable, Equatable {
    /// Names of workers.
    struct Place: Sendable, Equatable {
        var owner: String
        /// `nil` when there is one worker only.
        var standby: String?
    }

    /// By the lane's number; the mover's is ``LaneLayout/moverNumber``.
    private(set) var places: [Int32: Place] = [:]

    /// - Parameters:
    ///   - workers: those that may own lanes; their order does not matter. Without any, nothing is placed.
    ///   - present: what is in force now, for this epoch; empty when nothing is.
    init(_ layout: LaneLayout, workers: some Collection<String>, present: [Int32: Place] = [:]) {
        let names = Set(workers).sorted()
        if names.isEmpty { return }
        let bot = layout.bot.rawValue
        let lanes = (0..<Int32(layout.lanes)).map { number in Ranked(bot: bot, number: number, workers: names) }
        var owners = Self.owners(lanes, names, present)
        if layout.hasMover {
            let mover = Ranked(bot: bot, number: LaneLayout.moverNumber, workers: names)
            owners[mover.number] = Self.mover(mover, names, owners, present[mover.number]?.owner)
            places[mover.number] = mover.place(owner: owners[mover.number])
        }
        for lane in lanes { places[lane.number] = lane.place(owner: owners[lane.number]) }
    }

    private static func owners(
        _ lanes: [Ranked], _ workers: [String], _ present: [Int32: Place]
    ) -> [Int32: String] {
        var kept: [String: [Ranked]] = Dictionary(uniqueKeysWithValues: workers.map { ($0, []) })
        for lane in lanes {
            if let owner = present[lane.number]?.owner { kept[owner]?.append(lane) }
        }
        // Those that have most now get the lanes that do not divide evenly, so that they need not give them up.
        let (share, rest) = lanes.count.quotientAndRemainder(dividingBy: workers.count)
        let byLoad = workers.sorted { (kept[$0]?.count ?? 0, $1) > (kept[$1]?.count ?? 0, $0) }
        var room: [String: Int] = [:]
        var owners: [Int32: String] = [:]
        for (index, worker) in byLoad.enumerated() {
            let bound = share + (index < rest ? 1 : 0)
            // What it ranks highest for stays longest.
            let stays = (kept[worker] ?? []).sorted {
                ($0.score(of: worker), $0.number) > ($1.score(of: worker), $1.number)
            }.prefix(bound)
            for lane in stays { owners[lane.number] = worker }
            room[worker] = bound - stays.count
        }
        for lane in lanes where owners[lane.number] == nil {
            guard let owner = lane.ranking.first(where: { room[$0, default: 0] > 0 }) else { continue }
            owners[lane.number] = owner
            room[owner, default: 0] -= 1
        }
        return owners
    }

    /// Where it is, if it can; else with the first in rank of those that have the fewest lanes, because moving is work.
    private static func mover(
        _ mover: Ranked, _ workers: [String], _ owners: [Int32: String], _ present: String?
    ) -> String? {
        if let present, workers.contains(present) { return present }
        var loads: [String: Int] = [:]
        for owner in owners.values { loads[owner, default: 0] += 1 }
        let least = workers.map { loads[$0, default: 0] }.min() ?? 0
        return mover.ranking.first { loads[$0, default: 0] == least }
    }
}

/// A lane with the workers in their order for it.
private struct Ranked {
    let number: Int32
    /// The highest score first.
    let ranking: [String]
    private let scores: [String: UInt64]

    init(bot: String, number: Int32, workers: [String]) {
        self.number = number
        let lane = Self.hash("\(bot).\(number)", seed: 0xCBF2_9CE4_8422_2325)
        let scores = Dictionary(uniqueKeysWithValues: workers.map { ($0, Self.hash($0, seed: lane)) })
        self.scores = scores
        ranking = workers.sorted { (scores[$0] ?? 0, $0) > (scores[$1] ?? 0, $1) }
    }

    func score(of worker: String) -> UInt64 { scores[worker] ?? 0 }

    func place(owner: String?) -> LanePlacement.Place? {
        owner.map { owner in LanePlacement.Place(owner: owner, standby: ranking.first { $0 != owner }) }
    }

    /// FNV-1a, and SplitMix64's finaliser because names that differ in their last byte alone must not rank alike.
    private static func hash(_ text: String, seed: UInt64) -> UInt64 {
        var x = seed
        for byte in text.utf8 { x = (x ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
        return x ^ (x >> 31)
    }
}
