import Broker
import TelegramAPI

/// The updates that requests have brought for one bot and that the broker has not confirmed. A value: arrivals and
/// outcomes go in, what to publish next and whom to answer come out.
///
/// Of one conversation at most one update is unconfirmed at a time, in the order of arrival; when one is refused, those
/// of its conversation behind it are refused with it, so that it is not overtaken.
struct WebhookLineState {
    /// Updates published together.
    static let batch = 100

    /// Bounded by the requests under way.
    private var waiting: [(request: Int, update: PendingUpdate)] = []
    private var published: [(request: Int, update: PendingUpdate)] = []

    var isIdle: Bool { waiting.isEmpty && published.isEmpty }

    mutating func arrived(_ request: Int, _ update: PendingUpdate) { waiting.append((request, update)) }

    /// Nobody waits for it any more. What is published already cannot be called back.
    mutating func gaveUp(_ request: Int) { waiting.removeAll { $0.request == request } }

    /// The next to publish, `nil` while some are out or there are none.
    mutating func next() -> [ReceivedUpdate]? {
        guard published.isEmpty, !waiting.isEmpty else { return nil }
        var seen: Set<Int64> = []
        var rest: [(request: Int, update: PendingUpdate)] = []
        var isShut = false
        for entry in waiting {
            // One of an unknown conversation may belong to any: it goes alone, after all before it.
            let goes =
                if isShut || published.count == Self.batch {
                    false
                } else if let conversation = entry.update.conversation {
                    seen.insert(conversation).inserted
                } else {
                    published.isEmpty && rest.isEmpty
                }
            if entry.update.conversation == nil { isShut = true }
            if goes { published.append(entry) } else { rest.append(entry) }
        }
        waiting = rest
        return published.map(\.update.update)
    }

    /// - Parameter outcomes: of what ``next()`` gave, in its order; `nil` when nothing of it was sent.
    /// - Returns: whom to answer, and whether with yes.
    mutating func settled(_ outcomes: [PublishOutcome]?) -> [(request: Int, isTaken: Bool)] {
        var answers: [(request: Int, isTaken: Bool)] = []
        var refused: Set<Int64> = []
        var isAllRefused = false
        for (index, entry) in published.enumerated() {
            let isTaken = outcomes.map { index < $0.count && $0[index].isConfirmed } ?? false
            answers.append((entry.request, isTaken))
            if isTaken { continue }
            if let conversation = entry.update.conversation {
                refused.insert(conversation)
            } else {
                isAllRefused = true
            }
        }
        published = []
        if refused.isEmpty, !isAllRefused { return answers }
        waiting.removeAll { request, update in
            // One of an unknown conversation stands behind all before it.
            let isBehind = isAllRefused || update.conversation.map { refused.contains($0) } ?? true
            if isBehind {
                answers.append((request, false))
                if update.conversation == nil { isAllRefused = true }
            }
            return isBehind
        }
        return answers
    }
}
