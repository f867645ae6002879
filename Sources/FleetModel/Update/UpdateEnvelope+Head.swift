extension UpdateEnvelope {
    /// The routing fields while they are being read.
    struct Head {
        var id: Int64?
        var kind = UpdateKind.other
        var chat: Int64?
        var isGroup = false
        var isPaid = false
        var user: Int64?
        var message: Int64?
        var text = Field()
        var query = Field()
        var data = Field()

        mutating func read(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
            try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
                if scanner.matches(key, "update_id") {
                    self.id = try scanner.integer()
                } else if scanner.peek == UInt8(ascii: "{") {
                    self.kind = .named(key, in: scanner)
                    try self.readContent(&scanner)
                } else {
                    try scanner.skipValue()
                }
            }
            try scanner.end()
        }

        private mutating func readContent(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
            try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
                let next = scanner.peek
                if next == UInt8(ascii: "{") {
                    if scanner.matches(key, "chat") {
                        try self.readChat(&scanner)
                    } else if scanner.matches(key, "from") || scanner.matches(key, "user") {
                        try self.readUser(&scanner)
                    } else if scanner.matches(key, "message") {
                        // A callback query names the message it was pressed on; the chat comes from there.
                        try self.readMessage(&scanner)
                    } else {
                        if scanner.matches(key, "successful_payment") { self.isPaid = true }
                        try scanner.skipValue()
                    }
                } else if next == UInt8(ascii: "\"") {
                    try self.readString(key, &scanner)
                } else if scanner.matches(key, "message_id") {
                    self.message = try scanner.integer()
                } else {
                    try scanner.skipValue()
                }
            }
        }

        private mutating func readString(
            _ key: JSONScanner.RawString, _ scanner: inout JSONScanner
        ) throws(JSONScanner.Malformed) {
            let value = try scanner.string()
            let field = Field(
                start: Int32(value.range.lowerBound), count: Int32(value.range.count), hasEscapes: value.hasEscapes)
            if scanner.matches(key, "text") || scanner.matches(key, "caption") {
                text = field
            } else if scanner.matches(key, "data") {
                data = field
            } else if scanner.matches(key, "id") {
                query = field
            }
        }

        private mutating func readChat(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
            try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
                if scanner.matches(key, "id") {
                    self.chat = try scanner.integer()
                } else if scanner.matches(key, "type"), scanner.peek == UInt8(ascii: "\"") {
                    let type = try scanner.string()
                    self.isGroup = scanner.matches(type, "group") || scanner.matches(type, "supergroup")
                } else {
                    try scanner.skipValue()
                }
            }
        }

        private mutating func readUser(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
            try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
                if scanner.matches(key, "id") { self.user = try scanner.integer() } else { try scanner.skipValue() }
            }
        }

        private mutating func readMessage(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
            try scanner.object { (key, scanner) throws(JSONScanner.Malformed) in
                if scanner.matches(key, "chat"), scanner.peek == UInt8(ascii: "{") {
                    try self.readChat(&scanner)
                } else if scanner.matches(key, "message_id") {
                    self.message = try scanner.integer()
                } else {
                    try scanner.skipValue()
                }
            }
        }
    }
}
