import FleetModel
import HTTPTypes
import Hummingbird

extension APIRoutes {
    static func deadLetters(_ routes: RouterGroup<APIContext>, _ fleet: any FleetOperations) {
        routes.get("dead-letters") { request, _ in
            APIJSON.response(
                try await fleet.deadLetters(
                    try request.filter(), before: try request.before(), limit: try request.limit()))
        }
        routes.get("dead-letters/count") { request, _ in
            APIJSON.response(try await fleet.countDeadLetters(try request.filter()))
        }
        routes.get("dead-letters/:number") { _, context in
            guard let number = context.parameters.get("number").flatMap({ Int64($0) }), number > 0 else {
                throw APIFailure.badRequest("a dead letter has a number; `fleetctl dlq list` shows them")
            }
            return APIJSON.response(try await fleet.deadLetter(number))
        }
        routes.post("dead-letters/purge") { request, context in
            let body = try await APIJSON.read(PurgeRequest.self, from: request)
            try body.filter.check()
            return APIJSON.response(try await fleet.purgeDeadLetters(body, by: context.author))
        }
        routes.post("dead-letters/collect") { _, context in
            APIJSON.response(try await fleet.collectDeadLetters(by: context.author))
        }
    }

    static func replays(_ routes: RouterGroup<APIContext>, _ fleet: any FleetOperations) {
        routes.get("replays") { _, _ in APIJSON.response(await fleet.replayViews()) }
        routes.post("replays") { request, context in
            let body = try await APIJSON.read(ReplayRequest.self, from: request)
            try body.filter.check()
            return APIJSON.response(try await fleet.startReplay(body, by: context.author), status: .accepted)
        }
        routes.get("replays/:number") { _, context in
            APIJSON.response(try await fleet.replay(try context.replay()))
        }
        routes.delete("replays/:number") { _, context in
            APIJSON.response(try await fleet.stopReplay(try context.replay(), by: context.author))
        }
    }
}

extension APIContext {
    fileprivate func replay() throws(APIFailure) -> Int {
        guard let number = parameters.get("number").flatMap({ Int($0) }) else {
            throw .badRequest("a replay has a number; `fleetctl dlq replays` shows them")
        }
        return number
    }
}

extension Request {
    fileprivate func filter() throws(APIFailure) -> DeadLetterFilter {
        do throws(DeadLetterFilter.Problem) {
            return try DeadLetterFilter(query: { uri.queryParameters.get($0) })
        } catch {
            throw .badRequest(error.description)
        }
    }

    /// The query's `before`: a letter's number.
    fileprivate func before() throws(APIFailure) -> Int64? {
        guard let text = uri.queryParameters.get("before") else { return nil }
        guard let number = Int64(text), number > 0 else { throw .badRequest("before: expected a number above 0") }
        return number
    }
}

extension DeadLetterFilter {
    fileprivate func check() throws(APIFailure) {
        if let problem { throw .badRequest(problem) }
    }
}
