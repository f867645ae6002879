/// The behaviours every worker binary registers.
public enum ShippedBehaviour: String, Sendable, CaseIterable {
    /// Repeats what it is told, after `greeting`.
    case echo
    /// A tree of commands, keyboards and replies from the config (``MenuTree``).
    case menu

    public static var names: [String] { allCases.map(\.rawValue) }
}
