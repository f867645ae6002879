import Broker
import FleetModel
import Store
import TelegramAPI

/// What the tasks around a lane tell it.
enum LaneEvent: Sendable {
    /// Those of a subscription carry its number: what an earlier one left in the mailbox must not be taken for news of
    /// the present one, whose tags mean other messages.
    case arrived(Int, [Arrival])
    case channelFailed(Int, BrokerError)
    /// The subscription is alive but no longer delivers.
    case stalled(Int)
    /// The lane's owner is there.
    case handOver(Int)
    /// An attempt to subscribe has ended; `nil`: the lane's epoch is over.
    case subscribed(Result<LaneSubscription?, BrokerError>)
    /// The seal was to be noted; `false`: something of the lane still waits in the database.
    case sealed(Result<Bool, StoreError>)
    /// The outbox as it is after a predecessor's time to send is over.
    case reread(Result<[OutboxRow], StoreError>)
    /// The fence was asked whether the lane is still this owner's, as of the given moment.
    case renewed(asOf: ContinuousClock.Instant, Result<Void, StoreError>)
    case claimed(Result<LaneTaken, StoreError>)
    case recalled(Recall, Result<RecallAnswer, StoreError>)
    /// Rows of table `waiting`.
    case waitingRead(WaitingRead, Result<[DueRow], StoreError>)
    case handled(UInt64, HandlerResult)
    case settled(Result<Void, StoreError>)
    /// Marks made outside a settlement: those that failed come back.
    case marked(failed: [Int64])
    case sent([(seq: Int64, answer: SendQueue.Answer)])
    /// Use this config from the next update on, then say so.
    case configure(BotConfig, done: @Sendable () -> Void)
    case drain
}

/// What inbox and sessions say.
struct RecallAnswer: Sendable {
    let inbox: [Int64: InboxOutcome]
    let sessions: [Int64: [UInt8]]
    var waiting: Set<Int64> = []
    var blocked: Set<Int64> = []
}

/// What is known of a lane's owner before: whether it could be sending what the outbox holds, and whether one of its
/// handlers may have killed it.
enum Predecessor: Sendable {
    /// Nobody: the lane is new, or this process held it last.
    case none
    /// It has ended, and said so.
    case stopped
    /// Its process is dead, without a word.
    case dead
    /// Its process lives.
    case alive
    /// It may live, it may be dead.
    case mayLive

    var mayHaveCrashed: Bool { self == .dead || self == .mayLive }
}

/// A claim, and what it found.
struct LaneTaken: Sendable {
    let claim: LaneClaim
    let unsent: [OutboxRow]
    /// What waits in the database.
    let waiting: [WaitingHead]
    let predecessor: Predecessor
    /// Before the claim was sent.
    let startedAt: ContinuousClock.Instant
}
