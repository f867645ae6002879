import Glibc
import Testing

@testable import Coordinator

@Suite struct ProcessLogTests {
    private func append(_ text: String, to descriptor: Int32) { #expect(write(descriptor, text, text.utf8.count) > 0) }
    private func content(_ path: String) -> String? {
        SmallFile.read(path, limit: 1 << 20).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func aLogOverItsBoundIsMovedAsideWhileItsProcessWrites() throws {
        let temporary = try TemporaryDirectory()
        let path = "\(temporary.path)/a.log"
        // As a supervised process has it.
        let process = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o640)
        defer { close(process) }
        append("0123456789", to: process)
        try ProcessLog.rotate(path, bound: 10)
        #expect(content(path) == "0123456789", "not over the bound")
        append("abc", to: process)
        try ProcessLog.rotate(path, bound: 10)
        #expect(content(path) == "")
        #expect(content("\(path).1") == "3456789abc")
        append("next", to: process)
        #expect(content(path) == "next")
        append("0123456789", to: process)
        try ProcessLog.rotate(path, bound: 10)
        #expect(content("\(path).1") == "0123456789")
    }

    @Test func aLogThatIsNotThereIsNoError() throws {
        let temporary = try TemporaryDirectory()
        #expect(throws: Never.self) { try ProcessLog.rotate("\(temporary.path)/none.log", bound: 10) }
    }
}
