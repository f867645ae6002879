import FleetCtlKit
import Glibc

/// What a person reads beside the answer: it goes to stderr, the answer to stdout.
enum Console {
    static func line(_ text: String) { write(text + "\n") }

    static func error(_ text: String) { line("fleetctl: \(text)") }

    /// Without a line break: for a line that is drawn again and again.
    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
            if count <= 0 { return }
            bytes = bytes.dropFirst(count)
        }
    }

    static var isTerminal: Bool { isatty(2) == 1 }
    /// Whether a person can read a question and answer it.
    static var canAsk: Bool { isTerminal && isatty(0) == 1 }
}
