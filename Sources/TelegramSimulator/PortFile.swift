import Glibc

enum PortFile {
    /// Writes the port so that a reader sees the whole number or no file.
    static func write(_ port: Int, to path: String) throws(SimulatorError) {
        let draft = "\(path).\(getpid())"
        guard let file = fopen(draft, "w") else { throw failure(path) }
        let written = fputs("\(port)\n", file) >= 0
        guard fclose(file) == 0, written, rename(draft, path) == 0 else {
            defer { unlink(draft) }
            throw failure(path)
        }
    }

    private static func failure(_ path: String) -> SimulatorError {
        .cannotWrite(path: path, reason: String(cString: strerror(errno)))
    }
}
