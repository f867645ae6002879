import BotKit
import FleetModel

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a trial process is asked to handle.
struct TrialRequest: Codable {
    let bot: BotID
    let behaviour: String
    let update: Data
    let session: Data?
    let generation: Int64
    let config: [String: ConfigValue]

    init(_ job: HandlerJob, of spec: BotSpec) {
        bot = spec.id
        behaviour = spec.behaviour
        update = Data(job.update.body)
        session = job.session.map { Data($0) }
        generation = job.config.generation
        config = job.config.values
    }
}

/// What came of it.
enum TrialAnswer: Codable {
    case effects(TrialEffects)
    case failed(String)
    case gaveUp(String)

    init(_ result: HandlerResult) {
        self =
            switch result {
            case .effects(let effects): .effects(TrialEffects(effects))
            case .gaveUp(let reason): .gaveUp(reason)
            case .failed(let reason), .crashed(let reason), .postponed(let reason): .failed(reason)
            }
    }

    var result: HandlerResult {
        switch self {
        case .effects(let effects): .effects(effects.value)
        case .failed(let reason): .failed(reason)
        case .gaveUp(let reason): .gaveUp(reason)
        }
    }
}

struct TrialEffects: Codable {
    struct Call: Codable {
        let method: String
        let body: Data
        let isBulk: Bool
    }
    struct Fact: Codable {
        let kind: String
        let data: ConfigValue
    }

    let sessionChanged: Bool
    let session: Data?
    let calls: [Call]
    let facts: [Fact]

    init(_ effects: Effects) {
        sessionChanged = effects.sessionChanged
        session = effects.session.map { Data($0) }
        calls = effects.calls.map { Call(method: $0.method, body: Data($0.body), isBulk: $0.isBulk) }
        facts = effects.events.map { Fact(kind: $0.kind, data: $0.data) }
    }

    var value: Effects {
        Effects(
            sessionChanged: sessionChanged, session: session.map { [UInt8]($0) },
            calls: calls.map { call in
                let plain = OutgoingCall(method: call.method, body: [UInt8](call.body))
                return call.isBulk ? plain.bulk() : plain
            },
            events: facts.map { Event(kind: $0.kind, data: $0.data) })
    }
}

enum TrialCoding {
    static func encode(_ value: some Encodable) throws -> [UInt8] { [UInt8](try JSONEncoder().encode(value)) }

    static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
