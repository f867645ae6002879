/// A table for a terminal: columns as wide as their widest cell, two spaces apart, and no line over ``width``.
///
/// When the columns do not fit, the widest text columns are narrowed, and cells that are too long end in `…`.
public struct TextTable: Sendable {
    public enum Alignment: Sendable {
        case left, right
    }

    public struct Column: Sendable {
        let title: String
        let alignment: Alignment

        public init(_ title: String, _ alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    public init(_ columns: [Column]) { self.columns = columns }

    /// Adds a row; missing cells are empty. Line breaks and control characters in a cell become spaces, because what
    /// stands there may come from outside.
    public mutating func add(_ cells: [String]) {
        rows.append(columns.indices.map { $0 < cells.count ? Self.clean(cells[$0]) : "" })
    }

    public var isEmpty: Bool { rows.isEmpty }

    /// The lines, each ended by a line break, the titles first.
    public func rendered(width: Int = 80) -> String {
        let widths = fitted(width)
        let titles = columns.map { $0.title }
        return ([titles] + rows).map { line($0, widths) }.joined()
    }

    private func fitted(_ width: Int) -> [Int] {
        var widths = columns.indices.map { column in
            max(columns[column].title.count, rows.map { $0[column].count }.max() ?? 0)
        }
        let gaps = 2 * max(0, columns.count - 1)
        // Only left-aligned columns give way: a number cut short would be a wrong number.
        while widths.reduce(gaps, +) > width {
            let candidates = widths.indices.filter { columns[$0].alignment == .left && widths[$0] > 8 }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        return widths
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        let padded = cells.indices.map { index in
            let cell = Self.shortened(cells[index], to: widths[index])
            let space = String(repeating: " ", count: widths[index] - cell.count)
            return columns[index].alignment == .left ? cell + space : space + cell
        }
        var text = padded.joined(separator: "  ")
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }

    private static func shortened(_ text: String, to width: Int) -> String {
        text.count <= width ? text : text.prefix(max(0, width - 1)) + "…"
    }

    static func clean(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) }) else {
            return text
        }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) ? " " : $0 }
            )
        )
    }
}
