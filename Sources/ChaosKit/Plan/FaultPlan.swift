/// What goes wrong when: decided by a seed alone.
///
/// Outages come one after another with pauses between; light faults are spread evenly over the whole time, also over
/// outages, from a deck that holds every kind, so that all of them come and none twice as often as meant.
public struct FaultPlan: Sendable, Equatable {
    public struct Item: Sendable, Equatable {
        /// From 1, in the order of time.
        public var number: Int
        /// Milliseconds from the start of the load.
        public var at: Int
        /// Milliseconds; 0 for what is over at once.
        public var length: Int
        public var disturbance: Disturbance
        /// Decides about the victim.
        public var pick: UInt64
    }

    public let seed: UInt64
    /// Milliseconds.
    public let length: Int
    public let items: [Item]

    /// Below this a run has no outage of half a minute.
    static let longRun = 240_000
    /// Milliseconds in which nothing else of its kind happens after an outage.
    static let pause = 2500
    /// Faults a second: 240 in 300 s, some of which find no victim.
    static let rate = 0.8
    /// Nothing begins in the last moments, so that the end is not full of faults that had no time.
    static let tail = 1000

    public init(seed: UInt64, seconds: Int, kinds: Set<FaultKind> = Set(FaultKind.allCases)) {
        self.seed = seed
        length = max(10, seconds) * 1000
        var random = SeededRandom(seed: seed)
        var items = Self.outages(length, kinds, &random)
        let light = kinds.filter { !$0.isOutage }.sorted()
        if !light.isEmpty {
            let wanted = max(light.count, Int((Double(length) / 1000 * Self.rate).rounded(.up)) - items.count)
            items += Self.light(wanted, length, light, &random)
        }
        items.sort { ($0.at, $0.pick) < ($1.at, $1.pick) }
        for index in items.indices { items[index].number = index + 1 }
        self.items = items
    }

    // MARK: Outages

    private static func outages(_ length: Int, _ kinds: Set<FaultKind>, _ random: inout SeededRandom) -> [Item] {
        let allowed = kinds.filter(\.isOutage).sorted()
        guard !allowed.isEmpty else { return [] }
        var chosen: [Item] = []
        var free = length - tail
        func cost(_ item: Item) -> Int { item.length + item.disturbance.kind.overhead + pause }
        func take(_ item: Item) {
            guard cost(item) <= free else { return }
            free -= cost(item)
            chosen.append(item)
        }
        if length >= longRun {
            for server in [Disturbance.Server.broker, .database] {
                let item = Item(number: 0, at: 0, length: 30_000, disturbance: .stop(server), pick: random.next())
                if allowed.contains(item.disturbance.kind) { take(item) }
            }
        }
        // Every kind once, then what fits.
        var deck = random.shuffled(allowed)
        for _ in 0..<200 {
            if deck.isEmpty { deck = random.shuffled(allowed) }
            take(draw(deck.removeLast(), &random))
            if free < pause * 2 { break }
        }
        chosen = random.shuffled(chosen)
        var at = 0
        for index in chosen.indices {
            let share = free / (chosen.count - index)
            let gap = random.pick(0...max(0, share))
            free -= gap
            chosen[index].at = at + gap
            at = chosen[index].at + cost(chosen[index])
        }
        return chosen
    }

    // MARK: Light faults

    private static func light(
        _ count: Int, _ length: Int, _ kinds: [FaultKind], _ random: inout SeededRandom
    ) -> [Item] {
        var deck: [FaultKind] = []
        let whole = kinds.flatMap { Array(repeating: $0, count: $0.weight) }
        var items: [Item] = []
        for index in 0..<count {
            // The first cards are one of each kind: short runs have them all, too.
            if deck.isEmpty { deck = random.shuffled(items.isEmpty ? kinds : whole) }
            var item = draw(deck.removeLast(), &random)
            let slot = (length - tail) / count
            item.at = index * slot + random.pick(0...max(0, slot - 1))
            // What begins late ends soon: the load goes on until the end, and the fleet has to come back under load.
            item.length = min(item.length, max(1000, length - item.at))
            items.append(item)
        }
        return items
    }

