import BotKit
import FleetModel
import Glibc
import WorkerCommand

@main enum Main {
    static func main() async {
        var behaviours = BehaviourRegistry.standard
        behaviours.register(TroubleBehaviour.self)
        await WorkerCommand.main(behaviours)
    }
}

/// Does what the text of a message says, then what the echo behaviour does:
/// - `trap`: ends the process, as a bug in a handler does.
/// - `exit`: ends it in an orderly way.
/// - `fail`: throws.
/// - `fail until <ms since 1970>`: throws before that moment.
/// - `sleep <ms>`: takes that long.
///
/// Further words have no meaning.
struct TroubleBehaviour: Behaviour {
    static let name = "trouble"

    struct Failed: Error, CustomStringConvertible {
        let description = "told to fail"
    }

    init() {}

    func handle(_ update: UpdateEnvelope, _ context: inout Context) async throws {
        let words = (update.text ?? "").split(separator: " ")
        func number(_ index: Int) -> Int64 { index < words.count ? Int64(words[index]) ?? 0 : 0 }
        switch words.first {
        case "trap": trap(words.count)
        case "exit": Glibc.exit(0)
        case "fail" where words.dropFirst().first != "until": throw Failed()
        case "fail" where Timestamp.now.milliseconds < number(2): throw Failed()
        case "sleep": try await Task.sleep(for: .milliseconds(number(1)))
        default: break
        }
        try await EchoBehaviour().handle(update, &context)
    }

    /// An index that is out of range.
    @inline(never) private func trap(_ index: Int) { _ = [Int]()[index] }
}
