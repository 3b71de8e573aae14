import CCurl
import Glibc

/// An easy handle with what libcurl needs around it.
///
/// Belongs to the loop's thread and is used again and again.
///
/// All options of the configuration are set once; `prepare` sets those which differ from request to request.
final class Transfer {
    let easy: UnsafeMutableRawPointer
    private let errorText: UnsafeMutablePointer<CChar>
    private var fieldList: UnsafeMutablePointer<curl_slist>?
    private var connectList: UnsafeMutablePointer<curl_slist>?
    private unowned let loop: Loop

    /// The exchange served now.
    private(set) var exchange: (any Exchange)?

    /// Where the loop keeps this transfer in its list.
    var slot = 0

    /// True while it is noted as having news for its exchange.
    var hasNews = false

    private(set) var refusal: HTTPFailure?
    private let offersHTTP2: Bool
    private var waitsForHTTP2: Bool?
    private var isPaused = false
    private var status = 0
    private var headers = HTTPHeaders()
    private var isHeadComplete = false
    private var receivedBytes = 0
    private var sendings = 0
    private var mayRepeat = true
    private var lastByteAt: Int64 = 0
    private var endsAt = Int64.max

    init?(_ configuration: HTTPClientConfiguration, loop: Loop) {
        guard let easy = curl_easy_init() else { return nil }
        self.easy = easy
        self.loop = loop
        offersHTTP2 = configuration.http2
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        configure(configuration)
        installCallbacks()
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(fieldList)
        curl_slist_free_all(connectList)
        errorText.deallocate()
    }

