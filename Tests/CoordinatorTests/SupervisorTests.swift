import Glibc
import Logging
import Testing

@testable import Coordinator

/// Real processes: a shell script stands in for the worker.
@Suite(.timeLimit(.minutes(1))) struct SupervisorTests {
    private let temporary: TemporaryDirectory
    private let other: TemporaryDirectory

    init() throws {
        temporary = try TemporaryDirectory()
        other = try TemporaryDirectory()
    }

    private func supervisor(_ directory: String, deadline: Duration = .seconds(10)) throws -> Supervisor {
        let configuration = Supervisor.Configuration(
            stateDirectory: directory,
            stopDeadline: deadline,
            environment: ["PATH=/usr/bin:/bin", "COLOUR=green"]
        )
        return try Supervisor(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func sleeper(_ name: String) -> ProcessSpec {
        ProcessSpec(name: name, executable: "/bin/sleep", arguments: ["600"])
    }

    @Test func aKilledProcessIsStartedAgain() async throws {
        let supervisor = try supervisor(temporary.path)
        var exits = supervisor.exits.makeAsyncIterator()
        await supervisor.reconcile([sleeper("a-1")])
        let first = try #require(await supervisor.statuses().first?.pid)
        kill(first, SIGKILL)
        #expect(await exits.next() == ProcessExit(name: "a-1", pid: first))
        let status = try #require(await supervisor.statuses().first)
        #expect(status.restarts == 1)
        #expect(status.pid != nil && status.pid != first)
        await supervisor.stopAll()
        #expect(await supervisor.statuses().isEmpty)
        await supervisor.shutdown()
    }

    @Test func whatIsNoLongerWantedIsStopped() async throws {
        let supervisor = try supervisor(temporary.path)
        await supervisor.reconcile([sleeper("a-1"), sleeper("b-1")])
        let pid = try #require(await supervisor.statuses().first { $0.name == "b-1" }?.pid)
        await supervisor.reconcile([sleeper("a-1")])
        await supervisor.stop { $0 == "b-1" }
        #expect(kill(pid, 0) != 0, "reaped, not a zombie")
        #expect(await supervisor.statuses().map(\.name) == ["a-1"])
        await supervisor.stopAll()
        await supervisor.shutdown()
    }

    @Test func oneThatIgnoresTermIsKilled() async throws {
        let directory = temporary.path
        let supervisor = try supervisor(directory, deadline: .milliseconds(200))
        let script = "trap '' TERM; echo ready; while :; do /bin/sleep 600; done"
        await supervisor.reconcile([ProcessSpec(name: "deaf", executable: "/bin/sh", arguments: ["-c", script])])
        try await untilLogHas("ready", "\(directory)/logs/deaf.log")
        await supervisor.stopAll()
        #expect(await supervisor.statuses().isEmpty)
        await supervisor.shutdown()
    }

    @Test func theNextSupervisorAdoptsAndNoticesAnExit() async throws {
        let directory = temporary.path
        let first = try supervisor(directory)
        await first.reconcile([sleeper("a-1"), sleeper("gone-1")])
        let pids = await first.statuses().compactMap(\.pid)
        await first.shutdown()
        // The kernel shows a process's environment a moment after the spawn that waited for its start.
        while ProcessTable.find(stateDirectory: directory).count < 2 { try await Task.sleep(for: .milliseconds(5)) }

        let second = try supervisor(directory)
        var exits = second.exits.makeAsyncIterator()
        #expect(await second.adopt() == ["a-1", "gone-1"])
        #expect(await second.statuses().compactMap(\.pid) == pids)
        // Only one of the two is still wanted.
        await second.reconcile([sleeper("a-1")])
        #expect(await exits.next() == ProcessExit(name: "gone-1", pid: pids[1]))
        kill(pids[0], SIGKILL)
        #expect(await exits.next() == ProcessExit(name: "a-1", pid: pids[0]))
        #expect(await second.statuses().first?.pid != pids[0])
        #expect(await second.statuses().first?.pid != nil)
        await second.stopAll()
        await second.shutdown()
        // The first supervisor's children are this process's: collect what it can no longer collect.
        for pid in pids { waitpid(pid, nil, 0) }
    }

    @Test func twoStateDirectoriesDoNotMeet() async throws {
        let first = try supervisor(temporary.path)
        await first.reconcile([sleeper("a-1")])
        let second = try supervisor(other.path)
        #expect(await second.adopt().isEmpty)
        await first.stopAll()
        await first.shutdown()
        await second.shutdown()
    }

    @Test func theChildGetsTheEnvironmentAndALogAndNothingElse() async throws {
        let directory = temporary.path
        let supervisor = try supervisor(directory)
        let script = "echo $COLOUR; ls /proc/self/fd | wc -l; echo oops >&2; exec /bin/sleep 600"
        await supervisor.reconcile([ProcessSpec(name: "sh", executable: "/bin/sh", arguments: ["-c", script])])
        try await untilLogHas("oops", "\(directory)/logs/sh.log")
        let log = String(decoding: try #require(SmallFile.read("\(directory)/logs/sh.log", limit: 1000)), as: UTF8.self)
        // 0, 1 (a pipe to wc), 2, and the directory that ls reads.
        #expect(log == "green\n4\noops\n")
        await supervisor.stopAll()
        await supervisor.shutdown()
    }

    @Test func aMissingBinaryIsTriedAgainAndCanBeGivenUp() async throws {
        let supervisor = try supervisor(temporary.path)
        await supervisor.reconcile([ProcessSpec(name: "none", executable: "/nonexistent/x", arguments: [])])
        let status = try #require(await supervisor.statuses().first)
        #expect(status.pid == nil && status.isWanted)
        await supervisor.reconcile([])
        #expect(await supervisor.statuses().isEmpty)
        await supervisor.shutdown()
    }

    /// A script's output has no event to wait for; bounded by the suite's time limit.
    private func untilLogHas(_ text: String, _ path: String) async throws {
        while true {
            if let log = SmallFile.read(path, limit: 1 << 20), String(decoding: log, as: UTF8.self).contains(text) {
                return
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
