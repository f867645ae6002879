import FleetModel

/// What a bot does with its updates.
///
/// A behaviour is one value shared by all chats: it holds no state of its own. What it wants to remember of a chat goes
/// into the session, what it wants to say goes into the context; both take effect together, once, after it returned.
/// It may be called again for the same update if the effects could not be committed, so it should not do on its own
/// what must not happen twice.
public protocol Behaviour: Sendable {
    /// The name by which `fleetctl bot add --behaviour` asks for it.
    static var name: String { get }

    init()

    /// Handles one update. Updates of one chat come one after another, those of different chats at the same time.
    /// - Throws: ``GiveUp`` to dead-letter the update at once; any other error is tried again, up to
    ///   `handler.attempts` times.
    func handle(_ update: UpdateEnvelope, _ context: inout Context) async throws
}

/// Thrown by a handler when another try would be of no use.
public struct GiveUp: Error, Sendable, CustomStringConvertible {
    public let reason: String
    public init(_ reason: String) { self.reason = reason }
    public var description: String { reason }
}
