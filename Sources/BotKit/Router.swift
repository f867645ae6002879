import FleetModel

/// Picks a handler by what an update is: the first route that fits, in the order they were added.
public struct Router: Sendable {
    public typealias Handler = @Sendable (UpdateEnvelope, inout Context) async throws -> Void

    private struct Route: Sendable {
        let fits: @Sendable (UpdateEnvelope) -> Bool
        let handler: Handler
    }
    private var routes: [Route] = []

    public init() {}

    /// Messages that begin with `/name`, with or without `@bot` and arguments.
    public mutating func command(_ name: String, _ handler: @escaping Handler) {
        routes.append(Route(fits: { Self.command(in: $0) == name }, handler: handler))
    }

    /// Messages with text that is no command.
    public mutating func text(_ handler: @escaping Handler) {
        routes.append(Route(fits: { $0.kind == .message && $0.text?.hasPrefix("/") == false }, handler: handler))
    }

    /// Pressed buttons whose data begins with `prefix`.
    public mutating func callback(prefix: String = "", _ handler: @escaping Handler) {
        routes.append(
            Route(
                fits: { $0.kind == .callbackQuery && ($0.callbackData ?? "").hasPrefix(prefix) },
                handler: handler
            )
        )
    }

    /// Everything of a kind that no earlier route took.
    public mutating func on(_ kind: UpdateKind, _ handler: @escaping Handler) {
        routes.append(Route(fits: { $0.kind == kind }, handler: handler))
    }

    /// Runs the handler that fits. Returns `false` when none does; the update then settles without work.
    @discardableResult
    public func handle(_ update: UpdateEnvelope, _ context: inout Context) async throws -> Bool {
        guard let route = routes.first(where: { $0.fits(update) }) else { return false }
        try await route.handler(update, &context)
        return true
    }

    static func command(in update: UpdateEnvelope) -> String? {
        guard update.kind == .message, let text = update.text, text.hasPrefix("/") else { return nil }
        return String(text.dropFirst().prefix { $0 != " " && $0 != "@" && $0 != "\n" })
    }
}
