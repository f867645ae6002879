import CCurl
import Glibc

/// Owns one easy handle and what a transfer collects. Reused: options that never change are set once, others only when
/// they differ from the transfer before.
final class CurlEasy {
    let raw: UnsafeMutableRawPointer
    private(set) var submission: Submission?
    /// Its place among the active handles.
    var index = 0

    private let maximumResponseSize: Int
    private var body: [UInt8] = []
    private var header: [UInt8] = []
    private var isTooLarge = false
    /// Bytes of the request's body that libcurl took by itself.
    private var uploaded = 0

    private var fields: [HTTPField]?
    private var fieldList: UnsafeMutablePointer<curl_slist>?
    private var method: HTTPMethod?
    private var isSecure: Bool?
    private var connectTimeout: Duration?

    /// A larger body is not kept by an idle handle.
    private static let keptBody = 64 << 10
    /// Header fields beyond this are an attack or a mistake.
    private static let maximumHeaderSize = 256 << 10

    init?(_ configuration: HTTPConfiguration, owner: Transfers) {
        guard let raw = curl_easy_init() else { return nil }
        self.raw = raw
        maximumResponseSize = configuration.maximumResponseSize
        let context = Unmanaged.passUnretained(self).toOpaque()
        ccurl_easy_set_private(raw, context)
        ccurl_easy_on_body(raw, bodyArrived, context)
        ccurl_easy_on_header(raw, headerArrived, context)
        ccurl_easy_on_upload(raw, bodyWanted, bodyRewound, context)
        ccurl_easy_on_sockets(raw, openSocket, closeSocket, Unmanaged.passUnretained(owner).toOpaque())
        ccurl_easy_limit_protocols(raw)
        ccurl_easy_set_long(raw, CURLOPT_NOSIGNAL, 1)
        ccurl_easy_set_long(raw, CURLOPT_NOPROGRESS, 1)
        ccurl_easy_set_long(raw, CURLOPT_TCP_NODELAY, 1)
        ccurl_easy_set_long(raw, CURLOPT_TCP_KEEPALIVE, 1)
        ccurl_easy_set_long(raw, CURLOPT_FOLLOWLOCATION, 0)
        ccurl_easy_set_long(raw, CURLOPT_SSL_VERIFYPEER, 1)
        ccurl_easy_set_long(raw, CURLOPT_SSL_VERIFYHOST, 2)
        ccurl_easy_set_size(raw, CURLOPT_MAXFILESIZE_LARGE, curl_off_t(configuration.maximumResponseSize))
        ccurl_easy_set_string(raw, CURLOPT_USERAGENT, configuration.userAgent)
        if let file = configuration.caFile { ccurl_easy_set_string(raw, CURLOPT_CAINFO, file) }
        if !configuration.usesEnvironmentProxy { ccurl_easy_set_string(raw, CURLOPT_PROXY, "") }
    }

    deinit {
        curl_easy_cleanup(raw)
        curl_slist_free_all(fieldList)
    }

    /// Whether any of the request went out.
    var hasSent: Bool { ccurl_easy_long(raw, CURLINFO_REQUEST_SIZE) > 0 }

    // MARK: A transfer's course

    /// - Returns: why the request cannot be sent as it is.
    func prepare(_ submission: Submission) -> HTTPError? {
        let request = submission.request
        let isSecure = HTTPEndpoint.isSecure(request.url)
        guard isSecure || HTTPEndpoint.isPlain(request.url), !request.url.utf8.contains(0) else {
            return submission.failure(.invalidRequest, "neither http nor https")
        }
        guard setFields(request.headers) else { return submission.failure(.invalidRequest, "bad header field") }
        if isSecure != self.isSecure {
            self.isSecure = isSecure
            // ALPN offers HTTP/2; over plain text there is no way to ask for it that all servers stand.
            let version = isSecure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1
            ccurl_easy_set_long(raw, CURLOPT_HTTP_VERSION, Int(version))
            ccurl_easy_set_long(raw, CURLOPT_PIPEWAIT, isSecure ? 1 : 0)
        }
        if request.connectTimeout != connectTimeout {
            connectTimeout = request.connectTimeout
            ccurl_easy_set_long(raw, CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(request.connectTimeout))
        }
        guard ccurl_easy_set_string(raw, CURLOPT_URL, request.url) == CURLE_OK else {
            return submission.failure(.system)
        }
        setMethod(request)
        self.submission = submission
        return nil
    }

    /// What the transfer that just ended with `code` brought.
    func result(_ code: CURLcode) -> Result<HTTPResponse, HTTPError> {
        if code == CURLE_OK {
            let status = ccurl_easy_long(raw, CURLINFO_RESPONSE_CODE)
            defer {
                header = []
                body = []
            }
            return .success(HTTPResponse(status: status, headers: HTTPHeaders(block: header), body: body))
        }
        return .failure(
            HTTPError(
                code: isTooLarge ? .responseTooLarge : HTTPError.Code(code),
                endpoint: submission.map { HTTPEndpoint.of($0.request.url) } ?? "",
                detail: isTooLarge ? "" : String(cString: curl_easy_strerror(code)),
                mayHaveArrived: hasSent
            )
        )
    }

