import FleetModel
import Testing

@testable import Coordinator

@Suite struct AdmissionTests {
    static let token = "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK"

    private func request(
        behaviour: String = "echo", token: String = Self.token, change: (inout BotSpec) -> Void = { _ in }
    ) -> AddBotRequest {
        var spec = BotSpec(id: FakeFleet.known("shop"), behaviour: behaviour)
        change(&spec)
        return AddBotRequest(spec: spec, token: token)
    }

    @Test func aBotThatMayBeAdded() throws {
        #expect(try BotAdmission.check(request()).reveal() == Self.token)
        #expect(try BotAdmission.check(request(token: " \(Self.token)\n")).reveal() == Self.token)
        #expect(throws: Never.self) {
            try BotAdmission.check(request(behaviour: "menu") { $0.labels = ["env": "p-1.x"] })
        }
    }

    @Test func anUnknownBehaviourIsToldTheValidOnes() {
        #expect(throws: Never.self) {
            try BotAdmission.check(request(behaviour: "counter"), behaviours: ["counter"])
        }
        let failure = #expect(throws: APIFailure.self) { try BotAdmission.check(request(behaviour: "ecko")) }
        #expect(failure?.status == 400)
        #expect(failure?.error.message.contains("echo, menu") == true)
    }

    @Test(arguments: ["", "x", "1:", ":x", "a:b", "1:x:y", "1:x y", "1:ä", "99999999999999999999:x", "-1:x"])
    func aTokenOfAnotherFormIsRefusedAndNotShown(token: String) {
        let failure = #expect(throws: APIFailure.self) { try BotAdmission.check(request(token: token)) }
        #expect(failure?.status == 400)
        #expect(failure?.error.message == "token: expected NUMBER:SECRET as BotFather gives it")
    }

    @Test func otherMistakes() {
        for change: (inout BotSpec) -> Void in [
            { $0.lanes = 0 }, { $0.lanes = 1025 }, { $0.workers = 0 }, { $0.workers = 1025 },
            { $0.labels = ["": "x"] }, { $0.labels = ["a": "b c"] }, { $0.apiURL = "ftp://x" },
        ] {
            #expect(throws: APIFailure.self) { try BotAdmission.check(request(change: change)) }
        }
    }

    @Test func aBotMayHaveManyLanesAndWorkers() {
        #expect(throws: Never.self) {
            try BotAdmission.check(
                request {
                    $0.lanes = 1024
                    $0.workers = 1024
                })
        }
    }

    @Test(arguments: [
        (BotChange(lanes: 1, workers: 1024), nil), (BotChange(lanes: 1024), nil), (BotChange(workers: 2), nil),
        (BotChange(intake: .webhook), nil),
        (BotChange(), "nothing to change; give lanes, workers or intake"),
        (BotChange(lanes: 0), "lanes: expected 1 to 1024, got 0"),
        (BotChange(lanes: 4, workers: 1025), "workers: expected 1 to 1024, got 1025"),
    ]) func aChangeOfABot(change: BotChange, problem: String?) {
        do throws(APIFailure) {
            try BotAdmission.check(change)
            #expect(problem == nil)
        } catch {
            #expect(error.error.message == problem)
        }
    }

    @Test func aChangeOfTheConfig() {
        func problems(set: [String: ConfigValue], unset: [String] = [], timeout: Int = 1000) -> [String]? {
            do throws(APIFailure) {
                try ConfigAdmission.check(
                    ConfigBroadcastRequest(scope: .global, set: set, unset: unset, timeoutMilliseconds: timeout))
                return nil
            } catch {
                return error.error.problems?.map(\.key) ?? [error.error.code]
            }
        }
        #expect(problems(set: ["greeting": .string("x")]) == nil)
        #expect(problems(set: [:], unset: ["greeting"]) == nil)
        #expect(problems(set: [:]) == [])
        #expect(problems(set: ["x": .int(1), "greeting": .int(1)], unset: ["y"]) == ["greeting", "x", "y"])
        #expect(problems(set: ["greeting": .string("x")], unset: ["greeting"]) == ["greeting"])
        #expect(problems(set: ["greeting": .string("x")], timeout: 0) == ["bad_request"])
    }
}

