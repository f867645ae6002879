import Glibc
import Testing

@testable import LocalServices

@Suite struct ProcessTests {
    private func temporary(_ name: String) -> String { "/tmp/services-test-\(getpid())-\(name)" }

    @Test func statusAndOutputOfAProgramComeBack() throws {
        let request = ProcessRequest(
            "/bin/sh", ["-c", "echo out; echo err >&2; exit 3"], environment: ["PATH": "/bin"])
        let (status, output) = try ProcessSpawner.run(request, within: .seconds(20))
        #expect(status == 3)
        #expect(output == "out\nerr\n")
    }

    @Test func aProgramThatIsNotThereIsNamed() {
        let request = ProcessRequest("/nowhere/program", [], environment: [:])
        #expect(throws: ServiceError.self) { try ProcessSpawner.run(request, within: .seconds(5)) }
    }

    @Test func aProgramThatDoesNotEndIsKilled() {
        let request = ProcessRequest("/bin/sleep", ["600"], environment: [:])
        #expect(throws: ServiceError.self) { try ProcessSpawner.run(request, within: .milliseconds(100)) }
    }

    @Test func aBackgroundProcessIsFoundAgainAndStopped() throws {
        let process = BackgroundProcess(name: "sleep", pidFile: temporary("pid"))
        let again = BackgroundProcess(name: "sleep", pidFile: temporary("pid"))
        #expect(process.pid == nil)
        let pid = try process.start(ProcessRequest("/bin/sleep", ["600"], environment: [:]), log: temporary("log"))
        defer { unlink(temporary("log")) }
        #expect(again.pid == pid)
        #expect(getsid(pid) == pid)
        try again.stop(within: .seconds(20))
        #expect(process.pid == nil)
        #expect(access(temporary("pid"), F_OK) != 0)
        try again.stop()
    }

    @Test func oneThatIgnoresSIGTERMIsKilledWithItsGroup() throws {
        let process = BackgroundProcess(name: "stubborn", pidFile: temporary("stubborn.pid"))
        let ready = temporary("ready")
        let script = "trap '' TERM; echo > \(ready); while :; do /bin/sleep 600; done"
        try process.start(ProcessRequest("/bin/sh", ["-c", script], environment: [:]), log: temporary("stubborn.log"))
        defer { for name in ["ready", "stubborn.log"] { unlink(temporary(name)) } }
        // The trap must be set first; the file says so.
        let deadline = Deadline(after: .seconds(20))
        while access(ready, F_OK) != 0, !deadline.hasPassed { _ = process.ends(within: 10) }
        try process.stop(within: .milliseconds(100))
        #expect(process.pid == nil)
    }

    @Test func aLaterProcessOfTheSameIDIsNotTakenForIt() throws {
        let file = temporary("stale.pid")
        let start = try #require(ProcessWatch.startTime(of: getpid()))
        defer { unlink(file) }
        try TextFile.write(file, "\(getpid()) \(start + 1)\n")
        #expect(BackgroundProcess(name: "x", pidFile: file).pid == nil)
        try TextFile.write(file, "\(getpid()) \(start)\n")
        #expect(BackgroundProcess(name: "x", pidFile: file).pid == getpid())
        for text in ["", "x", "1 2", "77", "-4 5"] { #expect(BackgroundProcess.Entry(text) == nil, "\(text)") }
    }

    @Test func markedProcessesAreFound() throws {
        let mark = "mark-\(getpid())"
        let process = BackgroundProcess(name: "marked", pidFile: temporary("marked.pid"))
        let ready = temporary("marked.ready")
        let script = "echo > \(ready); while :; do /bin/sleep 600; done"
        let variables = ["SERVICES_TEST_MARK": mark]
        let request = ProcessRequest("/bin/sh", ["-c", script], environment: variables)
        let pid = try process.start(request, log: temporary("marked.log"))
        defer { for name in ["marked.ready", "marked.log"] { unlink(temporary(name)) } }
        // Right after exec the kernel shows an empty environment for a moment.
        let deadline = Deadline(after: .seconds(20))
        while access(ready, F_OK) != 0, !deadline.hasPassed { _ = process.ends(within: 10) }
        #expect(MarkedProcesses.find("SERVICES_TEST_MARK", prefix: mark).contains(pid))
        MarkedProcesses.stop("SERVICES_TEST_MARK", prefix: mark, within: .seconds(20))
        #expect(process.pid == nil)
        try process.stop()
    }
}
