import ArgumentParser
import FleetModel
import Foundation

/// Reading what routing needs of an update, beside Foundation's ways.
struct Decode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Nanoseconds to read the routing fields of an update, beside JSONDecoder and JSONSerialization.")

    @OptionGroup var options: BenchOptions
    @Option(help: "Updates read per run with each of them.")
    var updates = 20_000

    func run() async throws {
        var measurement = Measurement("decode: an update of \(Self.update.count) bytes")
        let body = Array(Self.update)
        let decoder = JSONDecoder()
        for _ in 0..<options.runs {
            try time("envelope", &measurement) { try UpdateEnvelope(body: body).id }
            try time("envelope_and_text", &measurement) {
                Int64(try UpdateEnvelope(body: body).text?.utf8.count ?? 0)
            }
            try time("decoder_few_fields", &measurement) {
                try decoder.decode(FewFields.self, from: Self.update).update_id
            }
            try time("decoder_all_fields", &measurement) {
                try decoder.decode(AllFields.self, from: Self.update).update_id
            }
            try time("serialization", &measurement) {
                let object = try JSONSerialization.jsonObject(with: Self.update) as? [String: Any]
                return Int64(object?.count ?? 0)
            }
        }
        measurement.add("bytes", Double(body.count))
        measurement.addRatio("ratio.few_fields", of: "decoder_few_fields.ns", to: "envelope.ns")
        measurement.addRatio("ratio.all_fields", of: "decoder_all_fields.ns", to: "envelope.ns")
        try measurement.report(to: options.output)
    }

    private func time(_ name: String, _ measurement: inout Measurement, _ read: () throws -> Int64) throws {
        var sum: Int64 = 0
        let start = ContinuousClock.now
        for _ in 0..<updates { sum &+= try read() }
        let nanoseconds = (ContinuousClock.now - start) / .nanoseconds(1)
        // The results are used, or the reading could be left out by the compiler.
        guard sum != 0 else { throw BenchError("nothing was read") }
        measurement.add("\(name).ns", nanoseconds / Double(updates))
    }

    private struct FewFields: Decodable {
        struct Message: Decodable {
            struct Chat: Decodable { let id: Int64 }
            let chat: Chat
            let text: String?
        }
        let update_id: Int64
        let message: Message?
    }

    private struct AllFields: Decodable {
        struct Message: Decodable {
            struct User: Decodable {
                let id: Int64
                let is_bot: Bool
                let first_name: String
                let last_name, username, language_code: String?
                let is_premium: Bool?
            }
            struct Chat: Decodable {
                let id: Int64
                let type: String
                let first_name, last_name, username: String?
            }
            struct Entity: Decodable {
                let offset, length: Int
                let type: String
            }
            struct Reply: Decodable {
                let message_id: Int64
                let chat: Chat
                let date: Int64
                let text: String?
            }
            let message_id: Int64
            let from: User
            let chat: Chat
            let date: Int64
            let text: String?
            let entities: [Entity]?
            let reply_to_message: Reply?
        }
        let update_id: Int64
        let message: Message?
    }

    /// A reply in a private chat, as Telegram sends it.
    private static let update = Data(
        """
        {"update_id":728341906,"message":{"message_id":48213,"from":{"id":5839201746,"is_bot":false,\
        "first_name":"Ada","last_name":"Lovelace","username":"ada_lovelace","language_code":"en","is_premium":true},\
        "chat":{"id":5839201746,"first_name":"Ada","last_name":"Lovelace","username":"ada_lovelace",\
        "type":"private"},"date":1732351234,"reply_to_message":{"message_id":48212,"chat":{"id":5839201746,\
        "first_name":"Ada","last_name":"Lovelace","username":"ada_lovelace","type":"private"},"date":1732351200,\
        "text":"Which day suits you?"},"text":"/book Friday at ten, please \\u2013 two seats","entities":[{"offset":0,\
        "length":5,"type":"bot_command"}]}}
        """.utf8)
}
