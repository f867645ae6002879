import Glibc
import Testing

@testable import LocalServices

/// Homes are directories that are removed whole: only those made as homes may be.
@Suite struct HomeTests {
    /// A directory of the test's own, removed after it.
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = "/tmp/home-test-\(ServiceSettings.random(bytes: 8))"
        try Directory.make(path, mode: 0o755)
        defer { try? LocalServices.removeTree(path) }
        try body(path)
    }

    private func mode(_ path: String) -> UInt32 {
        var entry = stat()
        return stat(path, &entry) == 0 ? entry.st_mode & 0o7777 : 0
    }

    @Test func aHomeThatWasMadeIsRemovedWhole() throws {
        try withDirectory { path in
            for name in ["new", "empty"] {
                let home = ServiceHome("\(path)/\(name)")
                if name == "empty" { try Directory.make(home.path, mode: 0o755) }
                try home.make()
                try home.make()
                try TextFile.write(home.log("x"), "text")
                #expect(home.isOwn)
                try home.remove()
                #expect(!Directory.exists(home.path))
                try home.remove()
            }
        }
    }

    @Test func aDirectoryThatWasThereBeforeIsLeftAlone() throws {
        try withDirectory { path in
            try TextFile.write("\(path)/thesis.txt", "years of work")
            #expect(chmod(path, 0o700) == 0)
            let home = ServiceHome(path)
            // Also after servers were started in it.
            for _ in 0..<2 {
                #expect(!home.isOwn)
                do throws(ServiceError) {
                    try home.remove()
                    Issue.record("it removed somebody else's directory")
                } catch {
                    #expect(error.code == .foreign)
                    #expect(error.description.contains(path))
                }
                try home.make()
            }
            #expect(TextFile.read("\(path)/thesis.txt") == "years of work")
            #expect(mode(path) == 0o700)
        }
    }

    @Test func onlyDirectoriesMadeHereGetModeAndOwner() throws {
        try withDirectory { path in
            #expect(try Directory.make("\(path)/a/b", mode: 0o700))
            #expect(mode("\(path)/a") == 0o755)
            #expect(mode("\(path)/a/b") == 0o700)
            let again = try Directory.make("\(path)/a/b", mode: 0o777)
            #expect(!again)
            #expect(mode("\(path)/a/b") == 0o700)
            #expect(Directory.entries("\(path)/a") == ["b"])
        }
    }

    @Test func oneDirectoryHasOneName() throws {
        try withDirectory { path in
            try Directory.make("\(path)/real/inner", mode: 0o755)
            #expect(symlink("\(path)/real", "\(path)/link") == 0)
            let name = ServiceHome("\(path)/real").path
            #expect(ServiceHome("\(path)/link").path == name)
            #expect(ServiceHome("\(path)/link/").path == name)
            #expect(ServiceHome("\(path)/link/inner/..").path == name)
            #expect(ServiceHome("\(path)/link/not/there").path == "\(name)/not/there")
            #expect(ServiceHome("\(path)/link").fingerprint == ServiceHome("\(path)/real").fingerprint)
        }
    }

    @Test func settingsThatAreDamagedDoNotKeepServersAndDataAlive() throws {
        try withDirectory { path in
            let home = ServiceHome("\(path)/home")
            try home.make()
            let server = BackgroundProcess(name: "postgres", pidFile: home.pidFile("postgres"))
            try server.start(ProcessRequest("/bin/sleep", ["600"], environment: [:]), log: home.log("postgres"))
            defer { try? server.stop(within: .seconds(1)) }
            try Directory.make("\(home.path)/postgres/data", mode: 0o700)
            try TextFile.write(home.settingsFile, "{\"half\":")
            try LocalServices(home: home).remove()
            #expect(server.pid == nil)
            #expect(!Directory.exists("\(home.path)/postgres"))
            #expect(!Directory.exists(home.settingsFile))
            #expect(try LocalServices(home: home).status().isEmpty)
        }
    }

    @Test func aProcessTellsWhatItWasStartedWith() throws {
        try withDirectory { path in
            let process = BackgroundProcess(name: "sleep", pidFile: "\(path)/pid")
            #expect(process.environmentValue("A") == nil)
            let variables = ["A": "1=2", "AB": "3"]
            try process.start(ProcessRequest("/bin/sleep", ["600"], environment: variables), log: "\(path)/log")
            #expect(process.environmentValue("A") == "1=2")
            #expect(process.environmentValue("B") == nil)
            try process.stop()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func onlyOneHoldsTheHome() async throws {
        let home = ServiceHome("/tmp/home-test-\(ServiceSettings.random(bytes: 8))")
        try home.make()
        defer { try? home.remove() }
        let counter = "\(home.path)/counter"
        try TextFile.write(counter, "0")
        // Each reads, lets others run, and writes: without the lock some would write over others.
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<25 {
                        try? home.locked {
                            let count = TextFile.read(counter).flatMap { Int($0) } ?? 0
                            sched_yield()
                            try TextFile.write(counter, "\(count + 1)")
                        }
                    }
                }
            }
        }
        #expect(TextFile.read(counter) == "200")
    }
}
