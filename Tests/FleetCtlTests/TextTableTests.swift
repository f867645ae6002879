import Testing

@testable import FleetCtlKit

@Suite struct TextTableTests {
    @Test func columnsAreAlignedAndLinesHaveNoTrailingSpace() {
        var table = TextTable([.init("NAME"), .init("N", .right), .init("NOTE")])
        table.add(["a", "10", ""])
        table.add(["longer", "7", "x"])
        #expect(table.rendered() == "NAME     N  NOTE\na       10\nlonger   7  x\n")
    }

    @Test func noLineIsWiderThanTheTerminal() {
        var table = TextTable([.init("A"), .init("B"), .init("C", .right)])
        table.add([String(repeating: "a", count: 70), String(repeating: "b", count: 50), "1234567"])
        let lines = table.rendered(width: 80).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(lines.last?.hasSuffix("1234567") == true)
        #expect(lines.last?.contains("…") == true)
    }

    @Test func controlCharactersOfACellDoNotReachTheTerminal() {
        var table = TextTable([.init("A")])
        table.add(["a\u{1b}[31m\nb"])
        #expect(table.rendered() == "A\na [31m b\n")
    }
}
