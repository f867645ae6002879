import Broker
import FleetControl
import FleetModel
import Logging
import Store
import Synchronization
import Testing

@testable import Coordinator

@Suite(.timeLimit(.minutes(1))) struct LifecycleTests {
    @Test func theLastActIsDoneThoughTheGroupIsCancelled() async throws {
        let acts = Mutex(0)
        let task = Task { try await Stopping { acts.withLock { $0 += 1 } }.run() }
        task.cancel()
        _ = await task.result
        #expect(acts.withLock { $0 } == 1)
    }

    @Test func gatewaysAreListedAsWhatTheyAre() {
        let statuses = ["fleet.gateway-1", "shop-1"].map {
            ProcessStatus(name: $0, pid: 10, isWanted: true, restarts: 0)
        }
        let listed = Fleet.merge([], statuses)
        #expect(listed.map(\.heartbeat.worker.name) == ["fleet.gateway-1", "shop-1"])
        #expect(listed.map(\.health) == [.process, .starting])
    }

    /// Whoever asks first, the API or the loop: nothing is started before earlier processes are taken over.
    @Test func theFirstReadingAdoptsBeforeAnythingElse() async throws {
        let temporary = try TemporaryDirectory()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let settings = Supervisor.Configuration(stateDirectory: temporary.path, environment: ["PATH=/usr/bin:/bin"])
        let first = try Supervisor(settings, logger: logger)
        await first.reconcile([ProcessSpec(name: "a-1", executable: "/bin/sleep", arguments: ["600"])])
        let pid = try #require(await first.statuses().first?.pid)
        await first.shutdown()

        let broker = try BrokerConfiguration(url: "amqp://a:b@127.0.0.1:1/", name: "test")
        let link = BrokerLink(configuration: broker, logger: logger)
        let database = try Database(try StoreConfiguration(url: "postgres://a:b@127.0.0.1:1/x"), logger: logger)
        let broadcaster = Broadcaster(
            incoming: link, publisher: ControlPublisher(link: link), incarnation: Incarnation(), logger: logger)
        let roster = RosterKeeper(broadcaster: broadcaster, database: database, changed: Nudge(), logger: logger)
        let second = try Supervisor(settings, logger: logger)
        let steward = Steward(
            database: database, roster: roster, supervisor: second, supervision: nil, applied: Nudge(), logger: logger)
        #expect(await steward.refresh() == false, "no database answers there")
        #expect(await second.statuses().map(\.pid) == [pid])
        await second.stopAll()
        await second.shutdown()
        await database.shutdown()
    }
}
