import Glibc
import NIOCore

/// What a client can see of a connection that fails.
enum ConnectionFault {
    /// A request that is never answered holds its connection so long at most.
    static let longestHold = TimeAmount.minutes(10)

    /// Closes with RST: what is unsent is discarded (socket(7), SO_LINGER with a time of zero).
    static func reset(_ context: ChannelHandlerContext) {
        let channel = context.channel
        guard let options = channel as? any SocketOptionProvider else { return channel.close(promise: nil) }
        options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
    }

    /// Answers nothing until the client has gone.
    static func holdOpen(_ context: ChannelHandlerContext) {
        let channel = context.channel
        let timer = context.eventLoop.scheduleTask(in: longestHold) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in timer.cancel() }
    }
}
