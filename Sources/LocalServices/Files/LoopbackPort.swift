import Glibc

/// Ports on 127.0.0.1.
public enum LoopbackPort {
    /// Below the range from which Linux takes ports for outgoing connections (32768 up), so that a remembered port is
    /// not taken by chance while its server is down.
    static let range: ClosedRange<UInt16> = 20_000...29_999

    /// A port nobody listens on and that is not in `taken`.
    public static func free(except taken: Set<UInt16> = []) throws(ServiceError) -> UInt16 {
        for _ in 0..<1000 {
            let port = UInt16.random(in: range)
            if !taken.contains(port), isFree(port) { return port }
        }
        throw ServiceError(
            .portTaken,
            "127.0.0.1",
            "no free port from \(range.lowerBound) to \(range.upperBound)",
            advice: "stop some of the programs that listen there"
        )
    }

    /// Whether a server could listen on the port.
    public static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // As servers do: connections of an earlier one that linger in TIME_WAIT do not count.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        return withAddress(port) { bind(descriptor, $0, $1) } == 0
    }

    static func withAddress<Result>(
        _ port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
        }
    }
}
