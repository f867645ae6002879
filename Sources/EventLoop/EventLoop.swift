import CLinux
import Glibc
import Synchronization

/// A thread of its own that waits on file descriptors and serves as the serial executor of the actors that own
/// blocking C handles.
///
/// An actor that returns the loop from `unownedExecutor` runs on the loop's thread, so a handler registered with
/// ``watch(_:for:_:)`` may enter it with `assumeIsolated`. Crossing into the loop from another thread costs some
/// microseconds: hand over batches, not single messages.
///
/// The thread keeps the loop alive until ``shutdown()``.
public final class EventLoop: SerialExecutor, @unchecked Sendable {
    // @unchecked: `inbox` and `sleeping` are synchronised; everything in `state` is touched on the loop's thread alone,
    // which `assertOnLoop` checks at each entry.

    public let name: String
    private let epoll: Int32
    private let wakeup: Int32
    private let inbox = Mutex<Inbox>(Inbox())
    private let sleeping = Atomic<Bool>(false)
    private let threadID = Atomic<UInt>(0)
    private var state = LoopState()

    private struct Inbox {
        var jobs: [UnownedJob] = []
        var bodies: [@Sendable () -> Void] = []
        var stopping = false
        var isEmpty: Bool { jobs.isEmpty && bodies.isEmpty }
    }

