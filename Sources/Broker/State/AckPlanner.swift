/// Turns what callers settle into acks that the broker takes. A multiple ack must name a delivery that is still out:
/// RabbitMQ answers 406 to one whose tag was acknowledged singly before, even if others below it are out.
struct AckPlanner {
    /// Everything up to here is settled.
    private var floor: UInt64 = 0
    /// Settled singly, above `floor`. The prefetch bounds it.
    private var singles: Set<UInt64> = []

    /// What to send for these; what is settled already is left out.
    mutating func plan(_ tags: AckSet) -> AckSet {
        var planned = AckSet()
        if let upTo = tags.upTo, upTo > floor {
            var last = upTo
            while last > floor, singles.contains(last) { last -= 1 }
            if last > floor { planned.upTo = last }
            floor = upTo
            if !singles.isEmpty { singles = singles.filter { $0 > upTo } }
        }
        for tag in tags.also where settle(tag) { planned.also.append(tag) }
        return planned
    }

    /// False if it was settled before.
    mutating func settle(_ tag: UInt64) -> Bool {
        guard tag > floor, singles.insert(tag).inserted else { return false }
        // Settled one by one in order, they need not be remembered.
        while !singles.isEmpty, singles.remove(floor + 1) != nil { floor += 1 }
        return true
    }
}
