import FleetModel
import Testing

@testable import Coordinator

@Suite struct BotTroublesTests {
    private let now = Timestamp(milliseconds: 1_795_420_800_000)

    private func troubles(hasMenu: Bool = true, _ change: (inout BotView) -> Void) -> [BotTrouble] {
        var bot = FakeFleet.shop
        bot.workers = ["shop-1"]
        bot.intake = IntakeState(gateway: "g1", condition: .polling)
        change(&bot)
        return BotTroubles.of(bot, hasMenu: hasMenu, now: now)
    }

    @Test func aBotThatIsServedHasNone() {
        #expect(troubles { _ in } == [])
        #expect(troubles { $0.intake?.condition = .starting } == [])
    }

    @Test func aBotThatShouldNotRunHasNone() {
        let none = troubles {
            $0.spec.desired = .stopped
            $0.intake = nil
            $0.workers = []
        }
        #expect(none == [])
    }

    @Test func nobodyTakesItInOrServesIt() {
        let both = troubles {
            $0.intake = nil
            $0.workers = []
        }
        #expect(both.map(\.severity) == [.failure, .failure])
        #expect(both[0].text.contains("no gateway") && both[1].text.contains("no worker"))
        #expect(both[1].mend.contains("bot restart shop"))
        let webhook = troubles {
            $0.intake = nil
            $0.spec.intake = .webhook
        }
        #expect(webhook.first?.mend.contains("--webhook-url") == true)
        // Gateways look every few seconds.
        let fresh = troubles {
            $0.intake = nil
            $0.workers = []
            $0.createdAt = Timestamp(milliseconds: now.milliseconds - 14_000)
        }
        #expect(fresh == [])
    }

    @Test(arguments: [
        (IntakeState.Condition.refused, "refuses its token", "set-token shop"),
        (.conflict, "somebody else", "stop that program"),
        (.failing, "tried on", "gateway g1"),
    ])
    func whatTheGatewayMeetsIsSaidWithWhatToDo(condition: IntakeState.Condition, text: String, mend: String) {
        let found = troubles {
            $0.intake = IntakeState(
                gateway: "g1", condition: condition, detail: "it said so", since: Timestamp(milliseconds: 0))
        }
        #expect(found.count == 1 && found.first?.severity == .failure)
        #expect(found.first?.text.contains(text) == true)
        #expect(found.first?.text.contains("since 1970-01-01T00:00:00Z") == true)
        #expect(found.first?.text.contains("it said so") == (condition != .refused))
        #expect(found.first?.mend.contains(mend) == true)
    }

    @Test func aMenuBotNeedsAMenu() {
        let without = troubles(hasMenu: false) { $0.spec.behaviour = "menu" }
        #expect(without.map(\.severity) == [.warning])
        #expect(without.first?.mend.contains("broadcast-config menu.yaml --bot shop") == true)
        #expect(troubles(hasMenu: true) { $0.spec.behaviour = "menu" } == [])
        #expect(troubles(hasMenu: false) { _ in } == [])
    }

    @Test func whatTelegramSaidOfANewToken() {
        let shop = FakeFleet.shop.spec.id
        #expect(BotTroubles.token(.accepted(id: 1, username: "shop_bot"), of: shop) == nil)
        #expect(BotTroubles.token(.unasked, of: shop) == nil)
        #expect(BotTroubles.token(.refused, of: shop)?.severity == .failure)
        #expect(BotTroubles.token(.unknown("no route"), of: shop)?.text.hasSuffix("no route") == true)
    }
}
