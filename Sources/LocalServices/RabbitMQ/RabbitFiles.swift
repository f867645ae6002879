/// The texts a private RabbitMQ is configured with.
struct RabbitFiles {
    let settings: ServiceSettings.RabbitMQ
    /// The directory of the node: config, cookie, logs, data.
    let directory: String

    /// `rabbitmq.conf`. Everything listens on loopback; the management plugin stays off.
    var config: String {
        """
        listeners.tcp.1 = 127.0.0.1:\(settings.port)
        default_user = \(settings.user)
        default_pass = \(settings.password)
        default_user_tags.administrator = true
        disk_free_limit.absolute = 50MB
        heartbeat = 10
        log.console = false
        log.file.level = info

        """
    }

    /// The whole environment of the server and of rabbitmqctl. An own file for each that the scripts would else look
    /// for in `/etc/rabbitmq`.
    var environment: [String: String] {
        [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": directory,
            "RABBITMQ_NODENAME": settings.node,
            "RABBITMQ_CONF_ENV_FILE": "\(directory)/rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": "\(directory)/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": "\(directory)/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "\(directory)/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": "\(directory)/mnesia",
            "RABBITMQ_LOG_BASE": "\(directory)/log",
            "RABBITMQ_PID_FILE": "\(directory)/node.pid",
            "RABBITMQ_DIST_PORT": String(settings.distributionPort),
            "ERL_EPMD_PORT": String(settings.epmdPort),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        ]
    }

    /// The server's own additions. With ALLOW_INPUT the script replaces itself by the Erlang machine, so the process
    /// started is the process that gets SIGTERM; `-noinput` among its arguments then keeps it from reading its input.
    var serverEnvironment: [String: String] {
        environment.merging([
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        ]) { _, added in added }
    }

    /// A script that runs rabbitmqctl against the node, as the node's user.
    func controlScript(program: String, user: ServiceUser?) -> String {
        let exports = environment.sorted { $0.key < $1.key }.map { "export \($0.key)=\(Shell.quote($0.value))" }
        let command = ((user?.prefix ?? []) + [program]).map(Shell.quote).joined(separator: " ")
        return "#!/bin/sh\n# Written at each start: rabbitmqctl for the RabbitMQ of this home.\n"
            + exports.joined(separator: "\n") + "\ncd \(Shell.quote(directory)) && exec \(command) \"$@\"\n"
    }
}

/// Words for a POSIX shell.
public enum Shell {
    /// `text` as one word, in single quotes where it needs any.
    public static func quote(_ text: String) -> String {
        let plain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "@%_-+=:,./".utf8.contains(byte)
            }
        return plain
            ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
