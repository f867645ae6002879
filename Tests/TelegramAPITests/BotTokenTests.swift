import TelegramAPI
import Testing

@Suite struct BotTokenTests {
    @Test func itNeverShowsItself() throws {
        let token = try #require(BotToken("123456:AAsecret-part_of1the2token"))
        #expect(token.userID == 123456)
        var dumped = ""
        dump(token, to: &dumped)
        for text in ["\(token)", String(reflecting: token), dumped, "\([token])"] {
            #expect(!text.contains("secret"))
            #expect(text.contains("•••") || text == dumped)
        }
    }

    @Test(arguments: ["", ":", "12:", ":abc", "a12:bcd", "12:bc d", "12:bc/../x", "12", "12:b?c"])
    func whatIsNoTokenIsRefused(_ text: String) {
        #expect(BotToken(text) == nil)
    }

    @Test func whiteSpaceAroundItIsDropped() {
        #expect(BotToken(" 12:abc\n")?.userID == 12)
    }
}
