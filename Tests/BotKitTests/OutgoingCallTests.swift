import BotKit
import FleetModel
import Testing

@Suite struct OutgoingCallTests {
    @Test func aCallKnowsItsChat() {
        #expect(OutgoingCall.sendMessage(chat: 5, text: "x").chat == 5)
        #expect(OutgoingCall.editMessageText(chat: -7, message: 1, text: "x").chat == -7)
        #expect(OutgoingCall.answerCallbackQuery(id: "1").chat == nil)
        #expect(OutgoingCall(method: "sendPhoto", body: Array(#"{"photo":"x","chat_id":9}"#.utf8)).chat == 9)
        #expect(OutgoingCall(method: "sendPhoto", body: Array(#"{"chat_id":"@news"}"#.utf8)).chat == nil)
    }

    @Test func paymentsComeBeforeRepliesBeforeBulk() {
        let reply = OutgoingCall.sendMessage(chat: 5, text: "x")
        let payment = OutgoingCall(method: "answerPreCheckoutQuery", body: Array(#"{"ok":true}"#.utf8))
        #expect(reply.priority == .reply && reply.bulk().priority == .bulk && payment.priority == .payment)
        #expect(payment.bulk().priority == .payment)
        #expect(reply.bulk().body == reply.body && reply.bulk().chat == 5)
        #expect(SendPriority.payment < .reply && SendPriority.reply < .bulk)
    }
}
