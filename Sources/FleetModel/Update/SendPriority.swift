/// Whose messages go out first when the bot's rate does not let all of them. Within a chat the order stays.
///
/// The raw value is the column's.
public enum SendPriority: Int16, Sendable, CaseIterable, Comparable {
    /// Telegram cancels a payment whose answer takes more than ten seconds (Bot API, answerPreCheckoutQuery).
    case payment = 0
    case reply = 1
    /// What nobody waits for: newsletters, reminders.
    case bulk = 2

    public init(method: String, isBulk: Bool) {
        let isPayment = method == "answerPreCheckoutQuery" || method == "answerShippingQuery"
        self = isPayment ? .payment : isBulk ? .bulk : .reply
    }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
