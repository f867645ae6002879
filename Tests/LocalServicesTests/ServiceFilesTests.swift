import Glibc
import Testing

@testable import LocalServices

@Suite struct ServiceFilesTests {
    /// A directory of its own for a test, removed after it.
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = "/tmp/services-test-\(ServiceSettings.random(bytes: 8))"
        try Directory.make(path, mode: 0o700)
        defer { try? LocalServices.removeTree(path) }
        try body(path)
    }

    private func mode(_ path: String) -> UInt32 {
        var entry = stat()
        return stat(path, &entry) == 0 ? entry.st_mode & 0o777 : 0
    }

    @Test func settingsAreRememberedAndPrivate() throws {
        try withDirectory { path in
            let file = "\(path)/services.json"
            #expect(try ServiceSettings.load(file) == nil)
            let settings = try ServiceSettings(dataRoot: path)
            try settings.save(file)
            #expect(mode(file) == 0o600)
            #expect(try ServiceSettings.load(file) == settings)
        }
    }

    @Test func settingsThatCannotBeReadAreAClearError() throws {
        try withDirectory { path in
            let file = "\(path)/services.json"
            try TextFile.write(file, "{\"half\":")
            do {
                _ = try ServiceSettings.load(file)
                Issue.record("half a file was taken")
            } catch {
                #expect("\(error)".contains(file))
                #expect("\(error)".contains("services remove"))
            }
        }
    }

    @Test func portsDifferAndPasswordsAreLong() throws {
        let settings = try ServiceSettings(dataRoot: "/x")
        let ports = [
            settings.postgres.port, settings.rabbitmq.port, settings.rabbitmq.distributionPort,
            settings.rabbitmq.epmdPort,
        ]
        #expect(Set(ports).count == 4)
        #expect(settings.postgres.password.count == 32)
        #expect(settings.postgres.password != settings.rabbitmq.password)
        var changed = settings
        try changed.chooseNewPorts()
        #expect(changed.postgres.password == settings.postgres.password)
        #expect(changed.rabbitmq.node == settings.rabbitmq.node)
    }

    @Test func aPortSomebodyListensOnIsNotFree() throws {
        let port = try LoopbackPort.free()
        #expect(LoopbackPort.isFree(port))
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        #expect(LoopbackPort.withAddress(port) { bind(descriptor, $0, $1) } == 0)
        #expect(listen(descriptor, 1) == 0)
        #expect(!LoopbackPort.isFree(port))
    }

    @Test func theBrokerListensOnLoopbackAloneWithItsOwnUser() throws {
        let settings = try ServiceSettings(dataRoot: "/home")
        let files = RabbitFiles(settings: settings.rabbitmq, directory: "/home/rabbitmq")
        #expect(files.config.contains("listeners.tcp.1 = 127.0.0.1:\(settings.rabbitmq.port)\n"))
        #expect(files.config.contains("default_pass = \(settings.rabbitmq.password)\n"))
        #expect(files.environment["ERL_EPMD_ADDRESS"] == "127.0.0.1")
        #expect(files.serverEnvironment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]?.contains("{127,0,0,1}") == true)
        // The password is in the config file alone: an environment can be read by the same user's other processes.
        #expect(!files.serverEnvironment.values.contains { $0.contains(settings.rabbitmq.password) })
        let arguments = PostgresServer.arguments(data: "/d", port: 5)
        #expect(arguments.contains("listen_addresses=127.0.0.1"))
        #expect(arguments.contains("unix_socket_directories="))
    }

    @Test func wordsAreQuotedForTheShell() {
        #expect(Shell.quote("postgres://u:p@h:1/d") == "postgres://u:p@h:1/d")
        #expect(Shell.quote("a b") == "'a b'")
        #expect(Shell.quote("it's $x") == "'it'\\''s $x'")
        #expect(Shell.quote("") == "''")
    }

    @Test func existingServersAreNotStarted() {
        let given = ServiceEndpoints(environment: ["FLEET_AMQP_URL": "amqp://a", "FLEET_DATABASE_URL": ""])
        #expect(given.missing == [.postgres])
        let own = ServiceEndpoints(amqpURL: "amqp://own", databaseURL: "postgres://own", rabbitmqctl: "/ctl")
        let all = given.completed(by: own)
        #expect(all.amqpURL == "amqp://a")
        #expect(all.databaseURL == "postgres://own")
        // A rabbitmqctl of another broker would be worse than none.
        #expect(all.rabbitmqctl == nil)
        #expect(own.exports.contains("export FLEET_AMQP_URL=amqp://own\n"))
        #expect(!own.description.contains("own"))
    }

    @Test func pathsAreMadeAbsolute() {
        #expect(Directory.absolute("/a/./b/../c/") == "/a/c")
        #expect(Directory.absolute("x").hasSuffix("/x"))
        #expect(Directory.absolute("/..") == "/")
    }

    @Test func aDirectoryOthersMayNotEnterIsFound() throws {
        try withDirectory { path in
            let user = try #require(ServiceUser(named: "nobody"))
            try Directory.make("\(path)/in/side", mode: 0o755)
            #expect(chmod(path, 0o755) == 0)
            #expect(Directory.barrier(to: "\(path)/in/side", for: user) == nil)
            #expect(chmod("\(path)/in", 0o700) == 0)
            #expect(Directory.barrier(to: "\(path)/in/side", for: user) == "\(path)/in")
        }
    }
}
