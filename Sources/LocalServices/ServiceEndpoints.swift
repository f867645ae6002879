/// Where the servers are, as environment of the fleet's processes. It prints without the passwords.
public struct ServiceEndpoints: Sendable, Equatable, CustomStringConvertible {
    public var amqpURL: String?
    public var databaseURL: String?
    /// A script that runs rabbitmqctl against the broker.
    public var rabbitmqctl: String?

    public init(amqpURL: String? = nil, databaseURL: String? = nil, rabbitmqctl: String? = nil) {
        self.amqpURL = amqpURL
        self.databaseURL = databaseURL
        self.rabbitmqctl = rabbitmqctl
    }

    /// Servers that `environment` names with FLEET_AMQP_URL and FLEET_DATABASE_URL; empty values count as absent.
    public init(environment: [String: String]) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        self.init(
            amqpURL: value("FLEET_AMQP_URL"),
            databaseURL: value("FLEET_DATABASE_URL"),
            rabbitmqctl: value("FLEET_RABBITMQCTL")
        )
    }

    /// What has to be started because nothing names it.
    public var missing: Set<LocalServices.Service> {
        var services: Set<LocalServices.Service> = []
        if amqpURL == nil { services.insert(.rabbitmq) }
        if databaseURL == nil { services.insert(.postgres) }
        return services
    }

    /// This, with what it lacks from `other`. A rabbitmqctl goes with its broker.
    public func completed(by other: ServiceEndpoints) -> ServiceEndpoints {
        ServiceEndpoints(
            amqpURL: amqpURL ?? other.amqpURL,
            databaseURL: databaseURL ?? other.databaseURL,
            rabbitmqctl: amqpURL == nil ? other.rabbitmqctl : rabbitmqctl
        )
    }

    func only(_ services: Set<LocalServices.Service>) -> ServiceEndpoints {
        let broker = services.contains(.rabbitmq)
        return ServiceEndpoints(
            amqpURL: broker ? amqpURL : nil,
            databaseURL: services.contains(.postgres) ? databaseURL : nil,
            rabbitmqctl: broker ? rabbitmqctl : nil
        )
    }

    public var environment: [String: String] {
        var values: [String: String] = [:]
        values["FLEET_AMQP_URL"] = amqpURL
        values["FLEET_DATABASE_URL"] = databaseURL
        values["FLEET_RABBITMQCTL"] = rabbitmqctl
        return values
    }

    /// `export NAME=value` lines for a shell. They hold the passwords.
    public var exports: String {
        environment.sorted { $0.key < $1.key }.map { "export \($0.key)=\(Shell.quote($0.value))\n" }.joined()
    }

    public var description: String {
        "servers(" + environment.keys.sorted().joined(separator: ", ") + ")"
    }
}