    /// The transfer of a handle that libcurl reports.
    static func of(_ easy: UnsafeMutableRawPointer) -> Transfer? {
        var context: UnsafeMutableRawPointer?
        hcurl_get_pointer(easy, CURLINFO_PRIVATE, &context)
        return context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    /// True once libcurl was about to send the request on a connection.
    var hasReachedServer: Bool { sendings > 0 }

    // MARK: Options

    private func set(_ option: CURLoption, _ value: Int) { hcurl_set_long(easy, option, value) }
    private func set(_ option: CURLoption, _ value: String?) {
        if let value { hcurl_set_string(easy, option, value) } else { hcurl_set_pointer(easy, option, nil) }
    }
    private func set(_ option: CURLoption, _ value: [UInt8]?) {
        value?.withUnsafeBytes { _ = hcurl_set_blob(easy, option, $0.baseAddress, $0.count) }
    }

    private func configure(_ configuration: HTTPClientConfiguration) {
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        set(CURLOPT_USERAGENT, configuration.userAgent)
        set(CURLOPT_CONNECTTIMEOUT_MS, Int(configuration.connectTimeLimit.wholeMilliseconds))
        if configuration.compression { set(CURLOPT_ACCEPT_ENCODING, "gzip") }
        // Empty means no proxy; unset would mean to ask the environment.
        set(CURLOPT_PROXY, configuration.proxy.map(Self.resolvingRemotely) ?? "")
        set(CURLOPT_NOPROXY, "")
        configure(configuration.tls)
    }

    /// Chooses the protocol for the address.
    ///
    /// Waiting for a first connection to say whether it can carry more, instead of opening one each, is right only where
    /// the TLS handshake says it: on a plain connection libcurl would wait for the first answer, however late.
    private func chooseProtocol(isSecure: Bool) {
        let usesHTTP2 = offersHTTP2 && isSecure
        guard waitsForHTTP2 != usesHTTP2 else { return }
        waitsForHTTP2 = usesHTTP2
        set(CURLOPT_HTTP_VERSION, usesHTTP2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)
        set(CURLOPT_PIPEWAIT, usesHTTP2 ? 1 : 0)
    }

    private func configure(_ tls: TLSConfiguration) {
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let authority = tls.certificateAuthority {
            // The directory of the system's authorities would be asked besides the bytes.
            set(CURLOPT_CAINFO, nil as String?)
            set(CURLOPT_CAPATH, nil as String?)
            set(CURLOPT_CAINFO_BLOB, authority)
        }
        if let certificate = tls.clientCertificate {
            set(CURLOPT_SSLCERTTYPE, "PEM")
            set(CURLOPT_SSLCERT_BLOB, certificate)
            set(CURLOPT_SSLKEYTYPE, "PEM")
            set(CURLOPT_SSLKEY_BLOB, tls.clientKey)
        }
        if tls.insecureSkipVerify {
            set(CURLOPT_SSL_VERIFYPEER, 0)
            set(CURLOPT_SSL_VERIFYHOST, 0)
        }
    }

    private static func resolvingRemotely(_ proxy: String) -> String {
        proxy.hasPrefix("socks5://") ? "socks5h://" + proxy.dropFirst("socks5://".count) : proxy
    }

    private func installCallbacks() {
        // The loop keeps the transfer alive for as long as the handle can call.
        let me = Unmanaged.passUnretained(self).toOpaque()
        hcurl_set_pointer(easy, CURLOPT_PRIVATE, me)
        hcurl_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
        hcurl_set_write(easy, { Transfer.take(part: $0, $1 * $2, $3) }, me)
        hcurl_set_header(easy, { Transfer.take(line: $0, $1 * $2, $3) }, me)
        hcurl_set_prereq(easy, { context, _, _, _, _ in Transfer.mayBeSent(context) }, me)
        hcurl_set_sockopt(easy, { _, socket, _ in Transfer.watchPeer(socket) })
    }

    /// Lets TCP find a dead peer within 30 seconds, on an idle connection as on one with unanswered data.
    ///
    /// libcurl 7.88 sends no HTTP/2 ping while transfers run; this serves HTTP/2 and HTTP/1.1 alike.
    private static func watchPeer(_ socket: curl_socket_t) -> Int32 {
        func set(_ level: Int32, _ name: Int32, _ value: Int32) {
            var value = value
            // A socket that lacks the option (a proxy on a Unix socket) works without it.
            _ = setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
        }
        set(SOL_SOCKET, SO_KEEPALIVE, 1)
        set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 15)
        set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 5)
        set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
        set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 30_000)
        return 0
    }

    // MARK: One exchange

    /// Sets the handle up for an exchange.
    func prepare(_ exchange: any Exchange, serverName: String?) throws(HTTPFailure) {
        let request = exchange.request
        self.exchange = exchange
        errorText[0] = 0
        lastByteAt = monotonicMilliseconds()
        endsAt = request.timeLimit.map { lastByteAt.saturatingAdd($0.wholeMilliseconds) } ?? .max
        // These can be told apart from a request that was made once only by the server.
        mayRepeat = request.method != "POST" && request.method != "PATCH"

        let host = try setAddress(request, serverName: serverName)
        setMethod(request)
        fieldList = fields(of: request, host: host)
        hcurl_set_list(easy, CURLOPT_HTTPHEADER, fieldList)
    }

    /// Forgets the exchange, so that the handle can serve another.
    func clear() {
        hcurl_set_list(easy, CURLOPT_HTTPHEADER, nil)
        curl_slist_free_all(fieldList)
        fieldList = nil
        if connectList != nil {
            hcurl_set_list(easy, CURLOPT_CONNECT_TO, nil)
            curl_slist_free_all(connectList)
            connectList = nil
        }
        exchange = nil
        refusal = nil
        isPaused = false
        status = 0
        headers = HTTPHeaders()
        isHeadComplete = false
        receivedBytes = 0
        sendings = 0
        endsAt = .max
    }

    /// Sets the address; returns the `Host` field to send if it differs from the host of the address.
    private func setAddress(_ request: HTTPRequest, serverName: String?) throws(HTTPFailure) -> String? {
        let isSecure = request.url.prefix(6).lowercased() == "https:"
        chooseProtocol(isSecure: isSecure)
        guard let serverName, isSecure else {
            set(CURLOPT_URL, request.url)
            return nil
        }
        guard let route = ServerNameRoute(request.url, serverName: serverName) else {
            throw HTTPFailure(.invalidURL, request, "the address cannot be read")
        }
        set(CURLOPT_URL, route.url)
        connectList = curl_slist_append(nil, route.connectTo)
        hcurl_set_list(easy, CURLOPT_CONNECT_TO, connectList)
        return route.host
    }

    private func setMethod(_ request: HTTPRequest) {
        // First, because it takes back the method, the body and the "no body" of the exchange before.
        set(CURLOPT_HTTPGET, 1)
        let isWriting = ["POST", "PUT", "PATCH"].contains(request.method)
        if request.method == "HEAD" {
            set(CURLOPT_NOBODY, 1)
        } else if let body = request.body ?? (isWriting ? [] : nil) {
            set(CURLOPT_POST, 1)
            hcurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
            body.withUnsafeBytes { bytes in
                _ = hcurl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, bytes.baseAddress ?? UnsafeRawPointer(errorText))
            }
            set(CURLOPT_CUSTOMREQUEST, request.method)
            return
        }
        set(CURLOPT_CUSTOMREQUEST, request.method == "GET" || request.method == "HEAD" ? nil : request.method)
    }

    private func fields(of request: HTTPRequest, host: String?) -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        request.headers.lines.withUnsafeBufferPointer { lines in
            var start = 0
            while start < lines.count, let close = lines[start...].firstIndex(of: 0) {
                let line = UnsafeBufferPointer(rebasing: lines[start...close])
                if lines[close - 2] == UInt8(ascii: ":"), line.firstIndex(of: UInt8(ascii: ":")) == line.count - 3 {
                    // libcurl removes a field written without a value; this is its spelling of an empty one.
                    list = curl_slist_append(list, String(decoding: line.dropLast(3), as: UTF8.self) + ";")
                } else {
                    line.withMemoryRebound(to: CChar.self) { list = curl_slist_append(list, $0.baseAddress) }
                }
                start = close + 1
            }
        }
        if let host, request.headers["Host"] == nil { list = curl_slist_append(list, "Host: " + host) }
        if let body = request.body {
            // Left alone libcurl calls every body a form, and asks before it sends a large one.
            if request.headers["Content-Type"] == nil { list = curl_slist_append(list, "Content-Type:") }
            if body.count > 500_000 { list = curl_slist_append(list, "Expect:") }
        }
        return list
    }

    // MARK: Time

    /// When to look at the limits again, in milliseconds of the monotonic clock.
    var nextLimit: Int64 {
        guard !isPaused, let idle = exchange?.request.idleLimit else { return endsAt }
        return min(endsAt, lastByteAt.saturatingAdd(idle.wholeMilliseconds))
    }

    /// The failure if a limit has passed.
    func limitPassed(at now: Int64) -> HTTPFailure? {
        guard nextLimit <= now, let request = exchange?.request else { return nil }
        let progress =
            hasReachedServer ? (isHeadComplete ? "\(receivedBytes) bytes had come" : "no answer had come") : "not sent"
        let what =
            if now >= endsAt, let limit = request.timeLimit {
                "not complete within \(limit)"
            } else {
                "no byte came for \(request.idleLimit ?? .zero)"
            }
        return HTTPFailure(.timeout, request, "\(what); \(progress)", mayHaveReachedServer: hasReachedServer)
    }

    /// Lets a paused body go on.
    ///
    /// May offer bytes before it returns.
    func resume() {
        guard isPaused else { return }
        isPaused = false
        lastByteAt = monotonicMilliseconds()
        curl_easy_pause(easy, CURLPAUSE_RECV_CONT)
    }

    // MARK: Callbacks, on the loop's thread, from inside libcurl

    private static func mayBeSent(_ context: UnsafeMutableRawPointer?) -> Int32 {
        guard let context else { return CURL_PREREQFUNC_ABORT }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        // libcurl sends a request again when a kept connection turns out closed. The server may have acted on the first
        // one, so what must not happen twice fails instead, and the caller looks before it repeats.
        if transfer.hasReachedServer, !transfer.mayRepeat { return CURL_PREREQFUNC_ABORT }
        transfer.sendings += 1
        return CURL_PREREQFUNC_OK
    }

    private static func take(
        line: UnsafeMutablePointer<CChar>?,
        _ count: Int,
        _ context: UnsafeMutableRawPointer?
    )
        -> Int
    {
        guard let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        transfer.take(line: UnsafeRawBufferPointer(start: line, count: count))
        return count
    }

    private func take(line: UnsafeRawBufferPointer) {
        lastByteAt = monotonicMilliseconds()
        // Lines after the head are trailers, which nobody here reads.
        guard !isHeadComplete else { return }
        var end = line.count
        while end > 0, line[end - 1] == 13 || line[end - 1] == 10 { end -= 1 }
        let text = UnsafeRawBufferPointer(rebasing: line[..<end])
        if end == 0 {
            // A 1xx answer announces another head; 101 would be the last, and is no use to us.
            guard status >= 200 || status == 101 else { return }
            isHeadComplete = true
            exchange?.receive(head: ResponseHead(status: status, headers: headers))
            headers = HTTPHeaders()
            loop.note(self)
        } else if text.starts(with: "HTTP/".utf8) {
            headers = HTTPHeaders()
            status = Self.status(of: text)
        } else {
            headers.add(line: text)
        }
    }

    /// The number after the first space of a status line, 0 if there is none.
    private static func status(of line: UnsafeRawBufferPointer) -> Int {
        guard let space = line.firstIndex(of: 32) else { return 0 }
        var status = 0
        for byte in line[(space + 1)...].prefix(3) {
            guard byte &- 48 < 10 else { return 0 }
            status = status * 10 + Int(byte - 48)
        }
        return status
    }

    private static func take(
        part: UnsafeMutablePointer<CChar>?,
        _ count: Int,
        _ context: UnsafeMutableRawPointer?
    )
        -> Int
    {
        guard let context, count > 0 else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        return transfer.take(part: UnsafeRawBufferPointer(start: part, count: count))
    }

    private func take(part: UnsafeRawBufferPointer) -> Int {
        lastByteAt = monotonicMilliseconds()
        var expected: curl_off_t = -1
        if receivedBytes == 0 { hcurl_get_offset(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &expected) }
        switch exchange?.receive(part, expectedBytes: Int(expected)) {
        case .taken:
            receivedBytes += part.count
            loop.note(self)
            return part.count
        case .paused:
            isPaused = true
            loop.note(self)
            return Int(CURL_WRITEFUNC_PAUSE)
        case .refused(let failure):
            refusal = failure
            return 0
        case nil: return 0
        }
    }

    // MARK: The end

    /// The failure that a result code of libcurl stands for, nil for success.
    func failure(for code: CURLcode) -> HTTPFailure? {
        guard let request = exchange?.request else { return nil }
        if let refusal { return refusal }
        if code == CURLE_OK {
            guard !isHeadComplete else { return nil }
            return HTTPFailure(
                .closed,
                request,
                "the connection closed within the head of the answer",
                mayHaveReachedServer: true
            )
        }
        var text = String(cString: errorText)
        if text.isEmpty { text = String(cString: curl_easy_strerror(code)) }
        let reason = Self.reason(for: code, text: text, wasSent: hasReachedServer)
        if code == CURLE_ABORTED_BY_CALLBACK {
            text = "Connection died before the answer, and the request may not be repeated unasked"
        }
        return HTTPFailure(
            reason,
            request,
            "\(Self.summary(of: reason)): \"\(text)\"",
            mayHaveReachedServer: hasReachedServer
        )
    }

    private static func summary(of reason: HTTPFailure.Reason) -> String {
        switch reason {
        case .connect: "no connection"
        case .resolve: "unknown host name"
        case .tls: "the TLS handshake failed"
        case .timeout: "a time limit passed"
        case .closed: "the connection closed early"
        case .invalidURL: "the address cannot be used"
        case .protocolError: "the answer is not valid HTTP"
        default: "the transfer failed"
        }
    }

    private static func reason(for code: CURLcode, text: String, wasSent: Bool) -> HTTPFailure.Reason {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: return .resolve
        case CURLE_COULDNT_CONNECT, CURLE_PROXY, CURLE_INTERFACE_FAILED: return .connect
        case CURLE_OPERATION_TIMEDOUT: return .timeout
        case CURLE_URL_MALFORMAT: return .invalidURL
        // HTTP/0.9 is an unsupported protocol too, but by then the address was fine.
        case CURLE_UNSUPPORTED_PROTOCOL: return wasSent ? .protocolError : .invalidURL
        case CURLE_SSL_CONNECT_ERROR:
            // A peer that goes away during the handshake says nothing about trust.
            let isCut = Substring(text).firstRange(ofASCII: "SSL_ERROR_SYSCALL") != nil
            return isCut || Substring(text).firstRange(ofASCII: "Connection reset") != nil ? .connect : .tls
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT,
            CURLE_USE_SSL_FAILED, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CRL_BADFILE:
            return .tls
        case CURLE_RECV_ERROR, CURLE_SEND_ERROR:
            // In TLS 1.3 a server refuses a client certificate only after the client thinks the handshake done.
            if Substring(text).firstRange(ofASCII: "alert") != nil, Substring(text).firstRange(ofASCII: "SSL") != nil {
                return .tls
            }
            return Substring(text).firstRange(ofASCII: "chunk") != nil ? .protocolError : .closed
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_SEND_FAIL_REWIND,
            CURLE_ABORTED_BY_CALLBACK:
            return .closed
        case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING: return .protocolError
        case CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT, CURLE_NO_CONNECTION_AVAILABLE: return .unavailable
        default: return wasSent ? .protocolError : .connect
        }
    }
}

/// Milliseconds of the monotonic clock.
func monotonicMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
}

extension Duration {
    /// Milliseconds, rounded up, at least 1, at most a day short of what fits a C `long` many times over.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        guard seconds < 1 << 31 else { return 1 << 41 }
        return max(1, seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

extension Int64 {
    func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
