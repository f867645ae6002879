import FleetModel
import Testing

@testable import Store

@Suite struct ParametersTests {
    /// The bytes of the parameter `build` adds.
    func encoded(_ build: (inout Parameters) -> Void) -> [UInt8] {
        var parameters = Parameters()
        build(&parameters)
        let start = Int(parameters.offsets[0])
        return Array(parameters.bytes[start..<start + Int(parameters.lengths[0])])
    }

    @Test func numbersAreBigEndian() {
        #expect(encoded { $0.add(Int64(-2)) } == [255, 255, 255, 255, 255, 255, 255, 254])
        #expect(encoded { $0.add(Int32(258)) } == [0, 0, 1, 2])
        #expect(encoded { $0.add(Int16(258)) } == [1, 2])
        #expect(encoded { $0.add(true) } == [1])
    }

    @Test func timesCountMicrosecondsFromTheYear2000() throws {
        let time = try #require(Timestamp("2000-01-01T00:00:01.500Z"))
        #expect(encoded { $0.add(time) } == encoded { $0.add(Int64(1_500_000)) })
        let before = try #require(Timestamp("1999-12-31T23:59:59.000Z"))
        #expect(encoded { $0.add(before) } == encoded { $0.add(Int64(-1_000_000)) })
    }

    @Test func nullHasNoPlaceAndAnEmptyValueHas() {
        var parameters = Parameters()
        parameters.add(nil as String?)
        parameters.add("")
        parameters.add([UInt8]())
        #expect(parameters.offsets == [-1, 1, 1])
        #expect(parameters.lengths == [0, 0, 0])
        #expect(parameters.types == [25, 25, 17])
        #expect(!parameters.bytes.isEmpty)
    }

    @Test func anEmptyArrayHasNoDimensions() {
        #expect(encoded { $0.add([Int64]()) } == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20])
    }

    @Test func anArrayOfNumbers() {
        let head: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 1]
        #expect(encoded { $0.add([Int16(1), -1]) } == head + [0, 0, 0, 2, 0, 1, 0, 0, 0, 2, 255, 255])
    }

    @Test func anArrayWithNullsSaysSo() {
        let head: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 1]
        let elements: [UInt8] = [255, 255, 255, 255, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9]
        #expect(encoded { $0.add([nil, Int64(9)]) } == head + elements)
    }

    @Test func anArrayOfTextsCarriesTheLengthsInBytes() {
        let head: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 3, 0, 0, 0, 1]
        let elements: [UInt8] = [0, 0, 0, 2, 0xC3, 0xA4, 0, 0, 0, 0, 0, 0, 0, 1, 97]
        #expect(encoded { $0.add(["ä", "", "a"]) } == head + elements)
    }

    @Test func nulInTextBecomesTheReplacementCharacter() {
        #expect(encoded { $0.add("a\0b") } == Array("a\u{FFFD}b".utf8))
        #expect(encoded { $0.add(["\0"]) }.suffix(7) == [0, 0, 0, 3, 0xEF, 0xBF, 0xBD])
    }

    @Test func bytesKeepTheirNul() {
        #expect(encoded { $0.add([[0, 1] as [UInt8]]) }.suffix(6) == [0, 0, 0, 2, 0, 1])
    }

    @Test func compactingLeavesNullsOut() {
        let states: [[UInt8]?] = [[1], nil, [2]]
        #expect(encoded { $0.add(compacting: states) } == encoded { $0.add([[1], [2]] as [[UInt8]]) })
    }

    @Test func anArrayIsReadBackAndAMalformedOneRefused() {
        let bytes = encoded { $0.add(["one", ""]) }
        bytes.withUnsafeBytes { raw in
            #expect(ArrayReader.elements(of: raw)?.map { Array($0) } == [Array("one".utf8), []])
        }
        for length in 0..<bytes.count {
            bytes.prefix(length).withUnsafeBytes { raw in
                #expect(ArrayReader.isNil(UnsafeRawBufferPointer(rebasing: raw[...])))
            }
        }
    }
}

extension ArrayReader {
    fileprivate static func isNil(_ bytes: UnsafeRawBufferPointer) -> Bool { elements(of: bytes) == nil }
}
