import CMicrohttpd
import Glibc
import Synchronization

/// The daemon and the exchanges under way.
///
/// libmicrohttpd holds one reference to it from start to stop.
final class ServerCore: Sendable {
    private struct Daemon: @unchecked Sendable {
        // libmicrohttpd's daemon calls are safe from any thread; stopped once, in `shutDown`.
        let pointer: OpaquePointer
    }

    private struct State {
        var daemon: Daemon?
        /// The daemon's own descriptor of the listening socket, once it no longer accepts.
        var quiesced: Int32 = -1
        var isDraining = false
        var isStopping = false
        /// Handlers whose task has not ended.
        var running: [ObjectIdentifier: Exchange] = [:]
        /// Exchanges handed to a handler whose response is not out.
        var unanswered: Set<ObjectIdentifier> = []
        var nextWaiter = 0
        var idleWaiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var endWaiters: [CheckedContinuation<Void, Never>] = []
        var shutdown: Task<Void, Never>?

        mutating func takeIdleWaiters() -> [CheckedContinuation<Void, Never>] {
            guard unanswered.isEmpty, running.isEmpty else { return [] }
            defer { idleWaiters = [:] }
            return Array(idleWaiters.values)
        }
    }

    private let handler: @Sendable (ServerRequest) async -> ServerResponse
    private let maxBodyBytes: Int
    private let monitor: HangUpMonitor
    private let listener: ListeningSocket
    private let state = Mutex(State())
    let port: Int

    init(
        _ configuration: HTTPServerConfiguration,
        handler: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) throws(HTTPServerError) {
        self.handler = handler
        maxBodyBytes = configuration.maxBodyBytes
        listener = try ListeningSocket(address: configuration.address, port: configuration.port)
        port = listener.port
        monitor = try HangUpMonitor()
        guard let daemon = startDaemon(configuration) else {
            monitor.stop()
            throw HTTPServerError(
                .cannotStart,
                "cannot start the server on \"\(configuration.address):\(port)\": "
                    + (configuration.tls == nil
                        ? describeError(errno)
                        : "the TLS certificate, key or client authority cannot be used; check that they are PEM, that "
                            + "the key is not encrypted and belongs to the certificate")
            )
        }
        state.withLock { $0.daemon = daemon }
    }

    private func startDaemon(_ configuration: HTTPServerConfiguration) -> Daemon? {
        let owner = Unmanaged.passRetained(self)
        var settings = homeostat_httpd_settings()
        // A copy: libmicrohttpd closes what it is given when it cannot start, and does not say when it did not.
        settings.listen_socket = fcntl(listener.descriptor, F_DUPFD_CLOEXEC, 0)
        settings.connection_limit = UInt32(clamping: max(1, configuration.connectionLimit))
        settings.idle_seconds = UInt32(
            clamping: configuration.idleLimit <= .zero ? 0 : max(1, configuration.idleLimit.components.seconds)
        )
        settings.connection_memory_bytes = 32 << 10
        settings.owner = owner.toOpaque()
        settings.access = accessCallback
        settings.target = targetCallback
        settings.completed = completedCallback
        settings.connection = connectionCallback
        let tls = configuration.tls
        let daemon = withOptionalCString(tls?.keyPEM) { key in
            withOptionalCString(tls?.certificatePEM) { certificate in
                withOptionalCString(tls?.clientCAPEM) { authority in
                    settings.tls_key_pem = key
                    settings.tls_certificate_pem = certificate
                    settings.tls_client_ca_pem = authority
                    return homeostat_httpd_start(&settings)
                }
            }
        }
        guard let daemon else {
            owner.release()
            return nil
        }
        return Daemon(pointer: daemon)
    }

    // MARK: libmicrohttpd's thread

