import BotKit
import FleetModel

/// A delivery after its body was read.
struct Arrival: Sendable {
    let tag: UInt64
    let redelivered: Bool
    /// The dead letter it replays; its update may take effect although the inbox knows it as dead.
    let replay: Int64?
    /// Since it came in, by wall clocks; `nil` when nobody said.
    let age: Duration?
    let content: Content

    enum Content: Sendable {
        case update(UpdateEnvelope)
        case unreadable(body: [UInt8], reason: String)
        /// The last message of an epoch.
        case seal(epoch: Int64)
        /// The lane is to be claimed, for what is left in the database.
        case wake
    }

    /// A message that is no update.
    init(tag: UInt64, _ content: Content) {
        self.tag = tag
        redelivered = false
        replay = nil
        age = nil
        self.content = content
    }

    init(tag: UInt64, redelivered: Bool, replay: Int64?, age: Duration? = nil, body: [UInt8]) {
        self.tag = tag
        self.redelivered = redelivered
        self.replay = replay
        self.age = age
        do throws(UpdateError) {
            content = .update(try UpdateEnvelope(body: body))
        } catch {
            content = .unreadable(body: body, reason: error.description)
        }
    }
}

/// One run of a handler.
struct HandlerJob: Sendable {
    /// Unique within the lane; a result with a job the lane no longer waits for is dropped.
    let id: UInt64
    let update: UpdateEnvelope
    let session: [UInt8]?
    let config: BotConfig
    /// It runs in a process of its own.
    var isSuspect = false
}

/// How a run of a handler ended.
enum HandlerResult: Sendable {
    case effects(Effects)
    /// Another try may help.
    case failed(String)
    /// No other try would help.
    case gaveUp(String)
    /// It ended the process that ran it and nothing else.
    case crashed(String)
    /// It was not run, for no fault of its own.
    case postponed(String)
}

struct Effects: Sendable {
    var sessionChanged = false
    var session: [UInt8]?
    var calls: [OutgoingCall] = []
    var events: [Event] = []
}

/// What the inbox and the sessions say of updates that wait.
struct Recall: Sendable {
    let id: UInt64
    var updates: [Int64] = []
    var conversations: [Int64] = []
}

/// Numbers for heartbeats and `fleetctl status`.
typealias LaneCounters = Heartbeat.Counters
