/// Asks a RabbitMQ server whether it takes connections of the fleet's user.
///
/// AMQP 0-9-1, section 2.2.4: protocol header, `connection.start`, `connection.start-ok`, `connection.tune`. The node
/// listens at the very end of its start, after its users and vhosts are there.
enum RabbitHandshake {
    static func probe(port: UInt16, user: String, password: String) -> Readiness {
        guard let socket = LoopbackSocket(port: port, limit: .seconds(2)) else { return .notYet }
        guard socket.send(Array("AMQP".utf8) + [0, 0, 9, 1]), let start = method(socket) else { return .notYet }
        guard start == [0, 10, 0, 10] else { return .refused("something else than RabbitMQ listens on port \(port)") }
        guard socket.send(startOK(user: user, password: password)), let tune = method(socket) else {
            return .refused("user '\(user)' and the password of this home are not accepted")
        }
        return tune == [0, 10, 0, 30] ? .ready : .refused("user '\(user)' is not accepted")
    }

    /// Class and method of the next frame, 2 bytes each.
    private static func method(_ socket: borrowing LoopbackSocket) -> [UInt8]? {
        guard let head = socket.receive(7), head[0] == 1 else { return nil }
        let size = head[3...6].reduce(0) { $0 << 8 | Int($1) }
        guard (4..<131_072).contains(size), let body = socket.receive(size + 1), body[size] == 0xce else { return nil }
        return Array(body[0..<4])
    }

    static func startOK(user: String, password: String) -> [UInt8] {
        let response = [0] + Array(user.utf8) + [0] + Array(password.utf8)
        var body: [UInt8] = [0, 10, 0, 11]
        body += long(0)  // client-properties: none
        body += short("PLAIN") + long(response.count) + response + short("en_US")
        return [1, 0, 0] + long(body.count) + body + [0xce]
    }

    private static func short(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
    private static func long(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }
}