@Suite struct DesiredProcessesTests {
    private func bots() -> [BotSpec] {
        var stopped = BotSpec(id: FakeFleet.known("old"), behaviour: "echo")
        stopped.desired = .stopped
        return [BotSpec(id: FakeFleet.known("shop"), behaviour: "echo"), stopped]
    }

    @Test func oneWorkerARunningBotAndTheGateways() {
        var supervision = CoordinatorConfiguration.Supervision(workerBinary: "/w", gatewayBinary: "/g")
        supervision.gateways = 2
        let specs = DesiredProcesses.specs(for: bots(), supervision)
        #expect(specs.map(\.name) == ["fleet.gateway-1", "fleet.gateway-2", "shop-1"])
        #expect(specs.map(\.executable) == ["/g", "/g", "/w"])
        #expect(specs.last?.arguments == ["--name", "shop-1", "--bot", "shop"])
    }

    @Test func aBotHasAsManyWorkersAsItWants() {
        var shop = bots()[0]
        shop.workers = 3
        let supervision = CoordinatorConfiguration.Supervision(workerBinary: "/w", gatewayBinary: nil)
        let specs = DesiredProcesses.specs(for: [shop], supervision)
        #expect(specs.map(\.name) == ["shop-1", "shop-2", "shop-3"])
        #expect(specs.allSatisfy { $0.arguments == ["--name", $0.name, "--bot", "shop"] })
    }

    @Test func aWorkersNameTellsWhoseItIs() {
        #expect(DesiredProcesses.bot(ofWorker: "shop-2")?.rawValue == "shop")
        #expect(DesiredProcesses.bot(ofWorker: "shop-1-2")?.rawValue == "shop-1")
        for name in ["fleet.gateway-1", "shop", "shop-x", "-1"] { #expect(DesiredProcesses.bot(ofWorker: name) == nil) }
    }

    @Test func workersAreSortedAsPeopleCount() {
        #expect(
            ["b-2", "a-10", "solo", "a-2", "b-1"].sorted(by: WorkerOrder.isBefore) == [
                "a-2", "a-10", "b-1", "b-2", "solo",
            ])
    }

    @Test func noGatewayWithoutItsBinary() {
        let supervision = CoordinatorConfiguration.Supervision(workerBinary: "/w", gatewayBinary: nil)
        #expect(DesiredProcesses.specs(for: bots(), supervision).map(\.name) == ["shop-1"])
    }
}

@Suite struct WorkerViewsTests {
    private func view(_ name: String, pid: Int32, _ health: WorkerView.Health = .live) -> WorkerView {
        WorkerView(
            heartbeat: Heartbeat(
                worker: WorkerIdentity(name: name), bots: [], host: "h", pid: pid, state: .running, startedAt: .now,
                sentAt: .now, generation: 0, generationHash: "", residentBytes: 0, counters: Heartbeat.Counters()),
            health: health, restarts: nil)
    }

    @Test func theSupervisorsKnowledgeIsAdded() {
        let views = Fleet.merge(
            [view("b-1", pid: 2), view("z-1", pid: 9)],
            [
                ProcessStatus(name: "a-1", pid: 1, isWanted: true, restarts: 0),
                ProcessStatus(name: "b-1", pid: 2, isWanted: true, restarts: 3),
                ProcessStatus(name: "c-1", pid: nil, isWanted: true, restarts: 4),
            ])
        #expect(views.map(\.heartbeat.worker.name) == ["a-1", "b-1", "z-1"])
        #expect(views.map(\.health) == [.starting, .live, .live])
        #expect(views.map(\.restarts) == [0, 3, nil])
    }

    @Test func theDeadAreReplacedByWhatWasStartedForThem() {
        let dead = view("a-1", pid: 1, .dead)
        let waiting = ProcessStatus(name: "a-1", pid: nil, isWanted: true, restarts: 1)
        #expect(Fleet.merge([dead], [waiting]).map(\.health) == [.dead])
        let started = ProcessStatus(name: "a-1", pid: 2, isWanted: true, restarts: 1)
        #expect(Fleet.merge([dead], [started]).map(\.heartbeat.pid) == [2])
    }
}
