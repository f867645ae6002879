/// Class and method numbers, `class << 16 | method`. AMQP 0-9-1 reference, with RabbitMQ's extensions
/// (https://www.rabbitmq.com/amqp-0-9-1-reference).
enum Method {
    static let connectionClose: UInt32 = 10 << 16 | 50
    static let connectionCloseOk: UInt32 = 10 << 16 | 51
    static let connectionBlocked: UInt32 = 10 << 16 | 60
    static let connectionUnblocked: UInt32 = 10 << 16 | 61

    static let channelOpen: UInt32 = 20 << 16 | 10
    static let channelOpenOk: UInt32 = 20 << 16 | 11
    static let channelFlow: UInt32 = 20 << 16 | 20
    static let channelFlowOk: UInt32 = 20 << 16 | 21
    static let channelClose: UInt32 = 20 << 16 | 40
    static let channelCloseOk: UInt32 = 20 << 16 | 41

    static let exchangeDeclare: UInt32 = 40 << 16 | 10
    static let exchangeDeclareOk: UInt32 = 40 << 16 | 11
    static let exchangeDelete: UInt32 = 40 << 16 | 20
    static let exchangeDeleteOk: UInt32 = 40 << 16 | 21

    static let queueDeclare: UInt32 = 50 << 16 | 10
    static let queueDeclareOk: UInt32 = 50 << 16 | 11
    static let queueBind: UInt32 = 50 << 16 | 20
    static let queueBindOk: UInt32 = 50 << 16 | 21
    static let queuePurge: UInt32 = 50 << 16 | 30
    static let queuePurgeOk: UInt32 = 50 << 16 | 31
    static let queueDelete: UInt32 = 50 << 16 | 40
    static let queueDeleteOk: UInt32 = 50 << 16 | 41
    static let queueUnbind: UInt32 = 50 << 16 | 50
    static let queueUnbindOk: UInt32 = 50 << 16 | 51

    static let basicQos: UInt32 = 60 << 16 | 10
    static let basicQosOk: UInt32 = 60 << 16 | 11
    static let basicConsume: UInt32 = 60 << 16 | 20
    static let basicConsumeOk: UInt32 = 60 << 16 | 21
    static let basicCancel: UInt32 = 60 << 16 | 30
    static let basicCancelOk: UInt32 = 60 << 16 | 31
    static let basicPublish: UInt32 = 60 << 16 | 40
    static let basicReturn: UInt32 = 60 << 16 | 50
    static let basicDeliver: UInt32 = 60 << 16 | 60
    static let basicGet: UInt32 = 60 << 16 | 70
    static let basicGetOk: UInt32 = 60 << 16 | 71
    static let basicGetEmpty: UInt32 = 60 << 16 | 72
    static let basicAck: UInt32 = 60 << 16 | 80
    static let basicReject: UInt32 = 60 << 16 | 90
    static let basicNack: UInt32 = 60 << 16 | 120

    static let confirmSelect: UInt32 = 85 << 16 | 10
    static let confirmSelectOk: UInt32 = 85 << 16 | 11
}

/// Frame types and sizes. AMQP 0-9-1 section 4.2.3.
enum Frame {
    static let method: UInt8 = 1
    static let header: UInt8 = 2
    static let body: UInt8 = 3
    static let heartbeat: UInt8 = 8
    static let end: UInt8 = 0xCE
    /// Type, channel, size; and the end octet.
    static let overhead = 8
    static let basicClass: UInt16 = 60
}
