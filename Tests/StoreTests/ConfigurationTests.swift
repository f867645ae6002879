import Testing

@testable import Store

@Suite struct ConfigurationTests {
    @Test(arguments: [
        "postgres://fleet:s3cr%40t@db.example:6432/bots", "postgresql://fleet:s3cr%40t@db.example:6432/bots",
        "host=db.example port=6432 user=fleet password='s3cr@t' dbname=bots",
    ])
    func urlsAndWordsAreUnderstoodAndThePasswordIsNotShown(_ text: String) throws {
        let configuration = try StoreConfiguration(url: text)
        #expect(configuration.endpoint == "db.example:6432/bots")
        #expect(configuration.connectionString.value("password") == "s3cr@t")
        var dumped = ""
        dump(configuration, to: &dumped)
        for shown in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!shown.contains("s3cr"))
        }
    }

    @Test(arguments: [
        "", "postgres://u:geheim@[::1/db", "postgres://u:geh%zzeim@h/db", "geheim", "host=a\0b", "bogus=geheim",
    ])
    func anUnusableUrlIsRefusedWithoutQuotingIt(_ text: String) {
        let error = #expect(throws: StoreError.self) { try StoreConfiguration(url: text) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.disposition == .giveUp)
        #expect(error?.description.contains("geh") == false)
    }

    @Test func sessionSettingsGoIntoTheOptions() throws {
        var configuration = try StoreConfiguration(url: "postgres://h/db?options=-c%20work_mem%3D8MB")
        configuration.schema = "odd \"name\""
        configuration.statementTimeout = .seconds(7)
        let options = configuration.connectionString.parameters(for: configuration)["options"]
        #expect(options == #"-c work_mem=8MB -c statement_timeout=7000 -c search_path="odd\ ""name""""#)
    }

    @Test func throughAPoolerNothingIsSetOnTheSession() throws {
        var configuration = try StoreConfiguration(url: "postgres://h/db")
        configuration.throughPooler = true
        #expect(configuration.connectionString.parameters(for: configuration)["options"] == nil)
    }

    @Test func theUrlsOwnWordsComeBeforeTheDefaults() throws {
        let configuration = try StoreConfiguration(url: "postgres://h/db?application_name=mine&sslmode=require")
        let parameters = configuration.connectionString.parameters(for: configuration)
        #expect(parameters["application_name"] == "mine")
        #expect(parameters["sslmode"] == "require")
        #expect(parameters["gssencmode"] == "disable")
    }
}
