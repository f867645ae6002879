import FleetModel

/// Who serves the lanes of a bot and who stands by: a value, computed from the layout, the workers there are and the
/// placement there was.
///
/// No worker has more than one lane more than another. When a worker comes or goes, only as many lanes move as that
/// needs: those of the one that went, or the surplus over the new share. A lane without an owner goes to the worker that
/// ranks first for it (rendezvous hashing), if that has room, and the next in rank stands by. So who owns a lane after its
/// owner's death is, where there is room, who stood by and has taken it over already.
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
        let lanes = (0..<Int32(layout.lanes)).map { LaneScores(bot: bot, number: $0, workers: names) }
        let indexes = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        var shares = LaneShares(lanes: lanes.count, workers: names.count)
        let owners = shares.place(lanes, present: lanes.map { present[$0.number].flatMap { indexes[$0.owner] } })
        for (lane, owner) in zip(lanes, owners) { places[lane.number] = Self.place(lane, owner, names) }
        guard layout.hasMover else { return }
        let mover = LaneScores(bot: bot, number: LaneLayout.moverNumber, workers: names)
        // Where it is, if it can; else with one of those that have the fewest lanes, because moving is work.
        let least = shares.loads.min()
        let owner = present[mover.number].flatMap { indexes[$0.owner] } ?? mover.first { shares.loads[$0] == least }
        places[mover.number] = Self.place(mover, owner, names)
    }

    private static func place(_ lane: LaneScores, _ owner: Int?, _ names: [String]) -> Place? {
        owner.map { owner in Place(owner: names[owner], standby: lane.first { $0 != owner }.map { names[$0] }) }
    }
}

/// How many lanes each worker has, within a share for everybody and one more for as many as the division leaves.
private struct LaneShares {
    private(set) var loads: [Int]
    private let share: Int
    private var extras: Int

    init(lanes: Int, workers: Int) {
        loads = Array(repeating: 0, count: workers)
        (share, extras) = lanes.quotientAndRemainder(dividingBy: workers)
    }

    private func hasRoom(_ worker: Int) -> Bool { loads[worker] < share || (loads[worker] == share && extras > 0) }

    private mutating func give(_ worker: Int) {
        if loads[worker] == share { extras -= 1 }
        loads[worker] += 1
    }

    /// - Parameter present: the owner each lane has now.
    /// - Returns: the owner of each lane.
    mutating func place(_ lanes: [LaneScores], present: [Int?]) -> [Int?] {
        var owners: [Int?] = Array(repeating: nil, count: lanes.count)
        // Those that have most keep the extra lanes; each keeps what it ranks highest for.
        let held = loads.indices.map { worker in
            lanes.indices.filter { present[$0] == worker }.sorted {
                (lanes[$0].scores[worker], $0) > (lanes[$1].scores[worker], $1)
            }
        }
        for worker in loads.indices.sorted(by: { (held[$0].count, $1) > (held[$1].count, $0) }) {
            for lane in held[worker] where hasRoom(worker) {
                owners[lane] = worker
                give(worker)
            }
        }
        // First those that get whom they rank highest: they may be served by it already.
        for isChoosy in [true, false] {
            for lane in lanes.indices where owners[lane] == nil {
                guard let worker = lanes[lane].first(where: { isChoosy || hasRoom($0) }), hasRoom(worker) else {
                    continue
                }
                owners[lane] = worker
                give(worker)
            }
        }
        return owners
    }
}

/// A lane with the score of each worker for it; the highest ranks first.
private struct LaneScores {
    let number: Int32
    let scores: [UInt64]

    init(bot: String, number: Int32, workers: [String]) {
        self.number = number
        let lane = Self.hash("\(bot).\(number)", seed: 0xCBF2_9CE4_8422_2325)
        scores = workers.map { Self.hash($0, seed: lane) }
    }

    /// The worker that ranks first among those that fulfil the condition.
    func first(where isMeant: (Int) -> Bool) -> Int? {
        scores.indices.filter(isMeant).max { (scores[$0], $0) < (scores[$1], $1) }
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
