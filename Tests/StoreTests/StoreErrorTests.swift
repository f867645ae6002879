import Testing

@testable import Store

@Suite struct StoreErrorTests {
    @Test(arguments: [
        ("LF001", StoreError.Code.fenced, StoreError.Disposition.giveUp), ("LF002", .duplicateUpdates, .giveUp),
        ("55P03", .lockTimeout, .retry), ("57014", .timeout, .retry), ("53100", .diskFull, .retry),
        ("53300", .tooManyConnections, .reconnect), ("57P01", .unreachable, .reconnect),
        ("08006", .unreachable, .reconnect), ("28P01", .authentication, .giveUp),
        ("40P01", .server("40P01"), .retry), ("25006", .server("25006"), .reconnect),
        ("42601", .server("42601"), .giveUp),
    ])
    func sqlStatesSayWhatToDo(_ state: String, _ code: StoreError.Code, _ disposition: StoreError.Disposition) {
        let error = StoreError(sqlState: state, message: "text")
        #expect(error.code == code)
        #expect(error.disposition == disposition)
    }

    @Test func aDuplicateIsOneOfTheInboxAlone() {
        #expect(StoreError(sqlState: "23505", message: "", constraint: "inbox_pkey").code == .duplicateUpdates)
        #expect(StoreError(sqlState: "23505", message: "", constraint: "bot_pkey").code == .constraint("bot_pkey"))
    }

    @Test func theReasonOfARefusedConnectIsFoundInLibpqsText() {
        let text = """
            connection to server at "127.0.0.1", port 15432 failed: FATAL:  28P01: password authentication failed for user "fleet"
            LOCATION:  auth_failed, auth.c:326

            """
        let error = StoreError.connecting(to: "127.0.0.1:15432/fleet", libpq: text)
        #expect(error.code == .authentication)
        #expect(error.message.contains("password authentication failed"))
        #expect(!error.message.contains("\n"))
    }

    @Test func aServerThatIsNotThereIsUnreachable() {
        let text =
            "connection to server at \"127.0.0.1\", port 1 failed: Connection refused\n\tIs the server running?\n"
        let error = StoreError.connecting(to: "127.0.0.1:1", libpq: text)
        #expect(error.code == .unreachable)
        #expect(error.message.contains("Connection refused"))
        #expect(error.disposition == .reconnect)
    }

    @Test func messagesAreOneShortLine() {
        let error = StoreError(.timeout, "a\nb\u{7}c" + String(repeating: "x", count: 10_000))
        #expect(error.message.hasPrefix("a b c"))
        #expect(error.message.utf8.count < 600)
    }
}
