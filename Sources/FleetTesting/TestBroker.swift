import Broker
import Logging

/// Names in the RabbitMQ of `FLEET_AMQP_URL` that belong to one test alone.
///
/// Needs nothing but the URL: instead of a vhost of its own, a test gets a prefix of its own, and what it names through
/// ``name(_:)`` is deleted at the end. So any number of tests share one vhost.
public final class TestBroker: Sendable {
    public let configuration: BrokerConfiguration
    public let prefix: String

    init(configuration: BrokerConfiguration, prefix: String) {
        self.configuration = configuration
        self.prefix = prefix
    }
}