    // MARK: One fault

    private static func draw(_ kind: FaultKind, _ random: inout SeededRandom) -> Item {
        var length = 0
        let disturbance: Disturbance
        switch kind {
        case .restartWorker: disturbance = .restart(.worker)
        case .restartGateway: disturbance = .restart(.gateway)
        case .restartCoordinator: disturbance = .restart(.coordinator)
        case .killWorker: disturbance = .kill(.worker)
        case .killGateway: disturbance = .kill(.gateway)
        case .killCoordinator:
            disturbance = .kill(.coordinator)
            // Until it is started again, as a service manager would.
            length = random.pick(300...3000)
        case .stopWorker:
            disturbance = .freeze(.worker)
            // Some beyond the deadline of heartbeats and of requests.
            length = random.chance(0.25) ? random.pick(12_000...20_000) : random.pick(200...5000)
        case .stopGateway:
            disturbance = .freeze(.gateway)
            length = random.chance(0.3) ? random.pick(10_000...16_000) : random.pick(200...4000)
        case .stopCoordinator:
            disturbance = .freeze(.coordinator)
            length = random.pick(500...8000)
        case .clockJump:
            let seconds = random.one(of: [-86_400, -3600, -60, -5, 5, 60, 3600, 86_400])
            disturbance = .clock(random.one(of: Disturbance.Role.allCases), seconds: seconds)
            length = random.pick(3000...9000)
        case .stopBroker, .stopDatabase:
            disturbance = .stop(kind == .stopBroker ? .broker : .database)
            length = random.pick(0...1500)
        case .crashBroker, .crashDatabase:
            disturbance = .crash(kind == .crashBroker ? .broker : .database)
            length = random.pick(0...1500)
        case .memoryAlarm:
            disturbance = .memoryAlarm
            length = random.pick(2000...5000)
        case .diskFull:
            disturbance = .diskFull
            length = random.pick(3000...7000)
        case .changeLanes: disturbance = .change(.lanes(random.pick(1...5)))
        case .switchIntake: disturbance = .change(.intake)
        case .changeConfig: disturbance = .change(.config)
        case .cutBroker, .cutDatabase, .cutWebhooks:
            let share = random.one(of: [0.1, 0.3, 0.6, 1])
            disturbance = .cut(
                kind == .cutBroker ? .broker : kind == .cutDatabase ? .database : .webhooks, share: share)
        case .blackholeBroker, .blackholeDatabase, .blackholeWebhooks:
            disturbance = .blackhole(
                kind == .blackholeBroker ? .broker : kind == .blackholeDatabase ? .database : .webhooks,
                random.one(of: Disturbance.Direction.allCases),
                after: random.pick(0...400), then: random.one(of: Disturbance.Ending.allCases))
            length = random.chance(0.2) ? random.pick(9000...14_000) : random.pick(1000...5000)
        case .slowBroker, .slowDatabase:
            disturbance = .delay(
                kind == .slowBroker ? .broker : .database, milliseconds: random.one(of: [5, 20, 80, 250]))
            length = random.pick(2000...6000)
        case .telegramErrors: disturbance = trouble(of: [.internalError, .badGateway], &length, &random)
        case .telegramFlood: disturbance = trouble(of: [.flood], &length, &random)
        case .telegramTimeouts: disturbance = trouble(of: [.timeout, .silence], &length, &random)
        case .telegramBroken: disturbance = trouble(of: [.reset, .drop, .half], &length, &random)
        }
        return Item(number: 0, at: 0, length: length, disturbance: disturbance, pick: random.next())
    }

    private static func trouble(
        of troubles: [Disturbance.Trouble], _ length: inout Int, _ random: inout SeededRandom
    ) -> Disturbance {
        length = random.pick(1000...5000)
        // Each silent call costs the caller its whole deadline: fewer of those.
        let trouble = random.one(of: troubles)
        let isSilent = trouble == .timeout || trouble == .silence
        return .telegram(trouble, probability: random.one(of: isSilent ? [0.02, 0.1] : [0.1, 0.3, 0.7]))
    }
}
