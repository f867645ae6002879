public enum MigrationText {
    /// `applied 0001_fleet`, a line each.
    public static func list(_ names: [String], verb: String, none: String) -> String {
        names.isEmpty ? none + "\n" : names.map { "\(verb) \($0)\n" }.joined()
    }
}
