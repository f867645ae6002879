import FleetModel

/// A control message as stored, with whom it was meant for.
public struct CommandRow: Sendable, Equatable {
    public let message: ControlMessage
    public let actor: String
    public let expected: [Incarnation]
}

extension Database {
    /// Stores a message before it is published, so that it survives the coordinator.
    /// - Throws: `.conflict` when its id was used before.
    public func recordCommand(
        _ message: ControlMessage,
        actor: String,
        expected: [Incarnation]
    ) async throws(StoreError) {
        let action = try JSON.text(message.action)
        let statement = Statement(
            "command.add",
            "INSERT INTO command (id, action, actor, expected, created_at) VALUES ($1, $2::jsonb, $3, $4, $5)"
        ) {
            $0.add(message.id)
            $0.add(action)
            $0.add(actor)
            $0.add(expected.map(\.rawValue))
            $0.add(message.sentAt)
        }
        do {
            _ = try await query(statement)
        } catch  where error.code == .constraint("command_pkey") {
            throw StoreError(.conflict, "there is a command \(message.id) already")
        }
    }

    /// Stores answers in one statement; the first answer of an incarnation to a message stays. Answers to unknown
    /// messages are left out.
    public func recordReplies(_ replies: [ControlReply]) async throws(StoreError) {
        if replies.isEmpty { return }
        let statement = Statement(
            "command.replies",
            """
            INSERT INTO command_reply (command_id, incarnation, name, outcome, reason, generation)
            SELECT sent.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
                AS sent (command_id, incarnation, name, outcome, reason, generation)
            JOIN command ON command.id = sent.command_id
            ON CONFLICT DO NOTHING
            """
        ) {
            $0.add(replies.map(\.messageID))
            $0.add(replies.map(\.worker.incarnation.rawValue))
            $0.add(replies.map(\.worker.name))
            $0.add(replies.map(\.outcome.name))
            $0.add(replies.map(\.outcome.reason))
            $0.add(replies.map(\.generation))
        }
        _ = try await pipeline([statement], idempotent: true)
    }

    public func command(_ id: String) async throws(StoreError) -> CommandRow? {
        let statement = Statement(
            "command.get",
            "SELECT action::text, actor, expected, created_at FROM command WHERE id = $1"
        ) { $0.add(id) }
        guard let row = try await query(statement, idempotent: true).first, let actor = row.text(1),
            let expected = row.texts(2), let sentAt = row.timestamp(3)
        else { return nil }
        let action = try JSON.value(ControlMessage.Action.self, row.text(0))
        return CommandRow(
            message: ControlMessage(id: id, sentAt: sentAt, action: action),
            actor: actor,
            expected: expected.map { Incarnation(rawValue: $0) }
        )
    }

    /// In the order they came in.
    public func replies(to id: String) async throws(StoreError) -> [ControlReply] {
        let statement = Statement(
            "command.replies_to",
            """
            SELECT name, incarnation, outcome, reason, generation FROM command_reply
            WHERE command_id = $1 ORDER BY at, incarnation
            """
        ) { $0.add(id) }
        return try await query(statement, idempotent: true).compactMap { row in
            guard let name = row.text(0), let incarnation = row.text(1), let outcome = row.text(2),
                let generation = row.int64(4)
            else { return nil }
            return ControlReply(
                messageID: id,
                worker: WorkerIdentity(name: name, incarnation: Incarnation(rawValue: incarnation)),
                outcome: outcome == "applied" ? .applied : .refused(row.text(3) ?? ""),
                generation: generation
            )
        }
    }
}

extension ControlReply.Outcome {
    fileprivate var name: String {
        switch self {
        case .applied: "applied"
        case .refused: "refused"
        }
    }

    fileprivate var reason: String {
        switch self {
        case .applied: ""
        case .refused(let reason): reason
        }
    }
}
