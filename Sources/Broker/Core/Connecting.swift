import CRabbitMQ
import Glibc

/// The steps that the library does for us, and their errors in words.
enum Connecting {
    /// Opens the socket, with TLS if asked for, and returns the TLS object.
    static func open(
        _ state: amqp_connection_state_t,
        _ configuration: BrokerConfiguration
    ) throws(BrokerError) -> OpaquePointer? {
        let timeout = Int(configuration.connectTimeout.milliseconds)
        guard configuration.tls else {
            guard let socket = amqp_tcp_socket_new(state) else {
                throw BrokerError(.unreachable, "no memory for a socket")
            }
            errno = 0
            let status = crabbitmq_open(socket, configuration.host, Int32(configuration.port), timeout)
            try check(open: status, errno, configuration)
            return nil
        }
        guard let socket = amqp_ssl_socket_new(state) else { throw BrokerError(.tls, "OpenSSL cannot be set up") }
        amqp_ssl_socket_set_verify_peer(socket, 1)
        amqp_ssl_socket_set_verify_hostname(socket, 1)
        if let file = configuration.caFile {
            guard amqp_ssl_socket_set_cacert(socket, file) == AMQP_STATUS_OK.rawValue else {
                throw BrokerError(.tls, "the CA file \(file) cannot be read as PEM certificates; check cacertfile")
            }
        } else {
            _ = crabbitmq_trust_system(socket)
        }
        let slot = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: 1)
        slot.initialize(to: nil)
        defer { slot.deallocate() }
        crabbitmq_capture_ssl(socket, slot)
        let status = crabbitmq_open(socket, configuration.host, Int32(configuration.port), timeout)
        let code = errno
        crabbitmq_release_ssl_slot(socket)
        try check(open: status, code, configuration)
        guard let tls = slot.pointee else { throw BrokerError(.tls, "OpenSSL did not show its connection") }
        return tls
    }

    private static func check(
        open status: Int32,
        _ code: Int32,
        _ configuration: BrokerConfiguration
    ) throws(BrokerError) {
        let place = configuration.place
        switch amqp_status_enum(rawValue: status) {
        case AMQP_STATUS_OK: return
        case AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED:
            throw BrokerError(
                .unreachable,
                "no address is known for \(configuration.host); check the host in the AMQP URL"
            )
        case AMQP_STATUS_TIMEOUT:
            throw BrokerError(
                .timeout,
                "nothing answered at \(place) within \(configuration.connectTimeout); check host, port and firewall"
            )
        case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED:
            throw BrokerError(
                .tls,
                "the certificate at \(place) is not for \(configuration.host); use the name that stands in it"
            )
        case AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
            throw BrokerError(
                .tls,
                "the certificate at \(place) is not signed by a CA that is trusted here; name the CA's file with cacertfile"
            )
        case AMQP_STATUS_SSL_ERROR, AMQP_STATUS_SSL_CONNECTION_FAILED:
            throw BrokerError(.tls, "no TLS handshake with \(place); is it RabbitMQ's TLS port?")
        default:
            // The library tells the reason only through errno, and not always.
            let why =
                [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(code) ? " (\(String(cString: strerror(code))))" : ""
            throw BrokerError(
                .unreachable,
                "nobody listens at \(place)\(why); start RabbitMQ there or correct host and port in the AMQP URL"
            )
        }
    }

    static func logIn(
        _ state: amqp_connection_state_t,
        _ configuration: BrokerConfiguration,
        timeout: Duration
    ) throws(BrokerError) {
        crabbitmq_set_handshake_timeout(state, Int(timeout.milliseconds))
        let seconds = max(1, (configuration.heartbeat.milliseconds + 999) / 1000)
        let reply = ClientProperties.with(connectionName: configuration.name) { table in
            var table = table
            return crabbitmq_login(
                state,
                configuration.vhost,
                0,
                131_072,
                Int32(min(seconds, 3600)),
                &table,
                configuration.user,
                configuration.password
            )
        }
        let place = configuration.place
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: throw refused(reply.reply, configuration)
        case AMQP_RESPONSE_LIBRARY_EXCEPTION where reply.library_error == AMQP_STATUS_TIMEOUT.rawValue:
            throw BrokerError(
                .timeout,
                "\(place) took the connection but did not finish the login in time; is it RabbitMQ's AMQP port, and healthy?"
            )
        default:
            throw BrokerError(
                .protocolViolation,
                "\(place) broke off the login (\(text(of: reply.library_error))); is it RabbitMQ's \(configuration.tls ? "TLS" : "plain AMQP") port?"
            )
        }
    }

    /// `connection.close` during the login. 403: the login itself; 530: the vhost, missing or not allowed.
    private static func refused(_ method: amqp_method_t, _ configuration: BrokerConfiguration) -> BrokerError {
        let place = configuration.place
        guard method.id == Method.connectionClose, let decoded = method.decoded else {
            return BrokerError(.protocolViolation, "\(place) broke off the login with method \(method.id)")
        }
        let close = decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
        let text = close.reply_text.text
        switch close.reply_code {
        case 403:
            return BrokerError(
                .refused(.login),
                "RabbitMQ at \(place) refused user \(configuration.user); check user and password in the AMQP URL"
            )
        case 530, 402:
            return BrokerError(
                .refused(.vhost),
                "RabbitMQ at \(place) lets user \(configuration.user) not into vhost \(configuration.vhost): \(text); create it (rabbitmqctl add_vhost) or grant permissions"
            )
        default:
            return BrokerError(.closed, "RabbitMQ at \(place) ended the login: \(text) (\(close.reply_code))")
        }
    }

    static func text(of status: Int32) -> String {
        amqp_error_string2(status).map { String(cString: $0) } ?? "status \(status)"
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
