import Logging

extension Logger {
    /// For the libraries a command uses: only what is an error. What there is to say, the command says itself.
    public static var quiet: Logger {
        var logger = Logger(label: "fleetctl") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        return logger
    }
}
