/// The behaviours a worker binary can run, by name.
public struct BehaviourRegistry: Sendable {
    private var makers: [String: @Sendable () -> any Behaviour] = [:]

    public init(_ types: [any Behaviour.Type] = []) {
        for type in types { register(type) }
    }

    /// What this project ships.
    public static let standard = BehaviourRegistry([EchoBehaviour.self, MenuBehaviour.self])

    public mutating func register(_ type: any Behaviour.Type) { makers[type.name] = { type.init() } }

    public var names: [String] { makers.keys.sorted() }

    public func make(_ name: String) -> (any Behaviour)? { makers[name]?() }
}
