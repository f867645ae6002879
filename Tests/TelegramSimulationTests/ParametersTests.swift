import Testing

@testable import TelegramSimulation

@Suite struct ParametersTests {
    @Test func readsJSON() throws {
        var parameters = Parameters()
        try parameters.add(json: Array(#"{"a":1,"b":"x\u0041","c":null,"d":[1, 2],"e":true,"f":1.5}"#.utf8))
        #expect(parameters.integer("a") == 1)
        #expect(parameters.text("b") == "xA")
        #expect(parameters["c"] == nil)
        #expect(parameters.json("d") == Array("[1, 2]".utf8))
        #expect(parameters.boolean("e") == true)
        #expect(parameters.fraction("f") == 1.5)
    }

    @Test(arguments: ["", "[]", "{", "{\"a\":}", "{}x", "\u{0}"])
    func refusesWhatIsNoObject(body: String) {
        #expect(throws: APIError.self) {
            var parameters = Parameters()
            try parameters.add(json: Array(body.utf8))
        }
    }

    @Test(arguments: [
        ("a=1&b=x+y%20z&c=%D0%B0&d", ["1", "x y z", "а", ""]), ("a=%&b=%zz&c=%4&d==", ["%", "%zz", "%4", "="]),
    ])
    func readsForms(text: String, values: [String]) {
        var parameters = Parameters()
        parameters.add(form: Array(text.utf8))
        #expect(["a", "b", "c", "d"].map { parameters.text($0) } == values)
    }

    @Test func readsMultipart() throws {
        let body =
            "preamble\r\n--x y\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nline\r\n--x\r\n\r\n"
            + "--x y\r\ncontent-disposition: form-data; name=f; filename=\"p.png\"\r\nContent-Type: image/png\r\n\r\n"
            + "\u{0}\u{1}\r\n--x y--\r\n"
        #expect(Parameters.boundary(of: "multipart/form-data; boundary=\"x y\"") == "x y")
        var parameters = Parameters()
        try parameters.add(multipart: Array(body.utf8), boundary: "x y")
        #expect(parameters.text("t") == "line\r\n--x\r\n")
        #expect(parameters["f"] == .file(.init(name: "p.png", contentType: "image/png", size: 2)))
    }

    @Test(arguments: ["", "--B", "--B\r\nno end", "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1"])
    func refusesBrokenMultipart(body: String) {
        #expect(throws: APIError.self) {
            var parameters = Parameters()
            try parameters.add(multipart: Array(body.utf8), boundary: "B")
        }
    }
}
