import CRabbitMQ
import EventLoop
import Logging
import Synchronization

/// The connection itself. Everything here runs on the loop's thread, except what says otherwise.
///
/// Other threads leave commands in the inbox; the loop runs all that wait there and then writes once. So a burst of acks,
/// calls and publications from any number of tasks leaves in one `send()`.
final class ConnectionCore: @unchecked Sendable {
    // @unchecked: `inbox` and `shared` are synchronised, `loop`, `configuration` and `logger` constant; everything else is
    // touched by commands, watches and timers of the loop alone, which all run on its one thread.

    typealias Command = @Sendable (ConnectionCore) -> Void

    private struct Inbox {
        var commands: [Command] = []
        var isClosed = false
    }

    /// What ends the wait for the broker's goodbye.
    static let closeTimeout: Duration = .seconds(2)
    /// Publications are encoded only while fewer bytes than this wait to be sent.
    static let outboundLimit = 4 << 20
    /// One turn reads at most this often, so that commands and timers get theirs.
    static let readsPerTurn = 16

    let loop: EventLoop
    let configuration: BrokerConfiguration
    let logger: Logger
    let shared = SharedStatus()
    private let inbox = Mutex(Inbox())

    var phase = ConnectionPhase.connecting
    var handle: RabbitHandle?
    var writer = FrameWriter(frameMax: 4096)
    /// How much of the writer's bytes is sent.
    var written = 0
    /// The socket took no more; a writable event ends this.
    var wantsWrite = false
    var isWatchingWrites = false
    var isFlushing = false
    var isBlocked = false
    var channels: [UInt16: ChannelCore] = [:]
    /// Channels in confirm mode.
    var publishers: [UInt16: PublisherCore] = [:]
    /// Channels with deliveries that their queues do not have yet.
    var staged: [ChannelCore] = []
    var ids = ChannelIDs(max: 0)
    var heartbeat: HeartbeatClock?
    var heartbeatTimer: EventLoop.Timer?
    var closeTimer: EventLoop.Timer?
    var readBuffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var draining: [Command] = []

    private init(_ configuration: BrokerConfiguration, loop: EventLoop, logger: Logger) {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
    }

    deinit { readBuffer.deallocate() }

    // MARK: From any thread

    static func open(_ configuration: BrokerConfiguration, logger: Logger) async throws(BrokerError) -> ConnectionCore {
        let loop: EventLoop
        do {
            loop = try EventLoop(name: "amqp")
        } catch {
            throw BrokerError(.unreachable, "no connection to RabbitMQ: \(error)")
        }
        let core = ConnectionCore(configuration, loop: loop, logger: logger)
        let outcome: Result<Void, BrokerError> = await withCheckedContinuation { continuation in
            core.submit { continuation.resume(returning: $0.connect()) }
        }
        try outcome.get()
        return core
    }

    /// Has the loop run `command`. False, and it never runs, when the connection is over.
    @discardableResult
    func submit(_ command: @escaping Command) -> Bool {
        let isFirst: Bool? = inbox.withLock { inbox in
            if inbox.isClosed { return nil }
            inbox.commands.append(command)
            return inbox.commands.count == 1
        }
        guard let isFirst else { return false }
        if isFirst { loop.execute { self.drain() } }
        return true
    }

    /// Has the loop run `body`, which must sooner or later call what it is given, once.
    func request<Value: Sendable>(
        _ body: @escaping @Sendable (ConnectionCore, @escaping @Sendable (Result<Value, BrokerError>) -> Void) -> Void
    ) async throws(BrokerError) -> Value {
        let outcome: Result<Value, BrokerError> = await withCheckedContinuation { continuation in
            if !submit({ body($0) { continuation.resume(returning: $0) } }) {
                continuation.resume(returning: .failure(shared.failure ?? .closedByUs))
            }
        }
        return try outcome.get()
    }

    func openChannel() async throws(BrokerError) -> ChannelCore {
        try await request { core, done in core.openChannel(done) }
    }

    func close() {
        submit { $0.startClosing() }
    }

    /// Nobody holds the connection any more.
    func abandon() { close() }

    // MARK: On the loop

    private func drain() {
        inbox.withLock { swap(&draining, &$0.commands) }
        for command in draining { command(self) }
        draining.removeAll(keepingCapacity: true)
        flush()
    }

    private func connect() -> Result<Void, BrokerError> {
        do throws(BrokerError) {
            let handle = try RabbitHandle(configuration)
            self.handle = handle
            phase = .open
            writer = FrameWriter(frameMax: handle.frameMax)
            ids = ChannelIDs(max: UInt16(clamping: handle.channelMax))
            readBuffer = .allocate(byteCount: 128 << 10, alignment: 16)
            shared.setServerVersion(handle.serverVersion)
            loop.watch(handle.descriptor, for: .read) { [self] in ready($0) }
            if let interval = handle.heartbeat {
                heartbeat = HeartbeatClock(interval: interval, now: .now)
                scheduleHeartbeat()
            }
            try takeLeftovers(handle)
            return .success(())
        } catch {
            finish(error)
            return .failure(error)
        }
    }

    private func takeLeftovers(_ handle: RabbitHandle) throws(BrokerError) {
        var frame = amqp_frame_t()
        while try handle.leftover(&frame) {
            try received(frame)
            handle.release(frame.channel)
        }
    }

    func ready(_ interest: EventLoop.Interest) {
        // Over TLS either direction may wait for the other, so both get a try.
        readFrames()
        if interest.contains(.write) || handle?.mayHoldBytes == true { wantsWrite = false }
        flush()
    }

    // MARK: The end

    private func startClosing() {
        guard phase == .open else { return }
        phase = .closing
        shared.setClosing()
        writer.close(Method.connectionClose, channel: 0, code: 200, text: "bye")
        closeTimer = loop.schedule(after: Self.closeTimeout) { [self] in finish(nil) }
        flush()
    }

    /// Frees everything and tells everybody. `error` is nil after our own close.
    func finish(_ error: BrokerError?) {
        guard phase != .closed else { return }
        let wasConnecting = phase == .connecting
        // An error while we say goodbye is nobody's concern.
        let error = phase == .closing ? nil : error
        phase = .closed
        if let handle { loop.unwatch(handle.descriptor) }
        if let heartbeatTimer { loop.cancel(heartbeatTimer) }
        if let closeTimer { loop.cancel(closeTimer) }
        shared.end(error)
        let ended = Array(channels.values)
        channels = [:]
        publishers = [:]
        for channel in ended { channel.end(error ?? .closedByUs) }
        handle = nil
        writer.removeAll(keepingCapacity: false)
        shared.freed()
        if let error, !wasConnecting {
            logger.warning("\(error)", metadata: ["broker": "\(configuration.place)"])
        }
        // What came in meanwhile still runs, and finds everything closed; what comes later is refused.
        let late = inbox.withLock { inbox in
            inbox.isClosed = true
            defer { inbox.commands = [] }
            return inbox.commands
        }
        for command in late { command(self) }
        loop.shutdown()
    }
}

/// Where a connection is in its life.
enum ConnectionPhase: Equatable {
    case connecting
    case open
    /// We said goodbye and wait for the answer.
    case closing
    case closed
}