    func opened(_ connection: OpaquePointer) -> PeerConnection {
        let address = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            guard let base = text.baseAddress else { return "" }
            homeostat_httpd_address(connection, base, text.count)
            return String(cString: base)
        }
        let peer = PeerConnection(remoteAddress: address)
        peer.token = monitor.watch(peer, socket: homeostat_httpd_socket(connection))
        return peer
    }

    func closed(_ peer: PeerConnection) { monitor.forget(peer.token) }

    func advance(
        _ exchange: Exchange,
        connection: OpaquePointer,
        method: UnsafePointer<CChar>?,
        piece: UnsafeRawBufferPointer
    ) -> MHD_Result {
        let step = exchange.advance(
            connection: connection,
            method: method.map { String(cString: $0) } ?? "",
            piece: piece,
            maxBodyBytes: maxBodyBytes
        )
        switch step {
        case .proceed: return .YES
        case .close: return .NO
        case .respond(let response): return respond(response, exchange, connection)
        case .handle(let request):
            let isAccepted = state.withLock { state in
                guard !state.isStopping else { return false }
                state.running[ObjectIdentifier(exchange)] = exchange
                state.unanswered.insert(ObjectIdentifier(exchange))
                return true
            }
            guard isAccepted else { return .NO }
            exchange.handle(request, by: handler) { [self] exchange in handlerEnded(exchange) }
            return .YES
        }
    }

    private func respond(_ response: ServerResponse, _ exchange: Exchange, _ connection: OpaquePointer) -> MHD_Result {
        var response = response
        let message: OpaquePointer?
        switch response.body {
        case .disconnect: return .NO
        case .bytes(let bytes):
            message = bytes.withUnsafeBytes { bytes in
                MHD_create_response_from_buffer(
                    bytes.count,
                    UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                    .RESPMEM_MUST_COPY
                )
            }
        case .stream:
            let owner = Unmanaged.passRetained(exchange)
            // The size is MHD_SIZE_UNKNOWN; the reference is given back by the free callback.
            message = MHD_create_response_from_callback(.max, 16 << 10, readCallback, owner.toOpaque(), freeCallback)
            if let message, exchange.isHead {
                // In answer to HEAD libmicrohttpd 0.9.75 sends the last chunk of a body it does not send. Without
                // chunks it sends the header alone and closes.
                _ = homeostat_httpd_set_unchunked(message)
            }
            if message == nil { owner.release() }
        }
        guard let message else { return .NO }
        defer { MHD_destroy_response(message) }
        if state.withLock({ $0.isDraining }) { response.headers.append(("Connection", "close")) }
        for (name, value) in response.headers where !isServersOwn(name) {
            // A field that is refused (a line break in it) is left out: half a response helps nobody.
            _ = MHD_add_response_header(message, name, value)
        }
        let status = 200...599 ~= response.status ? response.status : 500
        return MHD_queue_response(connection, UInt32(status), message)
    }

    func completed(_ exchange: Exchange) {
        exchange.completed()
        let waiters = state.withLock { state in
            state.unanswered.remove(ObjectIdentifier(exchange))
            return state.takeIdleWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    // MARK: The handlers' tasks

    private func handlerEnded(_ exchange: Exchange) {
        let waiters = state.withLock { state in
            state.running[ObjectIdentifier(exchange)] = nil
            var waiters = state.takeIdleWaiters()
            if state.running.isEmpty {
                waiters += state.endWaiters
                state.endWaiters = []
            }
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    // MARK: Stopping

    /// Refuses new connections; those that are open stay so.
    func stopAccepting() {
        state.withLock { state in
            guard !state.isDraining, let daemon = state.daemon else { return }
            state.isDraining = true
            // Inside the lock, so that it cannot come after the daemon's end; it waits for nothing. The daemon gives
            // its descriptor back, to be closed when its thread has ended.
            state.quiesced = MHD_quiesce_daemon(daemon.pointer)
            listener.shutDown()
        }
    }

    /// Suspends until no request is under way, or the task is cancelled.
    func waitUntilIdle() async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if (state.unanswered.isEmpty && state.running.isEmpty) || Task.isCancelled { return true }
                    state.idleWaiters[id] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.idleWaiters.removeValue(forKey: id) }?.resume()
        }
    }

    /// Cancels every handler, waits for them, and ends the threads.
    func shutDown() async {
        let running = state.withLock { state in
            state.isStopping = true
            return Array(state.running.values)
        }
        for exchange in running { exchange.cancel() }
        // Every running handler resumes its connection before it ends: libmicrohttpd aborts the process when it is
        // stopped with a suspended one.
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.running.isEmpty { return true }
                state.endWaiters.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
        let shutdown = state.withLock { state in
            if let shutdown = state.shutdown { return shutdown }
            let daemon = state.daemon
            let descriptor = state.quiesced
            state.daemon = nil
            let shutdown = Task { [self] in
                guard let daemon else { return }
                await OwnThread.run { [self] in
                    monitor.stop()
                    MHD_stop_daemon(daemon.pointer)
                    if descriptor >= 0 { close(descriptor) }
                    Unmanaged.passUnretained(self).release()
                }
            }
            state.shutdown = shutdown
            return shutdown
        }
        await shutdown.value
    }
}

