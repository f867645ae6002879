import FleetModel
public import Hummingbird
public import Logging

/// The routes of ``FleetAPI``. Later kinds of answers (an event stream, the dashboard) get a file of their own beside
/// these.
public enum APIRoutes {
    public static func router(_ fleet: any FleetOperations, logger: Logger) -> Router<APIContext> {
        let router = Router(context: APIContext.self)
        router.add(middleware: ErrorMiddleware(logger: logger))
        router.get("/v1/health") { _, _ in APIJSON.response(await fleet.health()) }
        let routes = router.group("/v1").add(middleware: BearerMiddleware(fleet: fleet))
        general(routes, fleet)
        bots(routes, fleet)
        config(routes, fleet)
        deadLetters(routes, fleet)
        replays(routes, fleet)
        return router
    }

    static func general(_ routes: RouterGroup<APIContext>, _ fleet: any FleetOperations) {
        routes.get("status") { _, _ in APIJSON.response(try await fleet.status()) }
        routes.get("workers") { _, _ in APIJSON.response(try await fleet.workers()) }
        routes.post("shutdown") { request, context in
            let body = try await APIJSON.read(ShutdownRequest.self, from: request)
            return APIJSON.response(try await fleet.shutdown(body, by: context.author))
        }
    }

    static func bots(_ routes: RouterGroup<APIContext>, _ fleet: any FleetOperations) {
        routes.get("bots") { _, _ in APIJSON.response(try await fleet.bots()) }
        routes.post("bots") { request, context in
            let body = try await APIJSON.read(AddBotRequest.self, from: request)
            return APIJSON.response(try await fleet.addBot(body, by: context.author), status: .created)
        }
        routes.get("bots/:id") { _, context in
            APIJSON.response(try await fleet.bot(try context.bot()))
        }
        routes.patch("bots/:id") { request, context in
            let body = try await APIJSON.read(BotChange.self, from: request)
            return APIJSON.response(try await fleet.changeBot(try context.bot(), body, by: context.author))
        }
        routes.delete("bots/:id") { _, context in
            try await fleet.removeBot(try context.bot(), by: context.author)
            return Response(status: .noContent)
        }
        routes.post("bots/:id/start") { _, context in
            APIJSON.response(try await fleet.setDesired(.running, of: try context.bot(), by: context.author))
        }
        routes.post("bots/:id/stop") { _, context in
            APIJSON.response(try await fleet.setDesired(.stopped, of: try context.bot(), by: context.author))
        }
        routes.post("bots/:id/token") { request, context in
            let body = try await APIJSON.read(SetTokenRequest.self, from: request)
            return APIJSON.response(try await fleet.setToken(body, of: try context.bot(), by: context.author))
        }
        routes.post("bots/:id/restart") { _, context in
            APIJSON.response(try await fleet.restartBot(try context.bot(), by: context.author))
        }
    }

    static func config(_ routes: RouterGroup<APIContext>, _ fleet: any FleetOperations) {
        routes.post("config") { request, context in
            let body = try await APIJSON.read(ConfigBroadcastRequest.self, from: request)
            return APIJSON.response(try await fleet.broadcast(body, by: context.author))
        }
        routes.get("config") { request, _ in
            APIJSON.response(try await fleet.config(for: try request.bot()))
        }
        routes.get("config/history") { request, _ in
            APIJSON.response(try await fleet.configHistory(limit: try request.limit()))
        }
    }
}

extension APIContext {
    fileprivate func bot() throws(APIFailure) -> BotID {
        let text = parameters.get("id") ?? ""
        guard let id = BotID(text) else { throw .badBotID }
        return id
    }
}

extension Request {
    /// The query's `bot`, if there is one.
    fileprivate func bot() throws(APIFailure) -> BotID? {
        guard let text = uri.queryParameters.get("bot") else { return nil }
        guard let id = BotID(text) else { throw .badBotID }
        return id
    }

    /// The query's `limit`: 1 to 1000, 100 when there is none.
    func limit() throws(APIFailure) -> Int {
        guard let text = uri.queryParameters.get("limit") else { return 100 }
        guard let limit = Int(text), (1...1000).contains(limit) else { throw .badRequest("limit: expected 1 to 1000") }
        return limit
    }
}

extension APIFailure {
    fileprivate static var badBotID: APIFailure {
        .badRequest("not a bot's id: expected 1 to 63 of a-z 0-9 _ -, the first a letter or a digit")
    }
}
