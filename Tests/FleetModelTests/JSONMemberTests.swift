import FleetModel
import Testing

@Suite struct JSONMemberTests {
    @Test(
        arguments: [
            (#"{"chat_id":5,"text":"a"}"#, 5), (#"{"text":"\"chat_id\":7","chat_id": -100}"#, -100),
            (#"{"a":{"chat_id":1},"chat_id":"42"}"#, 42), (#"{"chat_id":"@channel"}"#, nil), (#"{"chat_id":1.5}"#, nil),
            (#"{"chat_id":null}"#, nil), (#"{}"#, nil), ("5", nil), ("", nil), (#"{"a":{"chat_id":1}}"#, nil),
        ] as [(String, Int64?)])
    func theIntegerOfAMember(_ text: String, _ value: Int64?) {
        #expect(JSONScanner.integer("chat_id", in: Array(text.utf8))?.value == value)
    }

    @Test(arguments: [
        (#"{"chat_id":5,"text":"a"}"#, #"{"chat_id":-1001,"text":"a"}"#),
        (#"{"text":"chat_id","chat_id" : "5" }"#, #"{"text":"chat_id","chat_id" : -1001 }"#),
    ])
    func onlyTheMemberIsReplaced(_ old: String, _ new: String) {
        let body = JSONScanner.replacing("chat_id", with: -1001, in: Array(old.utf8))
        #expect(body.map { String(decoding: $0, as: UTF8.self) } == new)
    }
}
