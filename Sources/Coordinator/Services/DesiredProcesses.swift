import FleetModel

/// Which processes a fleet's bots need on this machine, and what they are called.
enum DesiredProcesses {
    static func specs(for bots: [BotSpec], _ supervision: CoordinatorConfiguration.Supervision) -> [ProcessSpec] {
        var specs: [ProcessSpec] = []
        if let gateway = supervision.gatewayBinary {
            for number in 1...max(1, supervision.gateways) {
                let name = gatewayName(number)
                specs.append(ProcessSpec(name: name, executable: gateway, arguments: ["--name", name]))
            }
        }
        for bot in bots where bot.desired == .running {
            for name in workerNames(of: bot) {
                specs.append(
                    ProcessSpec(
                        name: name, executable: supervision.workerBinary,
                        arguments: ["--name", name, "--bot", bot.id.rawValue]))
            }
        }
        return specs
    }

    /// `shop-1`, `shop-2`, …: fewer workers are the first of more, so scaling down ends the last.
    static func workerNames(of bot: BotSpec) -> [String] {
        (1...max(1, bot.workers)).map { "\(bot.id)-\($0)" }
    }

    /// Whose worker bears this name; `nil`: no supervised worker's. What follows the last hyphen is its number, so the
    /// workers of `shop` and `shop-1` are told apart.
    static func bot(ofWorker name: String) -> BotID? {
        guard let hyphen = name.lastIndex(of: "-"), Int(name[name.index(after: hyphen)...]) != nil else { return nil }
        return BotID(String(name[..<hyphen]))
    }

    /// A dot keeps it apart from every worker's name: a bot's id has none.
    static func gatewayName(_ number: Int) -> String { "fleet.gateway-\(number)" }
    static func isGateway(_ name: String) -> Bool { name.hasPrefix("fleet.gateway-") }
}

/// Names of workers as people count: `shop-2` before `shop-10`.
enum WorkerOrder {
    static func isBefore(_ left: String, _ right: String) -> Bool {
        let (left, right) = (parts(left), parts(right))
        return (left.stem, left.number, left.name) < (right.stem, right.number, right.name)
    }

    private static func parts(_ name: String) -> (stem: Substring, number: Int, name: String) {
        guard let hyphen = name.lastIndex(of: "-"), let number = Int(name[name.index(after: hyphen)...]) else {
            return (name[...], 0, name)
        }
        return (name[..<hyphen], number, name)
    }
}
