import FleetCtlKit

/// Asks before what cannot be undone.
enum Confirmation {
    /// - Throws: where nobody can be asked.
    static func ask(_ question: String) throws(Fault) -> Bool {
        guard Console.canAsk else { throw Fault("\(question) Say so with --yes", status: .usage) }
        Console.write("\(question) [y/N] ")
        let answer = readLine()?.lowercased()
        return answer == "y" || answer == "yes"
    }
}
