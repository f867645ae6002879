import NIOCore
import TelegramSimulation

/// Carries the answer to a long poll from whichever thread has it to the connection's event loop.
final class PollReply: PollSink {
    private let eventLoop: any EventLoop
    private let handler: NIOLoopBound<RequestHandler>
    /// Which request of the connection it answers: a later one must not get it.
    private let exchange: UInt64

    init(_ handler: RequestHandler, eventLoop: any EventLoop, exchange: UInt64) {
        self.eventLoop = eventLoop
        self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
        self.exchange = exchange
    }

    func finish(_ reply: Reply) {
        eventLoop.execute { self.handler.value.finishPoll(reply, exchange: self.exchange) }
    }
}
