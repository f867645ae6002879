import Testing

@testable import Store

@Suite struct ParametersTests {
    @Test func anEmptyArrayHasNoDimensions() {
        var parameters = Parameters()
        parameters.add([Int64]())
        #expect(Array(parameters.bytes.dropFirst()) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20])
    }
}
