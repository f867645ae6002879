/// Encodes frames one after another into a single buffer, so that a burst leaves in one `send()`.
///
/// After login every frame of the connection goes through one writer: acks, calls, publications and heartbeats keep
/// their order, and none can get between the parts of another.
struct FrameWriter {
    private(set) var bytes: [UInt8] = []
    /// The largest frame the broker takes, overhead included.
    let frameMax: Int

    init(frameMax: Int) { self.frameMax = frameMax }

    mutating func removeAll(keepingCapacity: Bool) { bytes.removeAll(keepingCapacity: keepingCapacity) }
    mutating func removeFirst(_ count: Int) { bytes.removeFirst(count) }

    // MARK: Frames

    mutating func method(_ method: UInt32, channel: UInt16, _ arguments: (inout FrameWriter) -> Void = { _ in }) {
        frame(Frame.method, channel: channel) {
            $0.put(method)
            arguments(&$0)
        }
    }

    mutating func heartbeat() {
        frame(Frame.heartbeat, channel: 0) { _ in }
    }

    /// `basic.publish`, the content header and as many body frames as it takes.
    mutating func publication(_ publication: Publication, channel: UInt16) {
        let room = frameMax - Frame.overhead
        bytes.reserveCapacity(bytes.count + publication.body.count + 256)
        method(Method.basicPublish, channel: channel) {
            $0.put(UInt16(0))
            $0.put(short: publication.exchange)
            $0.put(short: publication.routingKey)
            $0.put(UInt8(publication.mandatory ? 1 : 0))
        }
        frame(Frame.header, channel: channel) { $0.contentHeader(publication) }
        var position = 0
        while position < publication.body.count {
            let count = min(room, publication.body.count - position)
            frame(Frame.body, channel: channel) { $0.put(raw: publication.body[position..<position + count]) }
            position += count
        }
    }

    /// Class, weight, size, then a flag for each property that follows. Section 4.2.6.1 and the list of `basic`'s fields.
    private mutating func contentHeader(_ publication: Publication) {
        put(Frame.basicClass)
        put(UInt16(0))
        put(UInt64(publication.body.count))
        var flags: UInt16 = 1 << 12
        if publication.contentType != nil { flags |= 1 << 15 }
        if !publication.headers.isEmpty { flags |= 1 << 13 }
        if publication.correlationID != nil { flags |= 1 << 10 }
        if publication.replyTo != nil { flags |= 1 << 9 }
        if publication.messageID != nil { flags |= 1 << 7 }
        put(flags)
        if let contentType = publication.contentType { put(short: contentType) }
        if !publication.headers.isEmpty { put(table: publication.headers) }
        put(UInt8(publication.persistent ? 2 : 1))
        if let correlationID = publication.correlationID { put(short: correlationID) }
        if let replyTo = publication.replyTo { put(short: replyTo) }
        if let messageID = publication.messageID { put(short: messageID) }
    }

    mutating func acks(_ tags: AckSet, channel: UInt16) {
        let upTo = tags.upTo ?? 0
        if upTo > 0 { ack(upTo, multiple: true, channel: channel) }
        // What the multiple ack covers must not be acknowledged again: an unknown tag closes the channel.
        for tag in tags.also where tag > upTo { ack(tag, multiple: false, channel: channel) }
    }

    private mutating func ack(_ tag: UInt64, multiple: Bool, channel: UInt16) {
        method(Method.basicAck, channel: channel) {
            $0.put(tag)
            $0.put(UInt8(multiple ? 1 : 0))
        }
    }

    mutating func reject(_ tag: UInt64, requeue: Bool, channel: UInt16) {
        method(Method.basicReject, channel: channel) {
            $0.put(tag)
            $0.put(UInt8(requeue ? 1 : 0))
        }
    }

    /// `channel.close` or `connection.close`; both carry code, text, and the method that failed, here none.
    mutating func close(_ method: UInt32, channel: UInt16, code: UInt16, text: String) {
        self.method(method, channel: channel) {
            $0.put(code)
            $0.put(short: text)
            $0.put(UInt32(0))
        }
    }

    private mutating func frame(_ type: UInt8, channel: UInt16, _ payload: (inout FrameWriter) -> Void) {
        bytes.append(type)
        put(channel)
        let size = bytes.count
        put(UInt32(0))
        payload(&self)
        patch(at: size, UInt32(bytes.count - size - 4))
        bytes.append(Frame.end)
    }

    // MARK: Fields

    mutating func put(_ value: UInt8) { bytes.append(value) }
    mutating func put(_ value: UInt16) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
    mutating func put(_ value: UInt32) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
    mutating func put(_ value: UInt64) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
    mutating func put(raw: ArraySlice<UInt8>) { bytes.append(contentsOf: raw) }

    /// At most 255 bytes; callers check with ``WireRules``. A longer one would be cut here rather than break the frame.
    mutating func put(short text: String) {
        let utf8 = text.utf8
        guard utf8.count <= 255 else {
            bytes.append(255)
            bytes.append(contentsOf: utf8.prefix(255))
            return
        }
        bytes.append(UInt8(utf8.count))
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    mutating func put(table: [String: AMQPValue]) {
        measured {
            for (key, value) in table {
                $0.put(short: key)
                $0.put(value)
            }
        }
    }

    private mutating func put(_ value: AMQPValue) {
        switch value {
        case .bool(let bool):
            put(UInt8(ascii: "t"))
            put(UInt8(bool ? 1 : 0))
        case .int(let int):
            put(UInt8(ascii: "l"))
            put(UInt64(bitPattern: int))
        case .double(let double):
            put(UInt8(ascii: "d"))
            put(double.bitPattern)
        case .string(let text):
            put(UInt8(ascii: "S"))
            measured { $0.bytes.append(contentsOf: text.utf8) }
        case .bytes(let raw):
            put(UInt8(ascii: "x"))
            measured { $0.bytes.append(contentsOf: raw) }
        case .timestamp(let seconds):
            put(UInt8(ascii: "T"))
            put(seconds)
        case .decimal(let scale, let value):
            put(UInt8(ascii: "D"))
            put(scale)
            put(value)
        case .array(let values):
            put(UInt8(ascii: "A"))
            measured { for value in values { $0.put(value) } }
        case .table(let table):
            put(UInt8(ascii: "F"))
            put(table: table)
        case .null:
            put(UInt8(ascii: "V"))
        }
    }

    /// A 32-bit length and what it measures.
    private mutating func measured(_ body: (inout FrameWriter) -> Void) {
        let start = bytes.count
        put(UInt32(0))
        body(&self)
        patch(at: start, UInt32(bytes.count - start - 4))
    }

    private mutating func patch(at position: Int, _ value: UInt32) {
        withUnsafeBytes(of: value.bigEndian) { raw in
            for index in 0..<4 { bytes[position + index] = raw[index] }
        }
    }
}
