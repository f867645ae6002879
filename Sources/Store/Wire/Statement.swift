/// One SQL statement with its parameters.
public struct Statement: Sendable {
    /// Under this name it is prepared once on each connection; a name always means the same SQL and the same types.
    /// Empty: it is never prepared.
    public let name: String
    public let sql: String
    public var parameters: Parameters

    /// - Parameter sql: one statement, parameters as `$1`, `$2`…
    public init(_ name: String, _ sql: String, _ parameters: Parameters = Parameters()) {
        self.name = name
        self.sql = sql
        self.parameters = parameters
    }

    /// Builds the parameters in place: `Statement("bot.get", "SELECT …") { $0.add(id) }`.
    public init(_ name: String, _ sql: String, _ build: (inout Parameters) -> Void) {
        self.name = name
        self.sql = sql
        parameters = Parameters()
        build(&parameters)
    }
}
