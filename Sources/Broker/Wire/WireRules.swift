/// What AMQP cannot carry is refused before anything is written.
enum WireRules {
    static func check(short text: String?) throws(BrokerError) {
        guard let text, text.utf8.count > 255 else { return }
        throw BrokerError(
            .misuse,
            "AMQP names hold at most 255 bytes; this one has \(text.utf8.count): \(text.prefix(40))…"
        )
    }

    static func check(_ table: [String: AMQPValue], frameMax: Int) throws(BrokerError) {
        if table.isEmpty { return }
        // The content header's other fields are nine short texts at most.
        guard size(of: table) + 9 * 256 + Frame.overhead <= frameMax else {
            throw BrokerError(
                .misuse,
                "headers and arguments must fit one AMQP frame (\(frameMax) bytes); put it in the body"
            )
        }
        guard keysFit(table) else { throw BrokerError(.misuse, "a key in an AMQP table holds at most 255 bytes") }
    }

    static func check(_ publication: Publication, frameMax: Int) throws(BrokerError) {
        try check(short: publication.exchange)
        try check(short: publication.routingKey)
        try check(short: publication.contentType)
        try check(short: publication.replyTo)
        try check(short: publication.correlationID)
        try check(short: publication.messageID)
        try check(publication.headers, frameMax: frameMax)
    }

    private static func keysFit(_ table: [String: AMQPValue]) -> Bool {
        table.allSatisfy { key, value in
            guard key.utf8.count <= 255 else { return false }
            if case .table(let inner) = value { return keysFit(inner) }
            return true
        }
    }

    private static func size(of table: [String: AMQPValue]) -> Int {
        table.reduce(4) { $0 + 1 + $1.key.utf8.count + size(of: $1.value) }
    }

    private static func size(of value: AMQPValue) -> Int {
        switch value {
        case .null: 1
        case .bool: 2
        case .decimal: 6
        case .int, .double, .timestamp: 9
        case .string(let text): 5 + text.utf8.count
        case .bytes(let raw): 5 + raw.count
        case .array(let values): values.reduce(5) { $0 + size(of: $1) }
        case .table(let table): 1 + size(of: table)
        }
    }
}
