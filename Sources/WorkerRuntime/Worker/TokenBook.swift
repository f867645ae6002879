import FleetModel
import Logging
import Store
import Synchronization
import TelegramAPI

/// The tokens that the worker's bots call Telegram with. They are read again when the worker is told to reread, so a
/// token that an operator has set is taken up without a restart.
final class TokenBook: Sendable {
    private struct Entry {
        var token: Secret
        let read: @Sendable () async throws(StoreError) -> Secret
        let use: @Sendable (BotToken) -> Void
    }

    private let entries = Mutex<[BotID: Entry]>([:])

    /// - Parameters:
    ///   - token: the one in use.
    ///   - read: the one that is stored.
    ///   - use: called with a stored token that differs.
    func watch(
        _ bot: BotID,
        _ token: Secret,
        read: @escaping @Sendable () async throws(StoreError) -> Secret,
        use: @escaping @Sendable (BotToken) -> Void
    ) {
        entries.withLock { $0[bot] = Entry(token: token, read: read, use: use) }
    }

    /// A token that cannot be read leaves the one in use.
    func renew(_ logger: Logger) async {
        for (bot, entry) in entries.withLock({ $0 }) {
            do throws(StoreError) {
                let stored = try await entry.read()
                guard stored != entry.token, let token = BotToken(stored) else { continue }
                entries.withLock { $0[bot]?.token = stored }
                entry.use(token)
                logger.notice("goes on with the bot's new token", metadata: ["bot": "\(bot)"])
            } catch {
                logger.warning("the bot's token is not read again: \(error)", metadata: ["bot": "\(bot)"])
            }
        }
    }
}
