import Broker
import FleetControl
import FleetModel
import Logging
import Store

extension Gateway {
    func take(_ free: [BotID]) async throws(StoreError) {
        let room = configuration.maximumPollers - book.count
        guard room > 0, !free.isEmpty, !isStopping else { return }
        var bots = free
        if bots.count > room {
            // Filled with other gateways' bots, the room would stay empty for ever.
            let foreign = try await database.foreignPollerLeases(among: bots, holder: identity.description)
            bots.removeAll { foreign.contains($0) }
        }
        let requestedAt = ContinuousClock.now
        let granted = try await database.acquirePollerLeases(
            Array(bots.prefix(room)), holder: identity.description, ttl: configuration.leaseTTL)
        if isStopping { return await giveBack(Array(granted)) }
        for bot in granted { _ = book.granted(bot, requestedAt: requestedAt) }
        counters.count { $0.leasesTaken += granted.count }
        watchExpiry()
    }

    func renew() async {
        let bots = book.bots
        if bots.isEmpty { return }
        let requestedAt = ContinuousClock.now
        do throws(StoreError) {
            let renewed = try await database.renewPollerLeases(
                bots, holder: identity.description, ttl: configuration.leaseTTL, reports: board.snapshot)
            lose(book.renewed(renewed, of: bots, requestedAt: requestedAt), "another gateway has the lease")
            watchExpiry()
        } catch {
            // The leases go on until they end; whoever is not renewed by then stops.
            storeFailed(error)
        }
    }

    /// Wakes up when the first lease ends, unless a renewal moves that.
    private func watchExpiry() {
        expiry?.cancel()
        guard let end = book.nextEnd else { return }
        expiry = Task {
            do { try await Task.sleep(until: end, clock: .continuous) } catch { return }
            self.expire()
        }
    }

    private func expire() {
        lose(book.expire(now: .now), "the lease could not be renewed in time")
        watchExpiry()
    }

    private func lose(_ bots: [BotID], _ reason: String) {
        for bot in bots {
            parked[bot] = nil
            board.clear(bot)
            running[bot]?.task.cancel()
            counters.count { $0.leasesLost += 1 }
            logger.warning("taking in ends: \(reason)", metadata: ["bot": "\(bot)"])
        }
    }

    /// Ends the bots' work gracefully and gives their leases back.
    func leave(_ bots: [BotID], within limit: Duration) async {
        guard !bots.isEmpty else { return }
        await end(bots, within: limit)
        for bot in bots {
            parked[bot] = nil
            book.drop(bot)
            board.clear(bot)
            await publisher.forget(bot)
            logger.info("no longer taking in", metadata: ["bot": "\(bot)"])
        }
        await giveBack(bots)
    }

    /// Waits for the end of the work, but no longer than `limit`: a poller that a silent broker holds up loses its lease,
    /// so it sends no further request, and what it holds is still Telegram's.
    func end(_ bots: [BotID], within limit: Duration) async {
        let tasks = bots.compactMap { running[$0]?.task }
        if tasks.isEmpty { return }
        for task in tasks { task.cancel() }
        // In a task of its own: a cancelled caller waits as well.
        let haveEnded = await Task {
            do throws(BrokerError) {
                try await withDeadline(limit, "pollers") { () async throws(BrokerError) in
                    for task in tasks { await task.value }
                }
                return true
            } catch {
                return false
            }
        }.value
        if haveEnded { return }
        for bot in bots where running[bot] != nil {
            book.drop(bot)
            logger.warning("a poller did not end in time", metadata: ["bot": "\(bot)"])
        }
    }

    private func giveBack(_ bots: [BotID]) async {
        do throws(StoreError) {
            try await database.releasePollerLeases(bots, holder: identity.description)
        } catch {
            logger.warning("leases were not given back and end by themselves: \(error)")
        }
    }
}
