import FleetModel
import Synchronization
import TelegramAPI

/// The rate of one bot, shared by its lanes in this process and, where other processes serve the bot too, leased in
/// shares (``RateLease``).
///
/// A lane asks for many messages at once. Of lanes that all have more to send than the rate allows none gets further
/// ahead than a part of what goes out in a second.
final class BotRate: Sendable {
    struct Grant {
        var count = 0
        /// When to ask for what was not granted.
        var retryAt: ContinuousClock.Instant?
    }

    private struct Seat {
        /// Granted since the lane began to want more than it gets; comparable with other lanes' that do.
        var served = 0
        var demand = 0
        var askedAt: ContinuousClock.Instant
        var open = 0
        var isOwner = false

        func isWanting(_ now: ContinuousClock.Instant) -> Bool { demand > 0 && now - askedAt < BotRate.patience }
    }

    private struct State {
        var flood = BotFlood()
        var lease = RateLease()
        var seats: [LaneKey: Seat] = [:]
    }

    /// A lane that has not asked for so long wants nothing any more.
    private static let patience: Duration = .milliseconds(500)
    /// Before a lane that had to let others go first, or that waits for an answer, asks again.
    private static let pause: Duration = .milliseconds(20)

    private let state = Mutex(State())
    private let needsLease: @Sendable () -> Void

    /// - Parameter needsLease: called when ``takeAsk(now:)`` has something new. It must not call back.
    init(needsLease: @escaping @Sendable () -> Void = {}) { self.needsLease = needsLease }

    func configure(_ config: BotConfig) {
        state.withLock { state in
            state.lease.rate = config.number("flood.bot_per_second")
            state.flood.isEnforced = config.bool("flood.limits")
        }
    }

    // MARK: Lanes

    /// How many lanes the bot has, in all processes.
    func setLanes(_ count: Int) { state.withLock { $0.lease.allLanes = count } }

    /// This process owns the lane.
    func join(_ lane: LaneKey, now: ContinuousClock.Instant) {
        state.withLock { state in
            state.seats[lane, default: Seat(askedAt: now)].isOwner = true
            state.lease.ownLanes = state.seats.values.count { $0.isOwner }
        }
    }

    /// It owns it no longer. What is under way is still answered.
    func leave(_ lane: LaneKey, now: ContinuousClock.Instant) {
        state.withLock { state in
            guard var seat = state.seats[lane] else { return }
            seat.isOwner = false
            seat.demand = 0
            state.seats[lane] = seat.open > 0 ? seat : nil
            state.lease.ownLanes = state.seats.values.count { $0.isOwner }
        }
    }

    // MARK: Messages

    /// Asks to begin messages: `wanted` wait, of which no more than `room` could begin now. What is granted and not
    /// begun after all is given back.
    func take(_ lane: LaneKey, wanted: Int, room: Int, isBulk: Bool, now: ContinuousClock.Instant) -> Grant {
        let asked = min(wanted, room)
        let (grant, isLeaseNeeded) = state.withLock { state in
            state.flood.perSecond = state.lease.share(now: now)
            let room = state.flood.room(isBulk: isBulk, now: now)
            if room == .max { return (Grant(count: asked), false) }
            let (turn, others) = Self.turn(of: lane, in: &state, now: now)
            var grant = Grant(count: min(asked, room, turn))
            if grant.count > 0 {
                state.flood.begin(grant.count, isBulk: isBulk, now: now)
                state.seats[lane]?.served += grant.count
                state.seats[lane]?.open += grant.count
            }
            if grant.count < asked {
                let opens = turn == 0 && room > 0 ? nil : state.flood.opens(isBulk: isBulk, now: now)
                grant.retryAt = max(opens ?? now + Self.pause, now + .milliseconds(1))
            }
            state.seats[lane]?.demand = wanted - grant.count
            let demand = others + wanted - grant.count
            return (grant, state.lease.wants(demand, now: now))
        }
        if isLeaseNeeded { needsLease() }
        return grant
    }

    /// How many messages the lane may begin before it is the others' turn, and what those want.
    private static func turn(
        of lane: LaneKey, in state: inout State, now: ContinuousClock.Instant
    ) -> (turn: Int, others: Int) {
        var seat = state.seats[lane] ?? Seat(askedAt: now)
        let others = state.seats.lazy.filter { $0.key != lane && $0.value.isWanting(now) }.map(\.value)
        guard let least = others.map(\.served).min() else {
            seat.askedAt = now
            state.seats[lane] = seat
            return (.max, 0)
        }
        // What it got while nobody else wanted anything does not count against it, nor does what it left.
        if !seat.isWanting(now) { seat.served = least }
        seat.askedAt = now
        state.seats[lane] = seat
        let ahead = max(1, Int(state.flood.perSecond) / (others.count + 1))
        return (max(0, least + ahead - seat.served), others.reduce(0) { $0 + $1.demand })
    }

    func giveBack(_ lane: LaneKey, _ count: Int) {
        if count == 0 { return }
        state.withLock { state in
            guard var seat = state.seats[lane], seat.open > 0 else { return }
            let count = min(count, seat.open)
            seat.open -= count
            seat.served -= count
            state.seats[lane] = seat
            state.flood.takeBack(count)
        }
    }

    /// Nothing of the lane waits for the rate.
    func wantsNothing(_ lane: LaneKey) { state.withLock { $0.seats[lane]?.demand = 0 } }

    /// Until when no call of this kind may begin.
    func blockedUntil(_ kind: CallKind, now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        state.withLock { $0.flood.blockedUntil(kind, now: now) }
    }

    // MARK: Answers

    /// A call ended, however it did.
    func ended(_ lane: LaneKey, _ kind: CallKind, succeeded: Bool, now: ContinuousClock.Instant) {
        state.withLock { state in
            if succeeded { state.flood.succeeded(kind) }
            guard kind.isMessage, var seat = state.seats[lane], seat.open > 0 else { return }
            seat.open -= 1
            state.seats[lane] = seat.open == 0 && !seat.isOwner ? nil : seat
            state.flood.end(now: now)
        }
    }

    /// Telegram answered 429; ``ended(_:_:succeeded:now:)`` is called besides.
    func refused(chat: Int64, _ kind: CallKind, retryAfter: Duration, now: ContinuousClock.Instant) {
        let isWhole = state.withLock { state in
            let isWhole = state.flood.refused(chat: chat, kind, retryAfter: retryAfter, now: now)
            if isWhole { state.lease.isUrgent = true }
            return isWhole
        }
        if isWhole { needsLease() }
    }

    // MARK: The lease

    /// A renewal that is due now.
    func takeAsk(now: ContinuousClock.Instant) -> RateLease.Ask? {
        state.withLock { state in
            guard var ask = state.lease.takeAsk(now: now) else { return nil }
            ask.blocked = state.flood.blockedUntil(.message, now: now).map { $0 - now } ?? .zero
            return ask
        }
    }

    /// When ``takeAsk(now:)`` has something although nothing else happens.
    func nextAsk(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        state.withLock { $0.lease.nextAsk(now: now) }
    }

    func leased(_ shares: [RateLease.Share], own: Incarnation, blocked: Duration, now: ContinuousClock.Instant) {
        state.withLock { state in
            state.lease.answered(shares, own: own, now: now)
            if blocked > .zero { state.flood.block(.message, until: now + blocked) }
        }
    }

    func leaseFailed(now: ContinuousClock.Instant) { state.withLock { $0.lease.failed(now: now) } }
}
