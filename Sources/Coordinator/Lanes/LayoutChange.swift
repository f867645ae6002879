import FleetModel
import Store

/// What to do next so that a bot's layout becomes the one that is wanted. It is decided from what the database holds
/// alone, and each step may be done twice, so a coordinator goes on where another was killed.
enum LayoutChange: Equatable {
    /// The layout is what is wanted, and nothing of earlier ones is left.
    case none
    /// End the epoch: nothing more is moved into its lanes.
    case close
    /// Put the last message into each lane's queue.
    case seal
    /// Its lanes finish what they have.
    case wait(sealed: Int, of: Int)
    /// Declare the queues of this layout, then make it the one in force.
    case open(LaneLayout)
    /// Delete the queues of these layouts; they are over.
    case sweep([LaneLayout])

    /// - Parameter sealsAreOut: this coordinator has published the epoch's seals. Only it knows; one that does not know
    ///   publishes them again, and a second seal is without effect.
    static func next(_ state: LayoutState, sealsAreOut: Bool) -> LayoutChange {
        let layout = state.layout
        switch layout.state {
        case .open where state.sweptEpoch < layout.epoch: return .sweep(state.left)
        case .open: return state.wanted == layout.lanes ? .none : .close
        case .closing where state.sealed >= layout.lanes:
            return .open(LaneLayout(bot: layout.bot, epoch: layout.epoch + 1, lanes: state.wanted))
        case .closing: return sealsAreOut ? .wait(sealed: state.sealed, of: layout.lanes) : .seal
        }
    }
}

extension LayoutChange: CustomStringConvertible {
    /// For the log, once the step is done.
    var description: String {
        switch self {
        case .none: "the layout is what is wanted"
        case .close: "the epoch is closing"
        case .seal: "its lanes have their seals"
        case .wait(let sealed, let lanes): "\(sealed) of \(lanes) lanes are sealed"
        case .open(let next): "epoch \(next.epoch) is open, lanes: \(next.lanes)"
        case .sweep(let layouts): "the queues of \(layouts.count == 1 ? "the epoch before" : "epochs before") are gone"
        }
    }
}
