import Glibc
import NIOCore

/// Why the simulator cannot start. There is nothing to retry: the operator has to change something.
enum SimulatorError: Error, CustomStringConvertible {
    case cannotListen(host: String, port: Int, reason: String)
    case cannotWrite(path: String, reason: String)
    case cannotStart(String)

    var description: String {
        switch self {
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host):\(port): \(reason); choose another port with --listen, or 0 for a free one"
        case .cannotWrite(let path, let reason): "cannot write the port to \(path): \(reason)"
        case .cannotStart(let reason): "cannot start: \(reason)"
        }
    }

    /// The system's words for an error number, where there is one.
    static func reason(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }
}
