import CRabbitMQ

/// What we tell the broker about ourselves. Without the capabilities it would not tell us of cancelled consumers and
/// blocked connections. https://www.rabbitmq.com/docs/connections#capabilities
enum ClientProperties {
    /// The table is good within `body` only.
    static func with<Result>(connectionName: String, _ body: (amqp_table_t) -> Result) -> Result {
        // Duplicated bytes: a C string made from a Swift literal would be gone before the library reads it.
        var texts: [amqp_bytes_t] = []
        func bytes(_ text: String) -> amqp_bytes_t {
            var text = text
            let copy = text.withUTF8 {
                amqp_bytes_malloc_dup(
                    amqp_bytes_t(len: $0.count, bytes: UnsafeMutableRawPointer(mutating: $0.baseAddress))
                )
            }
            texts.append(copy)
            return copy
        }
        defer { for text in texts { amqp_bytes_free(text) } }

        func entry(_ key: String, _ kind: Character, _ fill: (inout amqp_field_value_t) -> Void) -> amqp_table_entry_t {
            var entry = amqp_table_entry_t()
            entry.key = bytes(key)
            entry.value.kind = kind.asciiValue ?? 0
            fill(&entry.value)
            return entry
        }
        let names = ["publisher_confirms", "basic.nack", "consumer_cancel_notify", "connection.blocked"]
        var capabilities = names.map { entry($0, "t") { $0.value.boolean = 1 } }
        return capabilities.withUnsafeMutableBufferPointer { capabilities in
            let inner = amqp_table_t(num_entries: Int32(capabilities.count), entries: capabilities.baseAddress)
            var properties = [
                entry("product", "S") { $0.value.bytes = bytes("BotFleet") },
                entry("connection_name", "S") { $0.value.bytes = bytes(connectionName) },
                entry("capabilities", "F") { $0.value.table = inner },
            ]
            return properties.withUnsafeMutableBufferPointer {
                body(amqp_table_t(num_entries: Int32($0.count), entries: $0.baseAddress))
            }
        }
    }
}
