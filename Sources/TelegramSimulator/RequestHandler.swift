import NIOCore
import NIOHTTP1
import TelegramSimulation

/// Serves the requests of one connection, one after another, on the connection's event loop.
///
/// It stands directly in NIO's HTTP/1.1 pipeline: faults need the connection itself (resets, halves of answers), and
/// a call costs no hop between tasks.
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Bytes of a body. Telegram takes files of up to 50 MB.
    static let maximumBodySize = 64 << 20

    private let simulation: Simulation
    private var context: ChannelHandlerContext?
    private var head: HTTPRequestHead?
    private var body: ByteBuffer?
    private var isTooLarge = false
    /// Counts the requests of this connection.
    private var exchange: UInt64 = 0
    private var poll: Poll?

    /// The long poll this connection waits for.
    private struct Poll {
        let bot: SimulatedBot
        let id: UInt64
        let fault: Fault?
        let timer: Scheduled<Void>
    }

    init(simulation: Simulation) { self.simulation = simulation }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        abandonPoll()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        abandonPoll()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = nil
            isTooLarge = false
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                let proceed = HTTPResponseHead(version: .http1_1, status: .continue)
                context.writeAndFlush(wrapOutboundOut(.head(proceed)), promise: nil)
            }
        case .body(var part):
            if (body?.readableBytes ?? 0) + part.readableBytes > Self.maximumBodySize {
                isTooLarge = true
                body = nil
            } else if !isTooLarge {
                if body == nil { body = part } else { body?.writeBuffer(&part) }
            }
        case .end:
            exchange += 1
            guard let head else { return }
            let body = body.map { Array($0.readableBytesView) } ?? []
            self.body = nil
            serve(head, body)
        }
    }

    // MARK: Requests

    private func serve(_ head: HTTPRequestHead, _ body: [UInt8]) {
        if isTooLarge { return respond(Reply(APIError(413, "Request Entity Too Large"))) }
        let (target, query) = RequestTarget.read(head.uri)
        switch target {
        case .call(let token, let method):
            guard let bot = simulation.bot(token: token) else {
                return respond(Reply(token.contains(":") ? .unauthorized : .notFound))
            }
            let contentType = head.headers.first(name: "content-type")
            call(bot, method, simulation.drawFault(bot: bot.identity.id, method: method)) {
                () throws(APIError) in try Parameters(query: query, contentType: contentType, body: body)
            }
        case .control(let path):
            guard let verb = ControlRequest.Verb(rawValue: head.method.rawValue) else {
                return respond(Reply(APIError(405, "Method Not Allowed: GET, POST or DELETE")))
            }
            var parameters = Parameters()
            parameters.add(form: query)
            let request = ControlRequest(verb: verb, path: path, query: parameters, body: body)
            respond(simulation.control(request, now: WallClock.now))
        case .unknown:
            respond(Reply(.notFound))
        }
    }

    private func call(
        _ bot: SimulatedBot,
        _ method: String,
        _ fault: Fault?,
        _ parameters: () throws(APIError) -> Parameters
    ) {
        let read: Parameters
        do throws(APIError) { read = try parameters() } catch { return respond(Reply(error), fault) }
        guard let eventLoop = context?.eventLoop else { return }
        if let milliseconds = fault?.delay {
            eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(milliseconds))) {
                self.perform(bot, method, read, nil, on: eventLoop)
            }
        } else if let fault, !fault.takesEffect {
            simulation.countFault(fault, bot: bot, method: method)
            if let reply = fault.reply { respond(reply) } else { respond(Reply(body: []), fault) }
        } else {
            perform(bot, method, read, fault, on: eventLoop)
        }
    }

    /// A delayed call takes effect even though its client has given up meanwhile.
    private func perform(
        _ bot: SimulatedBot, _ method: String, _ parameters: Parameters, _ fault: Fault?, on eventLoop: any EventLoop
    ) {
        let isLost = fault?.losesAnswer ?? false || context == nil
        let outcome = bot.call(method, parameters, answerLost: isLost, now: WallClock.now) {
            PollReply(self, eventLoop: eventLoop, exchange: exchange)
        }
        switch outcome {
        case .reply(let reply): respond(reply, fault)
        case .waiting(let id, let seconds):
            guard context != nil else { return bot.abandonPoll(id) }
            let timer = eventLoop.scheduleTask(in: .seconds(Int64(seconds))) {
                bot.expirePoll(id, now: WallClock.now)
            }
            poll = Poll(bot: bot, id: id, fault: fault, timer: timer)
        }
    }

    // MARK: Polls

    func finishPoll(_ reply: Reply, exchange: UInt64) {
        guard exchange == self.exchange, let poll else { return }
        self.poll = nil
        poll.timer.cancel()
        respond(reply, poll.fault)
    }

    private func abandonPoll() {
        guard let poll else { return }
        self.poll = nil
        poll.timer.cancel()
        poll.bot.abandonPoll(poll.id)
    }

    // MARK: Answers

    private func respond(_ reply: Reply, _ fault: Fault? = nil) {
        guard let context, context.channel.isActive else { return }
        switch fault {
        case .drop: context.close(promise: nil)
        case .reset: ConnectionFault.reset(context)
        case .timeout, .silence: ConnectionFault.holdOpen(context)
        case .half: write(reply, to: context, half: true)
        case nil, .delay, .internalError, .badGateway, .tooManyRequests: write(reply, to: context, half: false)
        }
    }

    private func write(_ reply: Reply, to context: ChannelHandlerContext, half: Bool) {
        let keepAlive = (head?.isKeepAlive ?? false) && !isTooLarge && !half
        var headers = HTTPHeaders()
        headers.reserveCapacity(3)
        headers.add(name: "content-type", value: reply.contentType.rawValue)
        headers.add(name: "content-length", value: String(reply.body.count))
        if !keepAlive {
            headers.add(name: "connection", value: "close")
        } else if head?.version == .http1_0 {
            headers.add(name: "connection", value: "keep-alive")
        }
        let head = HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: reply.status),
            headers: headers
        )
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let part = half ? reply.body.prefix(reply.body.count / 2) : reply.body[...]
        context.write(wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: part)))), promise: nil)
        if half {
            context.flush()
            context.close(promise: nil)
        } else if keepAlive {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        } else {
            let written = context.eventLoop.makePromise(of: Void.self)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
            let channel = context.channel
            written.futureResult.whenComplete { _ in channel.close(promise: nil) }
        }
    }
}