    /// Starts the thread.
    /// - Throws: ``EventLoopError`` when the system has no descriptors or threads left.
    public init(name: String) throws(EventLoopError) {
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw EventLoopError(call: "epoll_create1", code: errno) }
        let wakeup = clinux_eventfd()
        guard wakeup >= 0 else {
            let code = errno
            close(epoll)
            throw EventLoopError(call: "eventfd", code: code)
        }
        _ = clinux_epoll_add(epoll, wakeup, clinux_epoll_in())
        self.name = name
        self.epoll = epoll
        self.wakeup = wakeup

        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self)
        let code = pthread_create(&thread, &attributes, eventLoopThread, retained.toOpaque())
        pthread_attr_destroy(&attributes)
        if code != 0 {
            retained.release()
            throw EventLoopError(call: "pthread_create", code: code)
        }
    }

    deinit {
        close(wakeup)
        close(epoll)
    }

    // MARK: Executor

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        inbox.withLock { $0.jobs.append(job) }
        wakeIfSleeping()
    }

    /// Runs `body` on the loop, among the jobs. Unlike an actor's job, which would wait for ever, it is
    /// refused once ``shutdown()`` was called: false means that it never runs.
    @discardableResult
    public func execute(_ body: @escaping @Sendable () -> Void) -> Bool {
        let accepted = inbox.withLock { inbox in
            if inbox.stopping { return false }
            inbox.bodies.append(body)
            return true
        }
        if accepted { wakeIfSleeping() }
        return accepted
    }

    public var isOnLoop: Bool { threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

    public func checkIsolated() {
        precondition(isOnLoop, "not on event loop \(name)")
    }

    public func isIsolatingCurrentContext() -> Bool? { isOnLoop }

    /// Ends the thread after the jobs already queued. Jobs that arrive later never run, so stop the actors first.
    public func shutdown() {
        inbox.withLock { $0.stopping = true }
        wake()
    }

    // MARK: Descriptors and timers, from the loop's thread only

    public struct Interest: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let read = Interest(rawValue: 1)
        public static let write = Interest(rawValue: 2)
    }

    /// Calls `handler` on the loop whenever `descriptor` is ready; level-triggered. Errors and hang-ups count as both.
    /// Calling it again for the same descriptor replaces interest and handler.
    public func watch(_ descriptor: Int32, for interest: Interest, _ handler: @escaping (Interest) -> Void) {
        checkIsolated()
        var events: UInt32 = 0
        if interest.contains(.read) { events |= clinux_epoll_in() }
        if interest.contains(.write) { events |= clinux_epoll_out() }
        if state.watches.updateValue(handler, forKey: descriptor) == nil {
            _ = clinux_epoll_add(epoll, descriptor, events)
        } else {
            _ = clinux_epoll_modify(epoll, descriptor, events)
        }
    }

    /// Stops watching. Call it before the descriptor is closed.
    public func unwatch(_ descriptor: Int32) {
        checkIsolated()
        if state.watches.removeValue(forKey: descriptor) != nil {
            _ = clinux_epoll_remove(epoll, descriptor)
        }
    }

    public struct Timer: Sendable, Hashable {
        let id: UInt64
    }

    /// Calls `body` once on the loop, `delay` from now at the earliest (resolution: one millisecond).
    @discardableResult
    public func schedule(after delay: Duration, _ body: @escaping () -> Void) -> Timer {
        checkIsolated()
        return state.timers.add(at: ContinuousClock.now + delay, body)
    }

    public func cancel(_ timer: Timer) {
        checkIsolated()
        state.timers.remove(timer)
    }

    // MARK: The thread

    fileprivate func run() {
        threadID.store(UInt(pthread_self()), ordering: .relaxed)
        clinux_block_signals()
        clinux_name_thread(name)
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        var running: [UnownedJob] = []
        var bodies: [@Sendable () -> Void] = []
        while true {
            let stopping = inbox.withLock { inbox in
                swap(&running, &inbox.jobs)
                swap(&bodies, &inbox.bodies)
                return inbox.stopping && running.isEmpty && bodies.isEmpty
            }
            if stopping { return }
            for job in running { job.runSynchronously(on: asUnownedSerialExecutor()) }
            for body in bodies { body() }
            let ranJobs = !running.isEmpty || !bodies.isEmpty
            running.removeAll(keepingCapacity: true)
            bodies.removeAll(keepingCapacity: true)
            let now = ContinuousClock.now
            while let body = state.timers.popDue(now: now) { body() }
            // Jobs may have queued more jobs: look again before sleeping, but let descriptors have their turn.
            dispatch(&events, timeout: ranJobs ? 0 : sleepTime())
        }
    }

    private func sleepTime() -> Int32 {
        guard let next = state.timers.next else { return -1 }
        let left = (next - ContinuousClock.now).components
        if left.seconds < 0 || left.attoseconds < 0 { return 0 }
        if left.seconds > 86_400 { return 86_400_000 }
        return Int32(left.seconds * 1000 + (left.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    private func dispatch(_ events: inout [epoll_event], timeout: Int32) {
        var timeout = timeout
        if timeout != 0 {
            sleeping.store(true, ordering: .sequentiallyConsistent)
            if inbox.withLock({ !$0.isEmpty || $0.stopping }) { timeout = 0 }
        }
        let count = epoll_wait(epoll, &events, Int32(events.count), timeout)
        sleeping.store(false, ordering: .sequentiallyConsistent)
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            let descriptor = withUnsafePointer(to: &events[index]) { clinux_epoll_fd($0) }
            if descriptor == wakeup {
                var value: UInt64 = 0
                _ = read(wakeup, &value, 8)
                continue
            }
            // A handler that ran earlier in this round may have dropped this watch.
            guard let handler = state.watches[descriptor] else { continue }
            let bits = events[index].events
            var ready: Interest = []
            if bits & clinux_epoll_in() != 0 { ready.insert(.read) }
            if bits & clinux_epoll_out() != 0 { ready.insert(.write) }
            if bits & clinux_epoll_failed() != 0 { ready = [.read, .write] }
            handler(ready)
        }
    }

    private func wakeIfSleeping() {
        if sleeping.load(ordering: .sequentiallyConsistent) { wake() }
    }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeup, &one, 8)
    }
}

private struct LoopState {
    var watches: [Int32: (EventLoop.Interest) -> Void] = [:]
    var timers = TimerQueue()
}

private func eventLoopThread(_ raw: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let raw else { return nil }
    Unmanaged<EventLoop>.fromOpaque(raw).takeRetainedValue().run()
    return nil
}

/// A system call the loop cannot do without failed.
public struct EventLoopError: Error, CustomStringConvertible {
    public let call: String
    public let code: Int32
    public var description: String { "cannot start an event loop: \(call): \(String(cString: strerror(code)))" }
}
