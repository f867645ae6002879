import FleetModel
import HTTPTransport
import Store
import TelegramAPI

/// What became of calls.
extension SendQueue {
    enum Answer: Equatable {
        case sent
        /// Telegram asks for a pause; the flood control works out of whom.
        case rateLimited(Duration)
        /// Try again: the network, a 5xx. It was not delivered.
        case failed
        /// The request may have been carried out, and nobody will say.
        case unknown(String)
        /// It will never go out.
        case refused(String)
        /// Nothing will go out to this chat until it speaks again.
        case blocked(String)
        /// The group is a supergroup now.
        case migrated(to: Int64)
        /// The token is not accepted; nothing of this bot goes out for a while.
        case unauthorized
        /// The call was not made after all.
        case notBegun
    }

    static let unauthorizedPause: Duration = .seconds(30)
    /// After a failure a chat waits between half of this and one and a half, doubled with each failure.
    static let firstPause: Duration = .milliseconds(100)
    static let longestPause: Duration = .seconds(30)
    /// Before a call that could not be begun is tried again.
    static let beginPause: Duration = .milliseconds(250)

    mutating func finished(_ seq: Int64, _ answer: Answer, now: ContinuousClock.Instant) {
        guard let row = inFlight.removeValue(forKey: seq) else { return }
        let id = row.conversation
        let kind = CallKind(method: row.method)
        chats[id]?.isSending = false
        count(row, kind, answer, now: now)
        switch answer {
        case .sent:
            done(row, now: now)
        case .refused(let reason):
            refuse(row, reason)
            done(row, now: now)
        case .blocked(let reason):
            // A call that names another chat than it waits with, or none, says nothing about this one.
            if JSONScanner.integer("chat_id", in: row.body)?.value == id {
                block(id, reason, now: now)
            } else {
                refuse(row, reason)
                done(row, now: now)
            }
        case .rateLimited(let pause):
            tally.rateLimited += 1
            wait(id, until: now + pause)
        case .unknown(let reason) where surfaces:
            surface(row, because: reason)
            done(row, now: now)
        case .failed, .unknown:
            let attempts = (chats[id]?.attempts ?? 0) + 1
            chats[id]?.attempts = attempts
            let pause = min(Self.longestPause, Self.firstPause * (1 << min(attempts - 1, 9)))
            wait(id, until: now + pause * Double.random(in: 0.5...1.5, using: &jitter))
        case .migrated(let chat):
            follow(row, to: chat, now: now)
        case .notBegun:
            wait(id, until: now + Self.beginPause)
        case .unauthorized:
            pausedUntil = now + Self.unauthorizedPause
            makeReady(id)
        }
    }

    /// What the limits learn from it.
    private mutating func count(_ row: OutboxRow, _ kind: CallKind, _ answer: Answer, now: ContinuousClock.Instant) {
        rate.ended(lane, kind, succeeded: answer == .sent, now: now)
        switch answer {
        case .rateLimited(let pause):
            flood.refused(chat: row.conversation, kind, retryAfter: pause, now: now)
            rate.refused(chat: row.conversation, kind, retryAfter: pause, now: now)
        case .notBegun: break
        default: flood.answered(chat: row.conversation, kind, now: now)
        }
    }

    /// The row is dealt with: sent, refused or shown to the operator.
    private mutating func done(_ row: OutboxRow, now: ContinuousClock.Instant) {
        mark(row.seq, now: now)
        unsent -= 1
        guard var chat = chats.removeValue(forKey: row.conversation) else { return }
        chat.removeFirst()
        chat.attempts = 0
        if chat.rows.isEmpty { return }
        chat.place = nil
        chats[row.conversation] = chat
        makeReady(row.conversation)
    }

    private mutating func mark(_ seq: Int64, now: ContinuousClock.Instant) {
        marks.append(seq)
        if marksSince == nil { marksSince = now }
        begunHere.remove(seq)
    }

    private mutating func refuse(_ row: OutboxRow, _ reason: String) {
        tally.refused += 1
        report.events.append(row.event("send_refused", ["reason": .string(reason)]))
    }

    /// The group has a new id: this call and those behind it go there.
    private mutating func follow(_ row: OutboxRow, to chat: Int64, now: ContinuousClock.Instant) {
        let id = row.conversation
        if chats[id]?.movedTo == chat || row.moved(to: chat) == nil {
            refuse(row, "\(TelegramError.migrated(to: chat))")
            done(row, now: now)
        } else {
            chats[id]?.movedTo = chat
            makeReady(id)
        }
    }

