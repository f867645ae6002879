import Glibc
import Testing

@testable import LocalServices

@Suite struct FullDiskTests {
    /// A file system of 1 MiB, where this may be mounted; `nil` elsewhere.
    private func withTinyFileSystem(_ body: (String) throws -> Void) throws -> Bool {
        let path = "/tmp/full-test-\(ServiceSettings.random(bytes: 8))"
        try Directory.make(path, mode: 0o755)
        defer { rmdir(path) }
        guard mount("tmpfs", path, "tmpfs", 0, "size=1m") == 0 else { return false }
        defer { umount2(path, Int32(MNT_DETACH)) }
        try body(path)
        return true
    }

    private func expectFull(_ services: LocalServices) {
        do throws(ServiceError) {
            try services.start()
            Issue.record("it started on a full disk")
        } catch {
            #expect(error.code == .diskFull)
            #expect(error.description.contains("MiB"))
            #expect(error.description.contains("--home"))
            #expect(!error.description.contains("\n"))
        }
        #expect((try? services.status().isEmpty) == true)
    }

    @Test func aStartWithoutSpaceIsOneClearLine() throws {
        let home = ServiceHome("/tmp/full-test-\(ServiceSettings.random(bytes: 8))")
        defer { try? home.remove() }
        var services = LocalServices(home: home)
        services.freeBytes = { _ in LocalServices.neededBytes - 1 }
        expectFull(services)
        _ = try withTinyFileSystem { expectFull(LocalServices(home: ServiceHome("\($0)/home"))) }
    }

    @Test func aFullDiskLeavesTheOldFileWhole() throws {
        let mounted = try withTinyFileSystem { path in
            let file = "\(path)/services.json"
            try TextFile.write(file, "old")
            let filler = open("\(path)/filler", O_WRONLY | O_CREAT, 0o600)
            let block = [UInt8](repeating: 1, count: 4096)
            while write(filler, block, block.count) > 0 {}
            #expect(errno == ENOSPC)
            close(filler)
            do throws(ServiceError) {
                try TextFile.write(file, "new")
                Issue.record("it wrote on a full disk")
            } catch {
                #expect(error.code == .diskFull)
            }
            #expect(TextFile.read(file) == "old")
            #expect(Directory.entries(path).sorted() == ["filler", "services.json"])
        }
        if !mounted { #expect(TextFile.failure("/x", ENOSPC).code == .diskFull) }
    }
}
