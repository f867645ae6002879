/// A chat as one bot knows it.
struct Chat: Sendable {
    /// Bot API, "Chat".
    enum Kind: String, Sendable {
        case `private`, group, supergroup, channel
        var isGroup: Bool { self == .group || self == .supergroup }

        /// What an id alone tells: users are positive, supergroups and channels begin with -100.
        init(id: Int64) {
            self = id > 0 ? .private : id <= -1_000_000_000_000 ? .supergroup : .group
        }
    }

    let kind: Kind
    /// The chat's JSON, built once.
    let json: [UInt8]
    /// The user of this private chat has blocked the bot.
    var blocked = false
    var pace = Pace()
    /// Groups only, and only once limits are enforced.
    var groupWindow: SlidingWindow?

    init(id: Int64, kind: Kind) {
        self.kind = kind
        var out = JSONWriter(reserving: 96)
        out.raw("{\"id\":")
        out.number(id)
        if kind == .private {
            out.member("first_name", "User \(id)")
        } else {
            out.member("title", "Chat \(id.magnitude)")
        }
        out.member("type", kind.rawValue)
        out.raw("}")
        json = out.bytes
    }

    static func writeUser(_ id: Int64, to out: inout JSONWriter) {
        out.raw("{\"id\":")
        out.number(id)
        out.raw(",\"is_bot\":false,\"first_name\":\"User ")
        out.number(id)
        out.raw("\",\"language_code\":\"en\"}")
    }
}
