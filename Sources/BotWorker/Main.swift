import BotKit
import WorkerCommand

/// The worker with the behaviours this project ships.
@main enum Main {
    static func main() async { await WorkerCommand.main(.standard) }
}
