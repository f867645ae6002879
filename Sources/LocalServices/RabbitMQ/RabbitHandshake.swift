/// Asks a RabbitMQ server whether it takes connections of the fleet's user.
///
/// AMQP 0-9-1, section 2.2.4: protocol header, `connection.start`, `connection.start-ok`, `connection.tune`. The node
/// listens at the very end of its start, after its users and vhosts are there.
enum RabbitHandshake {
    /// - Parameter limit: for each answer. A node under load that has not answered by then is not ready yet.
    static func probe(port: UInt16, user: String, password: String, limit: Duration = .seconds(2)) -> Readiness {
        guard let socket = LoopbackSocket(port: port, limit: limit) else { return .notYet }
        guard socket.send(Array("AMQP".utf8) + [0, 0, 9, 1]), let start = try? method(socket) else { return .notYet }
        guard start == [0, 10, 0, 10] else { return .refused("something else than RabbitMQ listens on port \(port)") }
        guard socket.send(startOK(user: user, password: password)) else { return .notYet }
        let tune: [UInt8]?
        do throws(LoopbackSocket.Lack) {
            tune = try method(socket)
        } catch {
            // Section 2.2.4: a server that does not accept the login closes the socket.
            return error == .closed
                ? .refused("user '\(user)' and the password of this home are not accepted") : .notYet
        }
        return tune == [0, 10, 0, 30] ? .ready : .refused("user '\(user)' is not accepted")
    }

    /// Class and method of the next frame, 2 bytes each; empty when it is no method frame.
    private static func method(_ socket: borrowing LoopbackSocket) throws(LoopbackSocket.Lack) -> [UInt8] {
        let head = try socket.receive(7)
        guard head[0] == 1 else { return [] }
        let size = head[3...6].reduce(0) { $0 << 8 | Int($1) }
        guard (4..<131_072).contains(size) else { return [] }
        let body = try socket.receive(size + 1)
        return body[size] == 0xce ? Array(body[0..<4]) : []
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
