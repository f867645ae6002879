/// Who says what: decided by the seed, each chat counting its messages from 0.
struct ChaosLoad {
    struct Word: Sendable, Equatable {
        /// Index among the bots.
        var bot: Int
        var chat: Int64
        var text: String
    }

    static let firstChat: Int64 = 1001
    /// Messages that a user sends in one go at most.
    static let burst = 4

    private let bots: Int
    private let chatsPerBot: Int
    private var random: SeededRandom
    private var spoken: [Int64: Int] = [:]
    private(set) var count = 0

    init(bots: Int, chatsPerBot: Int, seed: UInt64) {
        self.bots = bots
        self.chatsPerBot = chatsPerBot
        random = SeededRandom(seed: seed ^ 0x6C6F_6164)
    }

    /// The next `wanted` messages, or a few more: a burst is not cut.
    mutating func next(_ wanted: Int) -> [Word] {
        var words: [Word] = []
        while words.count < wanted {
            let bot = random.pick(0...bots - 1)
            // A chat belongs to one bot.
            let chat = Self.firstChat + Int64(bot * chatsPerBot + random.pick(0...chatsPerBot - 1))
            for _ in 0..<random.pick(1...Self.burst) {
                let number = spoken[chat, default: 0]
                spoken[chat] = number + 1
                words.append(Word(bot: bot, chat: chat, text: text(number)))
            }
        }
        count += words.count
        return words
    }

    private mutating func text(_ number: Int) -> String {
        if random.chance(0.02) { return "m \(number) slow \(random.pick(20...600))" }
        if random.chance(0.01) { return "m \(number) fail" }
        return "m \(number)"
    }

    /// Number of a message `m NUMBER …`; number and count of a reply `r NUMBER COUNT`.
    static func numbers(in text: String) -> (number: Int, count: Int?)? {
        let words = text.split(separator: " ")
        guard words.count >= 2, let number = Int(words[1]) else { return nil }
        if words[0] == "m" { return (number, nil) }
        guard words[0] == "r", words.count == 3, let count = Int(words[2]) else { return nil }
        return (number, count)
    }
}