    // MARK: Outcomes nobody knows

    /// A predecessor's call, of which nobody knows whether it was carried out.
    mutating func surface(_ row: OutboxRow, now: ContinuousClock.Instant) {
        surface(row, because: "the worker that began the call did not say how it ended")
        mark(row.seq, now: now)
    }

    private mutating func surface(_ row: OutboxRow, because reason: String) {
        tally.ambiguous += 1
        report.events.append(
            row.event(
                "send_ambiguous",
                ["reason": .string(reason), "body": .string(String(decoding: row.body, as: UTF8.self))]))
    }

    // MARK: Blocked chats

    private mutating func block(_ id: Int64, _ reason: String, now: ContinuousClock.Instant) {
        tally.blocked += 1
        blocks.add(id, reason, now: now)
        report.blocks.append((id, reason))
        drop(id, because: reason, now: now)
    }

    /// Gives up all that waits for a chat, but not what is on its way.
    mutating func drop(_ id: Int64, because reason: String, now: ContinuousClock.Instant) {
        guard let chat = chats.removeValue(forKey: id) else { return }
        let kept = chat.isSending ? 1 : 0
        let dropped = chat.rows.dropFirst(kept)
        guard let first = dropped.first else {
            chats[id] = chat
            return
        }
        for row in dropped { mark(row.seq, now: now) }
        unsent -= dropped.count
        tally.refused += Int64(dropped.count)
        report.events.append(
            first.event("send_refused", ["reason": .string(reason), "messages": .int(Int64(dropped.count))]))
        if chat.isSending, let head = chat.rows.first { chats[id] = Chat(sending: head, of: chat) }
    }

    // MARK: Marks

    /// Sequence numbers of rows dealt with, to be marked by the next settlement.
    mutating func takeMarks() -> [Int64] {
        defer {
            marks = []
            marksSince = nil
        }
        return marks
    }

    /// The settlement that was to mark them was not committed.
    mutating func unmarked(_ sequences: [Int64], now: ContinuousClock.Instant) {
        marks = sequences + marks
        if !marks.isEmpty && marksSince == nil { marksSince = now }
    }

    /// What is to be recorded with the marks.
    mutating func takeReport() -> SendReport {
        defer { report = SendReport() }
        return report
    }

    /// The settlement that was to record it was not committed.
    mutating func unreported(_ old: SendReport) {
        report.events = old.events + report.events
        report.blocks = old.blocks + report.blocks
    }
}

extension OutboxRow {
    /// `nil`: the call names no chat by number, or that one already.
    func moved(to chat: Int64) -> OutboxRow? {
        guard let old = JSONScanner.integer("chat_id", in: body), old.value != chat,
            let body = JSONScanner.replacing("chat_id", with: chat, in: body)
        else { return nil }
        var row = self
        row.body = body
        return row
    }

    func event(_ kind: String, _ data: [String: ConfigValue]) -> EventRow {
        var data = data
        data["method"] = .string(method)
        if let updateID { data["update"] = .int(updateID) }
        return EventRow(conversation: conversation, kind: kind, data: Array(ConfigValue.object(data).description.utf8))
    }
}

extension SendQueue.Answer {
    init(_ result: Result<TelegramReply, TelegramError>) {
        switch result {
        case .success: self = .sent
        case .failure(let error): self.init(error)
        }
    }

    /// What is wrong with the way to Telegram (the network, a certificate, the API's address) is mended by somebody
    /// some day; until then nothing may be dropped. Only Telegram's own word about this very call is final.
    init(_ error: TelegramError) {
        self =
            switch error {
            case .rateLimited(let pause): .rateLimited(pause)
            case .unauthorized: .unauthorized
            case .migrated(let chat): .migrated(to: chat)
            case .forbidden: .blocked(error.description)
            case .badRequest(let text) where Self.meansNobody(text): .blocked(error.description)
            case .badRequest, .rejected: .refused(error.description)
            case .network(let cause) where cause.mayHaveArrived: .unknown(error.description)
            // The beginning of a success that broke off.
            case .malformedReply(let status) where 200..<300 ~= status: .unknown(error.description)
            case .conflict, .notFound, .server, .malformedReply, .network: .failed
            }
    }

    /// Telegram's words for a chat that there is not (any more). They are stable, but not documented.
    private static func meansNobody(_ text: String) -> Bool {
        let text = text.lowercased()
        return ["chat not found", "user is deactivated", "peer_id_invalid", "group chat was deactivated"]
            .contains { text.contains($0) }
    }
}
