import Glibc
import Testing

@testable import WorkerRuntime

@Suite struct LocalProcessTests {
    /// A container's first process may collect orphans late or never: what has ended stays in the process table then.
    @Test func aProcessThatEndedAndWasNotCollectedIsDead() throws {
        var pid: pid_t = 0
        let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("60"), nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawn(&pid, "/bin/sleep", nil, nil, arguments, nil) == 0)
        let ticks = LocalProcess.startTicks(of: pid)
        func isKnownDead() -> Bool {
            LocalProcess.isKnownDead(pid: pid, machine: LocalProcess.machine, startTicks: ticks)
        }
        #expect(!isKnownDead())
        kill(pid, SIGKILL)
        var info = siginfo_t()
        // Waits for the end and leaves the process where it is.
        #expect(waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) == 0)
        #expect(isKnownDead())
        #expect(waitpid(pid, nil, 0) == pid)
        #expect(isKnownDead())
    }

    @Test func whatIsNotKnownIsNotDead() {
        #expect(!LocalProcess.isKnownDead(pid: 1 << 30, machine: "another", startTicks: 1))
        #expect(!LocalProcess.isKnownDead(pid: getpid(), machine: LocalProcess.machine, startTicks: nil))
    }

    /// The same process by its own start, another by a different one; no wall clock has a part in it.
    @Test func aPidThatIsUsedAgainIsAnotherProcess() throws {
        let ticks = try #require(LocalProcess.startTicks)
        #expect(!LocalProcess.isKnownDead(pid: getpid(), machine: LocalProcess.machine, startTicks: ticks))
        #expect(LocalProcess.isKnownDead(pid: getpid(), machine: LocalProcess.machine, startTicks: ticks - 1))
    }
}
