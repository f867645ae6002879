import CRabbitMQ

extension ChannelCore {
    func received(_ frame: amqp_frame_t) throws(BrokerError) {
        if phase == .closing {
            // Until the close is answered the broker may still send what it had under way.
            guard frame.frame_type == Frame.method else { return }
            switch frame.payload.method.id {
            case Method.channelCloseOk: closed(.channelClosedByUs)
            case Method.channelClose: connection.writer.method(Method.channelCloseOk, channel: id)
            default: break
            }
            return
        }
        switch frame.frame_type {
        case Frame.method: try receivedMethod(frame.payload.method)
        case Frame.header:
            let message = try assembler.header(frame, maxSize: connection.configuration.maxMessageSize)
            if let message { try complete(message) }
        case Frame.body:
            if let message = try assembler.body(frame.payload.body_fragment) { try complete(message) }
        default: throw .outOfOrder("a frame of type \(frame.frame_type)")
        }
    }

    private func receivedMethod(_ method: amqp_method_t) throws(BrokerError) {
        guard let decoded = method.decoded else { throw .outOfOrder("an empty method") }
        switch method.id {
        case Method.basicDeliver:
            let deliver = decoded.assumingMemoryBound(to: amqp_basic_deliver_t.self)
            let origin = try origin(
                consumer: deliver.pointee.consumer_tag,
                tag: deliver.pointee.delivery_tag,
                redelivered: deliver.pointee.redelivered != 0
            )
            try assembler.begin(origin, exchange: deliver.pointee.exchange, routingKey: deliver.pointee.routing_key)
        case Method.basicAck:
            let ack = decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
            publisher?.settle(ack.delivery_tag, multiple: ack.multiple != 0, as: .confirmed)
        case Method.basicNack:
            let nack = decoded.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
            publisher?.settle(nack.delivery_tag, multiple: nack.multiple != 0, as: .nacked)
        case Method.basicReturn:
            let back = decoded.assumingMemoryBound(to: amqp_basic_return_t.self).pointee
            let origin = MessageAssembler.Origin.returned(code: back.reply_code, text: back.reply_text.text)
            try assembler.begin(origin, exchange: back.exchange, routingKey: back.routing_key)
        case Method.basicGetOk:
            guard awaitsGet else { throw .outOfOrder("a message nobody asked for") }
            let got = decoded.assumingMemoryBound(to: amqp_basic_get_ok_t.self).pointee
            let origin = MessageAssembler.Origin.got(tag: got.delivery_tag, redelivered: got.redelivered != 0)
            try assembler.begin(origin, exchange: got.exchange, routingKey: got.routing_key)
        case Method.basicGetEmpty:
            guard answer(Method.basicGetOk, .message(nil)) else { throw .outOfOrder("an answer nobody asked for") }
        case Method.basicCancel:
            let cancel = decoded.assumingMemoryBound(to: amqp_basic_cancel_t.self).pointee
            cancelled(cancel.consumer_tag, wantsAnswer: cancel.nowait == 0)
        case Method.channelFlow:
            // RabbitMQ never sends it; the protocol wants an answer.
            let active = decoded.assumingMemoryBound(to: amqp_channel_flow_t.self).pointee.active
            connection.writer.method(Method.channelFlowOk, channel: id) { $0.put(UInt8(active != 0 ? 1 : 0)) }
        case Method.channelClose:
            let close = decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
            let error = BrokerError.channelClosed(by: close.reply_code, text: close.reply_text.text)
            connection.writer.method(Method.channelCloseOk, channel: id)
            closed(error)
        default:
            guard answer(method.id, try reply(method.id, decoded)) else {
                throw .outOfOrder("method \(method.id >> 16).\(method.id & 0xFFFF), which nobody waits for")
            }
        }
    }

    private func reply(_ method: UInt32, _ decoded: UnsafeMutableRawPointer) throws(BrokerError) -> Reply {
        switch method {
        case Method.queueDeclareOk:
            let ok = decoded.assumingMemoryBound(to: amqp_queue_declare_ok_t.self).pointee
            return .queue(
                QueueStatus(
                    name: ok.queue.text,
                    messages: Int(ok.message_count),
                    consumers: Int(ok.consumer_count)
                )
            )
        case Method.queueDeleteOk:
            return .count(Int(decoded.assumingMemoryBound(to: amqp_queue_delete_ok_t.self).pointee.message_count))
        case Method.queuePurgeOk:
            return .count(Int(decoded.assumingMemoryBound(to: amqp_queue_purge_ok_t.self).pointee.message_count))
        default:
            return .ok
        }
    }

    private func complete(_ message: MessageAssembler.Message) throws(BrokerError) {
        switch message.origin {
        case .delivery(let consumer, _, _):
            if consumers.allSatisfy({ $0.staged.isEmpty }) { connection.staged.append(self) }
            consumers[consumer].staged.append(message.delivery)
        case .got:
            guard answer(Method.basicGetOk, .message(message.delivery)) else {
                throw .outOfOrder("a message nobody asked for")
            }
        case .returned(let code, let text):
            publisher?.returned(message.delivery, code: Int(code), text: text)
        case .dropped: break
        }
    }

    func handOver() {
        for index in consumers.indices where !consumers[index].staged.isEmpty {
            consumers[index].queue.append(consumers[index].staged)
            consumers[index].staged.removeAll(keepingCapacity: true)
        }
    }

    private func cancelled(_ tag: amqp_bytes_t, wantsAnswer: Bool) {
        guard let position = consumer(tag), !consumers[position].isCancelled else { return }
        consumers[position].isCancelled = true
        consumers[position].staged = []
        consumers[position].queue.finish(
            BrokerError(
                .consumerCancelled,
                "RabbitMQ cancelled the consumer: its queue was deleted or its node failed; declare it and consume again"
            )
        )
        guard wantsAnswer else { return }
        connection.writer.method(Method.basicCancelOk, channel: id) { $0.put(short: Self.consumerTag(position)) }
    }

    private func closed(_ error: BrokerError) {
        end(error)
        connection.ids.giveBack(id)
    }

    // MARK: Consumer tags

    static func consumerTag(_ position: Int) -> String { "c\(position)" }

    private func origin(
        consumer tag: amqp_bytes_t,
        tag number: UInt64,
        redelivered: Bool
    ) throws(BrokerError) -> MessageAssembler.Origin {
        guard let position = consumer(tag) else { throw .outOfOrder("a delivery for a consumer that does not exist") }
        if consumers[position].isCancelled { return .dropped }
        return .delivery(consumer: position, tag: number, redelivered: redelivered)
    }

    private func consumer(_ tag: amqp_bytes_t) -> Int? {
        var position = 0
        let buffer = tag.buffer
        guard buffer.count >= 2, buffer.count <= 9, buffer[0] == UInt8(ascii: "c") else { return nil }
        for digit in buffer.dropFirst() {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            position = position * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return position < consumers.count ? position : nil
    }
}
