import Testing

@testable import Store

@Suite struct PoolStateMachineTests {
    typealias Action = PoolStateMachine.Action
    let start = ContinuousClock.now

    func machine(minimum: Int = 0, maximum: Int = 2, waiters: Int = 3) -> PoolStateMachine {
        PoolStateMachine(
            .init(
                minimum: minimum, maximum: maximum, waiters: waiters, idleTimeout: .seconds(30),
                healthCheckAfter: .seconds(10)))
    }

    func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    /// A pool with one idle connection, number 1.
    func warm(_ limits: PoolStateMachine) -> PoolStateMachine {
        var machine = limits
        _ = machine.acquire(100, deadline: at(5), now: at(0))
        _ = machine.connected(1, now: at(0))
        _ = machine.released(1, reusable: true, now: at(0))
        return machine
    }

    @Test func theFirstCallerConnectsAndTheNextUsesTheIdleConnection() {
        var machine = machine()
        #expect(machine.acquire(1, deadline: at(5), now: at(0)) == .queued([.connect(1)]))
        #expect(machine.connected(1, now: at(0)) == [.grant(1, 1)])
        #expect(machine.released(1, reusable: true, now: at(1)) == [])
        #expect(machine.acquire(2, deadline: at(6), now: at(1)) == .granted(1))
        #expect(machine.connectionCount == 1)
    }

    @Test func itNeverHoldsMoreThanItsMaximum() {
        var machine = machine(maximum: 2)
        #expect(machine.acquire(1, deadline: at(5), now: at(0)) == .queued([.connect(1)]))
        #expect(machine.acquire(2, deadline: at(5), now: at(0)) == .queued([.connect(2)]))
        #expect(machine.acquire(3, deadline: at(5), now: at(0)) == .queued([]))
        #expect(machine.connectionCount == 2)
    }

    @Test func waitersAreServedInTheirOrder() {
        var machine = machine(maximum: 1)
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        _ = machine.acquire(2, deadline: at(5), now: at(0))
        _ = machine.acquire(3, deadline: at(5), now: at(0))
        #expect(machine.connected(1, now: at(1)) == [.grant(1, 1)])
        #expect(machine.released(1, reusable: true, now: at(2)) == [.grant(2, 1)])
        #expect(machine.released(1, reusable: true, now: at(3)) == [.grant(3, 1)])
    }

    @Test func aNewcomerDoesNotOvertakeAWaiter() {
        var machine = machine(maximum: 1)
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        _ = machine.connected(1, now: at(0))
        _ = machine.acquire(2, deadline: at(5), now: at(0))
        #expect(machine.acquire(3, deadline: at(5), now: at(0)) == .queued([]))
        #expect(machine.released(1, reusable: true, now: at(0)) == [.grant(2, 1)])
    }

    @Test func theLineOfWaitersIsBounded() {
        var machine = machine(maximum: 1, waiters: 2)
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        _ = machine.acquire(2, deadline: at(5), now: at(0))
        #expect(machine.acquire(3, deadline: at(5), now: at(0)) == .refused(.tooManyWaiters))
    }

    @Test func aWaiterFailsAtItsDeadlineAndIsForgotten() {
        var machine = machine(maximum: 1)
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        _ = machine.connected(1, now: at(0))
        _ = machine.acquire(2, deadline: at(5), now: at(0))
        #expect(machine.nextDeadline == at(5))
        #expect(machine.tick(now: at(4)) == [])
        #expect(machine.tick(now: at(5)) == [.fail(2, .deadline)])
        #expect(machine.released(1, reusable: true, now: at(6)) == [])
    }

    @Test func aCancelledWaiterGetsNothing() {
        var machine = machine(maximum: 1)
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        let cancelled = machine.cancel(1)
        #expect(cancelled)
        #expect(machine.connected(1, now: at(0)) == [])
        #expect(machine.idleCount == 1)
        let again = machine.cancel(1)
        #expect(!again)
    }

    @Test func aFailedConnectFailsAllWaitersAtOnce() {
        var machine = machine(maximum: 1)
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        _ = machine.acquire(2, deadline: at(5), now: at(0))
        let actions = machine.connectFailed(1, retryAfter: .seconds(2), now: at(1))
        #expect(actions == [.fail(1, .unreachable), .fail(2, .unreachable)])
    }

    @Test func afterAFailureTheNextCallerWaitsForTheBackoff() {
        var machine = machine()
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        _ = machine.connectFailed(1, retryAfter: .seconds(2), now: at(0))
        #expect(machine.acquire(2, deadline: at(6), now: at(1)) == .queued([]))
        #expect(machine.nextDeadline == at(2))
        #expect(machine.tick(now: at(2)) == [.connect(2)])
        #expect(machine.connected(2, now: at(2)) == [.grant(2, 2)])
    }

