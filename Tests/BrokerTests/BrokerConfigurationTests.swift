import Testing

@testable import Broker

@Suite struct BrokerConfigurationTests {
    @Test func allPartsAreDecoded() throws {
        let url =
            "amqps://us%40er:p%3Aa%2Fss@rabbit.example:5999/my%2Fvhost?heartbeat=7&connection_timeout=1500&cacertfile=%2Fca.pem"
        let configuration = try BrokerConfiguration(url: url, name: "worker")
        #expect(configuration.tls && configuration.host == "rabbit.example" && configuration.port == 5999)
        #expect(configuration.user == "us@er" && configuration.revealPassword() == "p:a/ss")
        #expect(configuration.vhost == "my/vhost" && configuration.name == "worker")
        #expect(configuration.heartbeat == .seconds(7) && configuration.connectTimeout == .milliseconds(1500))
        #expect(configuration.caFile == "/ca.pem")
    }

    @Test(arguments: ["amqp://host", "amqp://host/", "amqp://host:5672/%2F", "amqp://guest:guest@host:/"])
    func defaultsFillIn(url: String) throws {
        let configuration = try BrokerConfiguration(url: url, name: "n")
        #expect(!configuration.tls && configuration.host == "host" && configuration.port == 5672)
        #expect(
            configuration.user == "guest" && configuration.revealPassword() == "guest" && configuration.vhost == "/")
        #expect(try BrokerConfiguration(url: "amqps://host", name: "n").port == 5671)
    }

    @Test func addressesOfIPv6StandInBrackets() throws {
        let configuration = try BrokerConfiguration(url: "amqp://u:p@[::1]:5673/v", name: "n")
        #expect(configuration.host == "::1" && configuration.port == 5673 && configuration.vhost == "v")
        #expect(try BrokerConfiguration(url: "amqp://[fe80::1]", name: "n").host == "fe80::1")
    }

    @Test(arguments: [
        "", "http://hunter2@host", "amqp://", "amqp://u:hunter2@/", "amqp://u:hunter2@host:0",
        "amqp://u:hunter2@host:70000",
        "amqp://u:hunter2@host:x", "amqp://u:hunter2%2@host", "amqp://u:hunter2%zz@host", "amqp://u:hunter2%ff@host",
        "amqp://u:hunter2@host/a/b", "amqp://u:hunter2@[::1", "amqp://u:hunter2@[::1]x", "amqp://u:hunter2%00@host",
        "amqp://u:hunter2@host?verify=verify_none", "amqp://u:hunter2@host?heartbeat=0",
        "amqp://u:hunter2@host?heartbeat=soon",
    ])
    func whatCannotBeUsedIsRefusedWithoutShowingIt(url: String) {
        let error = #expect(throws: BrokerError.self) { try BrokerConfiguration(url: url, name: "n") }
        #expect(error?.code == .invalidURL && error?.disposition == .giveUp)
        #expect(error?.description.contains("hunter2") == false)
        #expect(error?.description.contains("\n") == false)
    }

    @Test func thePasswordIsNeverPrinted() throws {
        let configuration = try BrokerConfiguration(url: "amqp://user:hunter2@host/shop", name: "n")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("hunter2") && text.contains("amqp://user:•••@host:5672/shop"))
        }
    }
}
