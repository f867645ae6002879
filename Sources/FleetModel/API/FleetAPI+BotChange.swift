/// `PATCH /v1/bots/{id}`: what is to be different. What is not named stays as it is; a name that is not known is refused.
public struct BotChange: Sendable, Codable, Equatable {
    public var lanes: Int?
    public var workers: Int?
    public var intake: IntakeMode?

    public init(lanes: Int? = nil, workers: Int? = nil, intake: IntakeMode? = nil) {
        self.lanes = lanes
        self.workers = workers
        self.intake = intake
    }

    public var isEmpty: Bool { self == BotChange() }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case lanes, workers, intake
    }

    public init(from decoder: any Decoder) throws {
        for key in try decoder.container(keyedBy: AnyCodingKey.self).allKeys
        where CodingKeys(rawValue: key.stringValue) == nil {
            let names = CodingKeys.allCases.map(\.rawValue).joined(separator: ", ")
            throw APIError(code: "bad_request", message: "\(key.stringValue): no such field; valid are: \(names)")
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        lanes = try container.decodeIfPresent(Int.self, forKey: .lanes)
        workers = try container.decodeIfPresent(Int.self, forKey: .workers)
        intake = try container.decodeIfPresent(IntakeMode.self, forKey: .intake)
    }
}