    @Test func afterAFailureOnlyOneConnectionIsTriedAtATime() {
        var machine = machine(maximum: 3)
        _ = machine.acquire(1, deadline: at(9), now: at(0))
        _ = machine.connectFailed(1, retryAfter: .seconds(1), now: at(0))
        _ = machine.acquire(2, deadline: at(9), now: at(0))
        _ = machine.acquire(3, deadline: at(9), now: at(0))
        #expect(machine.tick(now: at(1)) == [.connect(2)])
        #expect(machine.connected(2, now: at(1)) == [.grant(2, 2), .connect(3)])
    }

    @Test func waitersStayWhileAnotherConnectionMayComeFree() {
        var machine = machine(maximum: 2)
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        _ = machine.connected(1, now: at(0))
        _ = machine.acquire(2, deadline: at(5), now: at(0))
        #expect(machine.connectFailed(2, retryAfter: .seconds(1), now: at(0)) == [])
        #expect(machine.released(1, reusable: true, now: at(0)) == [.grant(2, 1)])
    }

    @Test func anIdleConnectionIsClosedAfterItsTime() {
        var machine = warm(machine())
        #expect(machine.nextDeadline == at(30))
        #expect(machine.tick(now: at(29)) == [])
        #expect(machine.tick(now: at(30)) == [.close(1)])
        #expect(machine.connectionCount == 0)
        #expect(machine.nextDeadline == nil)
    }

    @Test func theMinimumStaysOpenAndIsOpenedAtTheStart() {
        var machine = machine(minimum: 1)
        #expect(machine.start(now: at(0)) == [.connect(1)])
        #expect(machine.connected(1, now: at(0)) == [])
        #expect(machine.tick(now: at(60)) == [])
        #expect(machine.lost(1, now: at(61)) == [.close(1), .connect(2)])
    }

    @Test func theMinimumIsTriedAgainAfterTheBackoff() {
        var machine = machine(minimum: 1)
        _ = machine.start(now: at(0))
        #expect(machine.connectFailed(1, retryAfter: .seconds(2), now: at(0)) == [])
        #expect(machine.nextDeadline == at(2))
        #expect(machine.tick(now: at(2)) == [.connect(2)])
    }

    @Test func aLongIdleConnectionIsCheckedBeforeUse() {
        var machine = warm(machine())
        #expect(machine.acquire(2, deadline: at(20), now: at(15)) == .queued([.check(1)]))
        #expect(machine.checked(1, now: at(15)) == [.grant(2, 1)])
    }

    @Test func aConnectionThatFailsItsCheckIsReplaced() {
        var machine = warm(machine())
        _ = machine.acquire(2, deadline: at(20), now: at(15))
        #expect(machine.lost(1, now: at(15)) == [.close(1), .connect(2)])
        #expect(machine.connected(2, now: at(15)) == [.grant(2, 2)])
    }

    @Test func aLostIdleConnectionIsNotHandedOut() {
        var machine = warm(machine())
        #expect(machine.lost(1, now: at(1)) == [.close(1)])
        #expect(machine.acquire(2, deadline: at(6), now: at(1)) == .queued([.connect(2)]))
    }

    @Test func aConnectionThatCannotBeReusedIsReplacedForTheNextWaiter() {
        var machine = machine(maximum: 1)
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        _ = machine.connected(1, now: at(0))
        _ = machine.acquire(2, deadline: at(5), now: at(0))
        #expect(machine.released(1, reusable: false, now: at(0)) == [.close(1), .connect(2)])
    }

    @Test func theConnectionUsedLastIsUsedFirst() {
        var machine = machine()
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        _ = machine.acquire(2, deadline: at(5), now: at(0))
        _ = machine.connected(1, now: at(0))
        _ = machine.connected(2, now: at(0))
        _ = machine.released(2, reusable: true, now: at(1))
        _ = machine.released(1, reusable: true, now: at(2))
        #expect(machine.acquire(3, deadline: at(8), now: at(3)) == .granted(1))
    }

    @Test func shutdownWaitsForWhatIsOnLoan() {
        var machine = machine(maximum: 1)
        _ = machine.acquire(1, deadline: at(5), now: at(0))
        _ = machine.connected(1, now: at(0))
        _ = machine.acquire(2, deadline: at(5), now: at(0))
        #expect(machine.shutDown() == [.fail(2, .shutDown)])
        #expect(machine.acquire(3, deadline: at(5), now: at(0)) == .refused(.shutDown))
        #expect(machine.released(1, reusable: true, now: at(1)) == [.close(1), .finished])
    }

    @Test func shutdownOfAnIdlePoolIsImmediate() {
        var machine = warm(machine())
        #expect(machine.shutDown() == [.close(1), .finished])
        #expect(machine.shutDown() == [])
        #expect(machine.connected(1, now: at(1)) == [])
    }
}
