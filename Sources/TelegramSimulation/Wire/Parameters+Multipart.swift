extension Parameters {
    /// Adds the parts of a `multipart/form-data` body (RFC 7578). Files are described and their bytes dropped.
    public mutating func add(multipart body: [UInt8], boundary: String) throws(APIError) {
        let delimiter = Array("--\(boundary)".utf8)
        guard var position = Self.find(delimiter, in: body, from: 0) else {
            throw .badRequest("multipart body without its boundary")
        }
        while true {
            position += delimiter.count
            if body[position...].starts(with: Array("--".utf8)) { return }
            guard let headEnd = Self.find(Array("\r\n\r\n".utf8), in: body, from: position),
                let next = Self.find(delimiter, in: body, from: headEnd + 4)
            else { throw .badRequest("multipart body ends inside a part") }
            let head = String(decoding: body[position..<headEnd], as: UTF8.self)
            // The line break before a delimiter belongs to the delimiter.
            add(head: head, content: body[headEnd + 4..<max(headEnd + 4, next - 2)])
            position = next
        }
    }

    private mutating func add(head: String, content: ArraySlice<UInt8>) {
        var name: String?
        var file: String?
        var contentType = "application/octet-stream"
        for line in head.split(whereSeparator: \.isNewline) {
            let lowered = line.lowercased()
            if lowered.hasPrefix("content-disposition:") {
                name = Self.attribute("name", in: line)
                file = Self.attribute("filename", in: line)
            } else if lowered.hasPrefix("content-type:") {
                contentType = line.dropFirst("content-type:".count).trimmingSpaces
            }
        }
        guard let name else { return }
        if let file {
            add(name, .file(UploadedFile(name: file, contentType: contentType, size: content.count)))
        } else {
            add(name, .text(String(decoding: content, as: UTF8.self)))
        }
    }

    /// The boundary named by a content type; `nil` when it is not multipart/form-data.
    public static func boundary(of contentType: String) -> String? {
        guard contentType.lowercased().hasPrefix("multipart/form-data") else { return nil }
        return attribute("boundary", in: contentType[...])
    }

    /// `key=value` or `key="value"` among the parameters after `;`.
    private static func attribute(_ key: String, in line: Substring) -> String? {
        for piece in line.split(separator: ";").dropFirst() {
            let parts = piece.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].trimmingSpaces.lowercased() == key else { continue }
            let value = parts[1].trimmingSpaces
            return value.hasPrefix("\"") && value.hasSuffix("\"") && value.count > 1
                ? String(value.dropFirst().dropLast()) : value
        }
        return nil
    }

    private static func find(_ needle: [UInt8], in body: [UInt8], from start: Int) -> Int? {
        guard let first = needle.first, body.count >= needle.count, start <= body.count - needle.count else {
            return nil
        }
        return body.withUnsafeBufferPointer { bytes in
            var index = start
            let last = bytes.count - needle.count
            while index <= last {
                if bytes[index] == first {
                    var matched = 1
                    while matched < needle.count, bytes[index + matched] == needle[matched] { matched += 1 }
                    if matched == needle.count { return index }
                }
                index += 1
            }
            return nil
        }
    }
}

extension Substring {
    var trimmingSpaces: String {
        var text = self
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
