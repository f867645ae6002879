import CCurl
import EventLoop

/// Owns libcurl's multi handle: one pool of connections. libcurl calls back into ``Transfers``, never the other way
/// round within such a call.
final class CurlMulti {
    private var raw: UnsafeMutableRawPointer?

    /// libcurl wants this once a process, before anything else, and not from two threads at a time.
    private static let isReady = ccurl_global_init() == CURLE_OK

    init?(_ configuration: HTTPConfiguration) {
        guard Self.isReady, let raw = curl_multi_init() else { return nil }
        self.raw = raw
        let connections = configuration.maximumConnectionsPerHost
        ccurl_multi_set_long(raw, CURLMOPT_MAX_HOST_CONNECTIONS, connections)
        // The cache of idle connections; by default libcurl sizes it by the number of transfers and closes the rest.
        ccurl_multi_set_long(raw, CURLMOPT_MAXCONNECTS, max(connections, configuration.maximumTransfers))
        ccurl_multi_set_long(raw, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    }

    deinit { close() }

    /// Where the callbacks go. `owner` must outlive this handle's use, that is until ``close()``.
    func setOwner(_ owner: Transfers) {
        let context = Unmanaged.passUnretained(owner).toOpaque()
        ccurl_multi_on_socket(raw, socketChanged, context)
        ccurl_multi_on_timer(raw, timerChanged, context)
    }

    /// - Returns: libcurl's words when it refused.
    func add(_ easy: CurlEasy) -> String? {
        let code = curl_multi_add_handle(raw, easy.raw)
        return code == CURLM_OK ? nil : String(cString: curl_multi_strerror(code))
    }

    func remove(_ easy: CurlEasy) { curl_multi_remove_handle(raw, easy.raw) }

    func act(_ socket: Int32, _ ready: EventLoop.Interest) {
        var bits: Int32 = 0
        if ready.contains(.read) { bits |= CURL_CSELECT_IN }
        if ready.contains(.write) { bits |= CURL_CSELECT_OUT }
        var running: Int32 = 0
        curl_multi_socket_action(raw, socket, bits, &running)
    }

    func timeout() {
        var running: Int32 = 0
        curl_multi_socket_action(raw, CURL_SOCKET_TIMEOUT, 0, &running)
    }

    func nextFinished() -> (CurlEasy, CURLcode)? {
        var left: Int32 = 0
        while let message = curl_multi_info_read(raw, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle,
                let context = ccurl_easy_private(handle)
            else { continue }
            return (Unmanaged<CurlEasy>.fromOpaque(context).takeUnretainedValue(), ccurl_message_result(message))
        }
        return nil
    }

    /// Closes all connections. Every easy handle must have been removed.
    func close() {
        guard let raw else { return }
        self.raw = nil
        curl_multi_cleanup(raw)
    }
}

private func socketChanged(
    _ easy: UnsafeMutableRawPointer?,
    _ socket: curl_socket_t,
    _ what: Int32,
    _ context: UnsafeMutableRawPointer?,
    _ socketContext: UnsafeMutableRawPointer?
) -> Int32 {
    guard let context else { return 0 }
    let interest: EventLoop.Interest =
        switch what {
        case CURL_POLL_IN: .read
        case CURL_POLL_OUT: .write
        case CURL_POLL_INOUT: [.read, .write]
        default: []
        }
    Unmanaged<Transfers>.fromOpaque(context).takeUnretainedValue().want(interest, of: socket)
    return 0
}

private func timerChanged(
    _ multi: UnsafeMutableRawPointer?,
    _ milliseconds: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let context else { return 0 }
    Unmanaged<Transfers>.fromOpaque(context).takeUnretainedValue().setTimeout(milliseconds: milliseconds)
    return 0
}