    /// Makes the handle ready for the next transfer and gives back what it served.
    func finish() -> Submission? {
        defer { submission = nil }
        body = []
        header = []
        isTooLarge = false
        if let submission, submission.request.body.count > Self.keptBody {
            ccurl_easy_set_size(raw, CURLOPT_POSTFIELDSIZE_LARGE, 0)
            ccurl_easy_set_body(raw, "")
        }
        return submission
    }

    private func setMethod(_ request: HTTPRequest) {
        if request.method == .get, request.body.isEmpty {
            if method != .get {
                ccurl_easy_set_string(raw, CURLOPT_CUSTOMREQUEST, nil)
                ccurl_easy_set_long(raw, CURLOPT_HTTPGET, 1)
            }
        } else {
            if method != request.method {
                // Setting a body makes it a POST; any other method is that with another name.
                ccurl_easy_set_string(
                    raw,
                    CURLOPT_CUSTOMREQUEST,
                    request.method == .post ? nil : request.method.rawValue
                )
            }
            ccurl_easy_set_size(raw, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            uploaded = 0
            _ = request.body.withUnsafeBytes { bytes in
                if !request.isRepeatable {
                    // It comes from a callback that cannot go back, so libcurl cannot send it a second time.
                    ccurl_easy_set_no_body(raw)
                } else if let start = bytes.baseAddress {
                    ccurl_easy_set_body(raw, start)
                } else {
                    ccurl_easy_set_body(raw, "")
                }
            }
            ccurl_easy_set_long(raw, CURLOPT_POST, 1)
        }
        method = request.method == .get && !request.body.isEmpty ? nil : request.method
    }

    private func setFields(_ wanted: [HTTPField]) -> Bool {
        if fields == wanted { return true }
        guard wanted.allSatisfy(Self.isSendable) else { return false }
        curl_slist_free_all(fieldList)
        // libcurl would ask for leave to send larger bodies and wait a second for an answer that few servers give.
        fieldList = curl_slist_append(nil, "Expect:")
        for field in wanted {
            // "Name;" is libcurl's way to send a field without a value.
            fieldList = curl_slist_append(
                fieldList,
                field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)"
            )
        }
        ccurl_easy_set_fields(raw, fieldList)
        fields = wanted
        return true
    }

    private static func isSendable(_ field: HTTPField) -> Bool {
        !field.name.isEmpty && !field.name.utf8.contains { $0 <= 32 || $0 == UInt8(ascii: ":") || $0 >= 127 }
            && !field.value.utf8.contains { $0 == 0 || $0 == 10 || $0 == 13 }
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        let parts = duration.components
        if parts.seconds >= 1_000_000 { return 1_000_000_000 }
        return max(1, Int(parts.seconds) * 1000 + Int(parts.attoseconds / 1_000_000_000_000_000))
    }

    fileprivate func upload(to buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let body = submission?.request.body, uploaded < body.count else { return 0 }
        let count = min(buffer.count, body.count - uploaded)
        let range = uploaded..<uploaded + count
        body.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
        uploaded += count
        return count
    }

    // MARK: What arrives

    fileprivate func addBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= maximumResponseSize else {
            isTooLarge = true
            return false
        }
        body.append(contentsOf: bytes)
        return true
    }

    fileprivate func addHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // A status line starts over: what came before was an interim response.
        if bytes.starts(with: "HTTP/".utf8) { header.removeAll(keepingCapacity: true) }
        guard header.count + bytes.count <= Self.maximumHeaderSize else {
            isTooLarge = true
            return false
        }
        header.append(contentsOf: bytes)
        return true
    }
}

// Taking less than all of the bytes makes libcurl abort the transfer.

private func bodyArrived(
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let easy = Unmanaged<CurlEasy>.fromOpaque(context).takeUnretainedValue()
    return easy.addBody(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

private func headerArrived(
    _ bytes: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let easy = Unmanaged<CurlEasy>.fromOpaque(context).takeUnretainedValue()
    return easy.addHeader(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

private func bodyWanted(
    _ buffer: UnsafeMutablePointer<CChar>?,
    _ size: Int,
    _ count: Int,
    _ context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let easy = Unmanaged<CurlEasy>.fromOpaque(context).takeUnretainedValue()
    return easy.upload(to: UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
}

private func bodyRewound(_ context: UnsafeMutableRawPointer?, _ offset: curl_off_t, _ origin: Int32) -> Int32 {
    CURL_SEEKFUNC_FAIL
}

private func openSocket(
    _ context: UnsafeMutableRawPointer?,
    _ purpose: curlsocktype,
    _ address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let context, let address else { return -1 }
    let type = address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.pointee.family, type, address.pointee.`protocol`)
    if descriptor >= 0 { Unmanaged<Transfers>.fromOpaque(context).takeUnretainedValue().opened(descriptor) }
    return descriptor
}

private func closeSocket(_ context: UnsafeMutableRawPointer?, _ descriptor: curl_socket_t) -> Int32 {
    if let context { Unmanaged<Transfers>.fromOpaque(context).takeUnretainedValue().closing(descriptor) }
    return close(descriptor)
}
