import FleetModel
import Testing

@Suite struct UpdateEnvelopeTests {
    private func read(_ text: String) throws(UpdateError) -> UpdateEnvelope {
        try UpdateEnvelope(body: Array(text.utf8))
    }

    @Test func readsTheRoutingFieldsOfAMessage() throws {
        let update = try read(
            #"""
            {"update_id": 42, "message": {"message_id": 7, "date": 1700000000, "from": {"id": 5, "is_bot": false,
             "first_name": "A"}, "chat": {"id": -100, "type": "supergroup"}, "text": "h\u00e9llo \ud83d\ude00\n",
             "reply_to_message": {"message_id": 1, "text": "old", "chat": {"id": 3}}}}
            """#)
        #expect(update.id == 42)
        #expect(update.kind == .message)
        #expect(update.chat == -100)
        #expect(update.isGroup)
        #expect(update.user == 5)
        #expect(update.message == 7)
        #expect(update.text == "héllo 😀\n")
        #expect(update.conversation == -100)
    }

    @Test func readsACallbackQuery() throws {
        let update = try read(
            #"{"update_id":1,"callback_query":{"id":"q9","from":{"id":8},"data":"go:home","message":{"message_id":3,"chat":{"id":11,"type":"private"},"text":"menu"}}}"#
        )
        #expect(update.kind == .callbackQuery)
        #expect(update.queryID == "q9")
        #expect(update.callbackData == "go:home")
        #expect(update.chat == 11)
        #expect(update.message == 3)
        #expect(update.user == 8)
        #expect(update.text == nil)
    }

    @Test func anUpdateWithoutAChatBelongsToItsUser() throws {
        let update = try read(#"{"update_id":1,"inline_query":{"id":"i","from":{"id":77},"query":"x","offset":""}}"#)
        #expect(update.chat == nil)
        #expect(update.conversation == 77)
    }

    @Test func anUnknownKindIsNoError() throws {
        #expect(try read(#"{"update_id":1,"telepathy":{"from":{"id":2}}}"#).kind == .other)
        #expect(try read(#"{"update_id":1}"#).conversation == 0)
    }

    @Test(arguments: [
        "", "{", "[]", "null", "{\"update_id\":}", "{\"update_id\":1}x", "{\"update_id\":1,}", "{\"update_id\":1.5}",
        "{\"update_id\":\"1\"}", "{\"update_id\":99999999999999999999}", "{\"message\":{}}",
        "{\"update_id\":1,\"a\":[1 2]}",
        "{\"update_id\":1,\"a\":\"\\x\"}", "{\"update_id\":1,\"a\":tru}", "{\"update_id\":1,\"a\":01}", "\u{0}\u{1}",
    ])
    func whatCannotBeReadIsRefused(_ text: String) {
        #expect(throws: UpdateError.self) { try read(text) }
    }

    @Test func deepNestingIsRefusedNotCrashed() {
        let deep = "{\"update_id\":1,\"a\":" + String(repeating: "[", count: 100_000) + "}"
        #expect(throws: UpdateError.self) { try read(deep) }
    }

    @Test func extremesOfIntegers() throws {
        #expect(try read(#"{"update_id":9223372036854775807}"#).id == .max)
        #expect(try read(#"{"update_id":-9223372036854775808}"#).id == .min)
        #expect(throws: UpdateError.self) { try read(#"{"update_id":9223372036854775808}"#) }
    }
}

/// Strings are read eight bytes at a time: whatever ends or breaks one must be seen wherever it stands.
@Suite struct JSONStringTests {
    private func read(_ text: [UInt8]) throws(JSONScanner.Malformed) -> (JSONScanner.RawString, end: Int) {
        try text.withUnsafeBufferPointer { (bytes) throws(JSONScanner.Malformed) in
            var scanner = JSONScanner(bytes)
            return (try scanner.string(), scanner.offset)
        }
    }

    @Test(arguments: 0..<20, [UInt8(ascii: "a"), 0x20, 0x21, 0x23, 0x5B, 0x5D, 0x7F, 0x80, 0xA2, 0xDC, 0xFF])
    func aStringEndsAtItsQuote(_ length: Int, _ filler: UInt8) throws {
        let text = [UInt8(ascii: "\"")] + [UInt8](repeating: filler, count: length) + Array("\",\"more text\"".utf8)
        let (string, end) = try read(text)
        #expect(string.range == 1..<1 + length && !string.hasEscapes && end == length + 2)
        #expect(throws: JSONScanner.Malformed.self) { try read(Array(text.prefix(1 + length))) }
    }

    @Test(arguments: 0..<20)
    func escapesAndControlCharactersAreSeenAnywhere(_ place: Int) throws {
        let filler = [UInt8](repeating: UInt8(ascii: "x"), count: place)
        let escaped = [UInt8(ascii: "\"")] + filler + Array(#"\""#.utf8) + filler + [UInt8(ascii: "\"")]
        let (string, end) = try read(escaped)
        #expect(string.hasEscapes && string.range == 1..<3 + 2 * place && end == escaped.count)
        for control: UInt8 in [0, 9, 10, 0x1F] {
            let broken = [UInt8(ascii: "\"")] + filler + [control] + filler + [UInt8(ascii: "\"")]
            do {
                _ = try read(broken)
                Issue.record("a control character was taken")
            } catch {
                #expect(error.offset == 1 + place)
            }
        }
    }
}

@Suite struct JSONTextTests {
    @Test func whatIsWrittenReadsBack() throws {
        let text = "q\"b\\s/n\nt\tnul\u{0}é😀\u{1f}"
        var body = Array(#"{"update_id":1,"message":{"text":"#.utf8)
        JSONText.append(text, to: &body)
        body += Array("}}".utf8)
        #expect(try UpdateEnvelope(body: body).text == text)
    }

    @Test(arguments: [0, -1, 7, 1_234_567, Int64.max, Int64.min])
    func integers(_ value: Int64) {
        var out: [UInt8] = []
        JSONText.append(value, to: &out)
        #expect(String(decoding: out, as: UTF8.self) == "\(value)")
    }
}
