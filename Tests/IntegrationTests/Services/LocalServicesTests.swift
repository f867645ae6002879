import Glibc
import LocalServices
import Testing

/// Starts real servers of its own, in a home of its own: the tests share them and run one after another.
@Suite(.serialized) struct LocalServicesServerTests {
    /// A home that is stopped and removed after the test, whatever it did.
    private func withHome(_ body: (ServiceHome) throws -> Void) throws {
        let home = ServiceHome("/tmp/fleet-services-\(getpid())-\(UInt32.random(in: 0...UInt32.max))")
        defer {
            try? LocalServices(home: home).remove()
            try? home.remove()
        }
        try body(home)
    }

    @Test(.timeLimit(.minutes(3)))
    func theyStartOnceSurviveRestartsAndStopCleanly() throws {
        try withHome { home in
            let services = LocalServices(home: home)
            let first = try services.start()
            #expect(first.missing.isEmpty)
            let before = try services.status()
            #expect(before.allSatisfy { $0.pid != nil })
            // Already running: nothing changes.
            #expect(try services.start() == first)
            #expect(try services.status() == before)

            try services.stop([.rabbitmq])
            #expect(try services.status().map { $0.pid != nil } == [true, false])
            #expect(try services.start() == first)
            let after = try services.status()
            #expect(after[0].pid == before[0].pid)
            #expect(after[1].pid != before[1].pid)

            // Not as root, whoever started them.
            for status in after {
                var entry = stat()
                #expect(stat("/proc/\(try #require(status.pid))", &entry) == 0)
                #expect(entry.st_uid != 0)
            }
            try services.stop()
            #expect(try services.status().allSatisfy { $0.pid == nil })
            for status in before { #expect(LoopbackPort.isFree(status.port)) }
            try services.stop()
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func aTakenPortIsOneClearLineAndOthersCanBeHad() throws {
        try withHome { home in
            let services = LocalServices(home: home)
            try services.start([.postgres])
            try services.stop()
            let port = try #require(try services.status().first { $0.service == .postgres }).port
            let squatter = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(squatter) }
            // The stopped server's own connections may linger in TIME_WAIT.
            var yes: Int32 = 1
            setsockopt(squatter, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(squatter, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            #expect(bound == 0 && listen(squatter, 1) == 0)
            do throws(ServiceError) {
                try services.start([.postgres])
                Issue.record("it started on a port that is taken")
            } catch {
                #expect(error.code == .portTaken)
                #expect(error.description.contains("\(port)"))
                #expect(error.description.contains("--new-ports"))
                #expect(!error.description.contains("\n"))
            }
            try services.start([.postgres], newPorts: true)
            #expect(try services.status().first?.port != port)
        }
    }

    @Test func missingProgramsAreNamedWithTheirPackage() throws {
        try withHome { home in
            var programs = Programs()
            programs.postgresVersions = "/nowhere"
            programs.rabbitmq = "/nowhere"
            let services = LocalServices(home: home, programs: programs)
            for (service, package) in [(LocalServices.Service.postgres, "postgresql"), (.rabbitmq, "rabbitmq-server")] {
                do throws(ServiceError) {
                    try services.start([service])
                    Issue.record("it started without a program")
                } catch {
                    #expect(error.code == .missingBinary)
                    #expect(error.description.contains("apt-get install \(package)"))
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func aServerThatCannotStartSaysWhy() throws {
        try withHome { home in
            let services = LocalServices(home: home)
            try services.start([.postgres])
            try services.stop()
            // As after a crash of the file system.
            let data = "\(home.path)/postgres/data/global/pg_control"
            #expect(truncate(data, 10) == 0)
            do throws(ServiceError) {
                try services.start([.postgres])
                Issue.record("it started with half a control file")
            } catch {
                #expect(error.code == .didNotStart)
                #expect(error.description.contains("PostgreSQL: did not start"))
                #expect(!error.description.contains("\n"))
            }
        }
    }
}
