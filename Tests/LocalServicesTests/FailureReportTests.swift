import Testing

@testable import LocalServices

@Suite struct FailureReportTests {
    @Test func aFullDiskIsNamed() {
        let error = FailureReport.error(
            "PostgreSQL",
            output: "2026-01-01 FATAL:  could not write: No space left on device",
            log: "/x.log"
        )
        #expect(error.code == .diskFull)
        #expect(error.description.contains("--home"))
    }

    @Test func aTakenPortIsNamed() {
        let postgres = "LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use\nFATAL:  no sockets"
        #expect(FailureReport.error("PostgreSQL", output: postgres, log: "l").code == .portTaken)
        #expect(FailureReport.error("RabbitMQ", output: "{error,eaddrinuse}", log: "l").code == .portTaken)
    }

    @Test func elseTheTellingLineIsShownInOneLine() {
        let output =
            "2026 [1] LOG:  starting\n2026 [1] FATAL:  data directory is bad\n2026 [1] LOG:  database system is shut down\n"
        let error = FailureReport.error("PostgreSQL", output: output, log: "/l")
        #expect(error.description == "PostgreSQL: did not start: FATAL:  data directory is bad; see /l")
        #expect(FailureReport.tellingLine(in: "one\ntwo\n\n") == "two")
        #expect(FailureReport.tellingLine(in: "") == nil)
    }
}
