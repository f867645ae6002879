/// Breaks text between words, so that no line is longer than a terminal is wide. A word that is longer stays whole.
public enum TextWrap {
    /// - Parameters:
    ///   - first: what the first line begins with.
    ///   - rest: what the others begin with.
    public static func lines(_ text: String, first: String, rest: String, width: Int = 80) -> String {
        let words = TextTable.clean(text).split(separator: " ").map(String.init)
        return lines(words, first: first, rest: rest, width: width)
    }

    /// Breaks between these alone.
    public static func lines(_ words: [String], first: String, rest: String, width: Int = 80) -> String {
        var out = ""
        var line = first
        var isEmpty = true
        for word in words {
            if !isEmpty, line.count + 1 + word.count > width {
                out += line + "\n"
                line = rest
                isEmpty = true
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return out + line + "\n"
    }
}
