import Glibc

/// A blocking TCP connection to a port of 127.0.0.1, with a time limit on each call: enough to ask a server whether it
/// is ready.
struct LoopbackSocket: ~Copyable {
    private let descriptor: Int32

    /// `nil` when nobody listens.
    init?(port: UInt16, limit: Duration) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var time = timeval()
        time.tv_sec = Int(limit.components.seconds)
        time.tv_usec = Int(limit.components.attoseconds / 1_000_000_000_000)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
        let socket = descriptor
        guard LoopbackPort.withAddress(port, { connect(socket, $0, $1) }) == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) -> Bool {
        Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    /// Why bytes did not come.
    enum Lack: Error {
        case closed, timedOut
    }

    /// Exactly `count` bytes.
    func receive(_ count: Int) throws(Lack) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress.map { $0 + filled }, count - filled, 0)
            }
            if got < 0, errno == EINTR { continue }
            if got < 0, errno == EAGAIN || errno == EWOULDBLOCK { throw .timedOut }
            if got <= 0 { throw .closed }
            filled += got
        }
        return bytes
    }
}

/// What a server says when asked whether it is ready.
enum Readiness: Equatable {
    case ready
    /// Nobody listens, or the server says that it is starting.
    case notYet
    /// It listens, and will not have us; the server's words.
    case refused(String)
}
