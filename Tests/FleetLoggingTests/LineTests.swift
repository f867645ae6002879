import FleetModel
import Logging
import Testing

@testable import FleetLogging

@Suite struct LineTests {
    private func line(_ format: FleetLogHandler.Format, _ message: String) -> String {
        let bytes = FleetLogHandler.line(
            format,
            time: Timestamp(milliseconds: 0),
            level: .warning,
            label: "p",
            message: message,
            fields: [("bot", "a\"b")]
        )
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func jsonIsOneObjectOnOneLine() {
        #expect(
            line(.json, "two\nlines")
                == #"{"time":"1970-01-01T00:00:00.000Z","level":"warning","process":"p","message":"two\nlines","bot":"a\"b"}"#
        )
    }

    @Test func textStaysOnOneLine() {
        #expect(line(.text, "two\nlines") == "1970-01-01T00:00:00.000Z warning p: two lines bot=a\"b")
    }
}