private func isServersOwn(_ name: String) -> Bool {
    ["Content-Length", "Transfer-Encoding", "Date"].contains { equalIgnoringCase($0, name) }
}

private func withOptionalCString<R>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
}

// MARK: libmicrohttpd's callbacks
// Each finds its owner through the pointer libmicrohttpd was given. An exchange is retained by its target callback and
// released by its completion, which libmicrohttpd promises to call; a connection likewise from opened to closed.

private let accessCallback: MHD_AccessHandlerCallback = { owner, connection, _, method, _, data, size, context in
    guard let owner, let connection, let context, let exchange = context.pointee, let size else { return .NO }
    let piece = UnsafeRawBufferPointer(start: data, count: size.pointee)
    let result = Unmanaged<ServerCore>.fromOpaque(owner).takeUnretainedValue()
        .advance(
            Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue(),
            connection: connection,
            method: method,
            piece: piece
        )
    size.pointee = 0
    return result
}

private let targetCallback:
    @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? =
        { _, target, connection in
            guard let target, let connection, let peer = homeostat_httpd_socket_context(connection) else { return nil }
            let exchange = Exchange(
                target: String(cString: target),
                peer: Unmanaged<PeerConnection>.fromOpaque(peer).takeUnretainedValue()
            )
            return Unmanaged.passRetained(exchange).toOpaque()
        }

private let completedCallback: MHD_RequestCompletedCallback = { owner, _, context, _ in
    guard let owner, let context, let exchange = context.pointee else { return }
    context.pointee = nil
    Unmanaged<ServerCore>.fromOpaque(owner).takeUnretainedValue()
        .completed(Unmanaged<Exchange>.fromOpaque(exchange).takeRetainedValue())
}

private let connectionCallback: MHD_NotifyConnectionCallback = { owner, connection, context, event in
    guard let owner, let connection, let context else { return }
    let core = Unmanaged<ServerCore>.fromOpaque(owner).takeUnretainedValue()
    if event.rawValue == 0 {  // MHD_CONNECTION_NOTIFY_STARTED
        context.pointee = Unmanaged.passRetained(core.opened(connection)).toOpaque()
    } else if let peer = context.pointee {
        context.pointee = nil
        core.closed(Unmanaged<PeerConnection>.fromOpaque(peer).takeRetainedValue())
    }
}

private let readCallback: MHD_ContentReaderCallback = { exchange, _, buffer, size in
    guard let exchange, let buffer else { return -2 }
    return Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue()
        .read(into: UnsafeMutableRawBufferPointer(start: buffer, count: size))
}

private let freeCallback: MHD_ContentReaderFreeCallback = { exchange in
    guard let exchange else { return }
    Unmanaged<Exchange>.fromOpaque(exchange).release()
}
