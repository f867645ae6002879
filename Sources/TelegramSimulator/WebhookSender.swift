import HTTPTransport
import Synchronization
import TelegramSimulation

/// Delivers updates to webhooks. Bot API, "setWebhook".
///
/// There is a task for each delivery under way or waiting to be tried again; a bot has at most `max_connections` of
/// them, so their number is bounded.
final class WebhookSender: Sendable {
    /// Telegram gives a webhook a minute.
    static let deadline = Duration.seconds(60)

    private let transport: HTTPTransport
    private let stopped = Atomic<Bool>(false)

    init() throws(SimulatorError) {
        var configuration = HTTPConfiguration()
        configuration.userAgent = "TelegramBot (simulated)"
        configuration.maximumResponseSize = 1 << 20
        do throws(HTTPError) {
            transport = try HTTPTransport(configuration)
        } catch {
            throw .cannotStart("\(error)")
        }
    }

    /// Starts what the bot has to deliver now. Does not block.
    func work(_ bot: SimulatedBot) { work(bot, now: WallClock.now) }

    private func work(_ bot: SimulatedBot, now: Int64) {
        if stopped.load(ordering: .relaxed) { return }
        for delivery in bot.startDeliveries(now: now) {
            Task { await self.deliver(delivery, of: bot) }
        }
    }

    func shutdown() async {
        stopped.store(true, ordering: .relaxed)
        await transport.shutdown()
    }

    private func deliver(_ delivery: WebhookDelivery, of bot: SimulatedBot) async {
        let failure = await post(delivery, of: bot)
        let ended = WallClock.now
        guard let pause = bot.delivered(delivery, failure: failure, now: ended) else { return work(bot) }
        try? await Task.sleep(for: .microseconds(pause))
        // The wall clock may have been set back meanwhile, and nobody else will look: the time has come.
        work(bot, now: max(WallClock.now, ended + pause))
    }

    /// What went wrong; `nil` for a 2xx.
    private func post(_ delivery: WebhookDelivery, of bot: SimulatedBot) async -> String? {
        var headers = [HTTPField.json]
        if let secret = delivery.secret { headers.append(HTTPField("X-Telegram-Bot-Api-Secret-Token", secret)) }
        let request = HTTPRequest(
            method: .post,
            url: delivery.url,
            headers: headers,
            body: delivery.body,
            deadline: Self.deadline
        )
        do throws(HTTPError) {
            let response = try await transport.send(request)
            guard (200..<300).contains(response.status) else {
                return "Wrong response from the webhook: \(response.status)"
            }
            perform(response, of: bot)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// A webhook may answer with a call. Bot API, "Making requests when getting updates".
    private func perform(_ response: HTTPResponse, of bot: SimulatedBot) {
        guard !response.body.isEmpty,
            let parameters = try? Parameters(
                query: ""[...].utf8,
                contentType: response.headers["content-type"],
                body: response.body
            ),
            let method = parameters.text("method"), method.lowercased() != "getupdates"
        else { return }
        // Its result goes nowhere, as with Telegram, and so a poll is never made.
        _ = bot.call(method, parameters, now: WallClock.now) { Nowhere() }
    }

    private final class Nowhere: PollSink {
        func finish(_ reply: Reply) {}
    }
}
