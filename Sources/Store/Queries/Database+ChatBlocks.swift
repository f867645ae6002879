import FleetModel

// Chats that Telegram will not deliver to, because the user blocked the bot and the like.

extension Database {
    /// Which of these chats are blocked, and why.
    public func chatBlocks(bot: BotID, conversations: [Int64]) async throws(StoreError) -> [Int64: String] {
        if conversations.isEmpty { return [:] }
        let statement = Statement(
            "block.read",
            "SELECT conversation, reason FROM chat_block WHERE bot_id = $1 AND conversation = ANY ($2::bigint[])"
        ) {
            $0.add(bot)
            $0.add(conversations)
        }
        var blocks: [Int64: String] = [:]
        for row in try await query(statement, idempotent: true) {
            if let conversation = row.int64(0) { blocks[conversation] = row.text(1) }
        }
        return blocks
    }
}

extension Settlement {
    func blockStatement(_ bot: BotID) -> Statement {
        Statement(
            "settle.block",
            """
            INSERT INTO chat_block (bot_id, conversation, reason) SELECT $1, * FROM unnest($2::bigint[], $3::text[])
            ON CONFLICT (bot_id, conversation) DO UPDATE SET reason = excluded.reason, at = excluded.at
            """
        ) {
            $0.add(bot)
            $0.add(blockedConversations)
            $0.add(blockReasons)
        }
    }

    func unblockStatement(_ bot: BotID) -> Statement {
        Statement("settle.unblock", "DELETE FROM chat_block WHERE bot_id = $1 AND conversation = ANY ($2::bigint[])") {
            $0.add(bot)
            $0.add(unblockedConversations)
        }
    }
}
