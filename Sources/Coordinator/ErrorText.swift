import Glibc

enum ErrorText {
    /// The system's words for an `errno`.
    static func of(_ code: CInt) -> String { String(cString: strerror(code)) }
}
