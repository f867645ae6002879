import FleetModel

/// Finds for each message that was received again the fault that the promise allows it for: a crash, a timeout, a broken
/// connection, a database outage or a change of owner, at the time when the copy before was to be marked as sent.
struct RepeatCauses {
    /// A mark is committed within milliseconds, on a busy machine within this. Microseconds.
    static let before: Int64 = 1_500_000
    /// What a fault has broken is noticed this much later at the latest: a silent connection by its heartbeat or its
    /// deadline. Microseconds.
    static let after: Int64 = 4_000_000
    static let afterSilence: Int64 = 25_000_000

    let timeline: [TimelineEntry]

    func explain(
        _ updates: [Evidence.Update], _ copies: [MessageKey: [Evidence.Reply]]
    ) -> [AuditResult.Repeat] {
        var repeats: [AuditResult.Repeat] = []
        for update in updates {
            guard let copies = copies[MessageKey(update)], copies.count > 1 else { continue }
            for (earlier, later) in zip(copies, copies.dropFirst()) {
                let fault = cause(earlier, later)
                var text = fault.map { "#\($0.number) \($0.text)" }
                if earlier.answerLost { text = "the answer was kept back: " + (text ?? "a fault of the simulator") }
                repeats.append(
                    .init(
                        bot: update.bot, chat: update.chat, updateID: update.updateID, first: earlier.at,
                        again: later.at, fault: fault?.number, cause: text))
            }
        }
        return repeats.sorted { $0.again < $1.again }
    }

    /// The fault that began last before the second copy, of those that were in force when the first was to be marked.
    private func cause(_ earlier: Evidence.Reply, _ later: Evidence.Reply) -> TimelineEntry? {
        timeline.filter { fault in
            guard fault.applied, fault.bot == nil || fault.bot == earlier.bot else { return false }
            if earlier.answerLost {
                return fault.kind.losesAnswers && fault.start <= earlier.at && earlier.at <= fault.end + Self.after
            }
            guard fault.kind.breaksMarks else { return false }
            let after = fault.kind.isSilent ? Self.afterSilence : Self.after
            return fault.start <= later.at && fault.start <= earlier.at + Self.before && earlier.at <= fault.end + after
        }.max { $0.start < $1.start }
    }
}

extension FaultKind {
    /// The simulator does what was asked and keeps its answer back.
    var losesAnswers: Bool { self == .telegramTimeouts || self == .telegramBroken }

    /// May keep the mark that a message was sent from being committed, or give the lane another owner.
    var breaksMarks: Bool {
        switch self {
        case .killWorker, .stopWorker, .stopBroker, .crashBroker, .cutBroker, .blackholeBroker, .stopDatabase,
            .crashDatabase, .diskFull, .cutDatabase, .blackholeDatabase:
            true
        case .restartWorker, .restartGateway, .restartCoordinator, .killGateway, .stopGateway, .killCoordinator,
            .stopCoordinator, .memoryAlarm, .slowBroker, .slowDatabase,
            .telegramErrors, .telegramTimeouts, .telegramFlood, .telegramBroken, .clockJump, .cutWebhooks,
            .blackholeWebhooks,
            .changeLanes, .switchIntake, .changeConfig:
            false
        }
    }

    /// Its victim learns of it by a deadline alone.
    var isSilent: Bool {
        switch self {
        case .stopWorker, .blackholeBroker, .blackholeDatabase: true
        default: false
        }
    }
}
