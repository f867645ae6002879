import BotKit
import WorkerCommand

/// The worker under test: the project's own command with a behaviour that proves what it did.
@main enum Main {
    static func main() async { await WorkerCommand.main(BehaviourRegistry([LedgerBehaviour.self])) }
}
