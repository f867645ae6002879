public import Hummingbird
public import Logging

/// What a request carries from the middleware to its route.
public struct APIContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// Who asks, once the bearer token was checked.
    public var author = ""

    public init(source: ApplicationRequestContextSource) { coreContext = .init(source: source) }

    /// For calls without a connection.
    public init(logger: Logger) { coreContext = .init(source: LoggerSource(logger: logger)) }

    private struct LoggerSource: RequestContextSource {
        let logger: Logger
    }
}
