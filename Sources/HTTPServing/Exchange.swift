import CMicrohttpd
import Synchronization

/// One request and its response.
///
/// libmicrohttpd's thread drives it: it collects the body, suspends the connection while the handler's task works,
/// queues the response and pulls a stream's bytes. The handler's task and the monitor's thread reach it through the
/// lock. The connection's pointer is valid until ``completed()``, which cannot come while the connection is suspended;
/// suspending and resuming happen inside the lock so that each resume meets exactly one suspend.
final class Exchange: Sendable {
    /// What libmicrohttpd's thread does after a call of the access handler.
    enum Step {
        case proceed
        case close
        case respond(ServerResponse)
        case handle(ServerRequest)
    }

    private struct Handle: @unchecked Sendable {
        // Guarded by the exchange's lock, see above.
        let pointer: OpaquePointer
    }

    private enum Phase { case receiving, handling, answering, closed }

    private struct State {
        var phase = Phase.receiving
        var connection: Handle?
        var isSuspended = false
        var method = ""
        var headers: [(name: String, value: String)] = []
        var hasBegun = false
        var body: [UInt8] = []
        var discardedBytes = 0
        var isTooLarge = false
        var hasHungUp = false
        var isCancelled = false
        var task: Task<Void, Never>?
        var response: ServerResponse?
        var stream = StreamBuffer()
        var isStreaming = false
        var nextWriter = 0
        var writers: [Int: CheckedContinuation<Void, any Error>] = [:]

        /// Lets the socket go on; call it after any change that gives libmicrohttpd's thread something to do.
        mutating func resumeConnection() {
            guard isSuspended, let connection else { return }
            isSuspended = false
            MHD_resume_connection(connection.pointer)
        }

        mutating func takeWriters() -> [CheckedContinuation<Void, any Error>] {
            defer { writers = [:] }
            return Array(writers.values)
        }
    }

    /// A body too large is read and dropped up to this much more, so that the client gets to reading its 413.
    private static let discardLimitBytes = 32 << 20

    private let target: String
    private let peer: PeerConnection
    private let state = Mutex(State())

    init(target: String, peer: PeerConnection) {
        self.target = target
        self.peer = peer
        if peer.begin(self) { state.withLock { $0.hasHungUp = true } }
    }

    // MARK: libmicrohttpd's thread

    /// The access handler's call: the first after the headers, then one for each piece of the body, then an empty one,
    /// and one more after the handler has answered.
    func advance(
        connection: OpaquePointer,
        method: @autoclosure () -> String,
        piece: UnsafeRawBufferPointer,
        maxBodyBytes: Int
    ) -> Step {
        let connection = Handle(pointer: connection)
        let begun = state.withLock { state in
            defer { state.hasBegun = true }
            return state.hasBegun
        }
        if !begun { return begin(connection, method: method(), maxBodyBytes: maxBodyBytes) }
        if !piece.isEmpty { return receive(piece, maxBodyBytes: maxBodyBytes) }
        enum Next { case step(Step), handle(String, [(name: String, value: String)], [UInt8]) }
        let next = state.withLock { state -> Next in
            if let response = state.response {
                state.response = nil
                state.phase = .answering
                return .step(.respond(response))
            }
            if state.isTooLarge { return .step(.respond(Self.tooLarge(maxBodyBytes))) }
            guard state.phase == .receiving else { return .step(.proceed) }
            defer {
                state.body = []
                state.headers = []
            }
            return .handle(state.method, state.headers, state.body)
        }
        switch next {
        case .step(let step): return step
        case .handle(let method, let headers, let body):
            return .handle(
                ServerRequest(
                    method: method,
                    target: target,
                    headers: headers,
                    body: body,
                    remoteAddress: peer.remoteAddress,
                    clientCertificateSubject: peer.subject { clientSubject(connection.pointer) }
                )
            )
        }
    }

    private func begin(_ connection: Handle, method: String, maxBodyBytes: Int) -> Step {
        let headers = headerFields(connection.pointer)
        func value(_ name: String) -> String? { headers.first { equalIgnoringCase($0.name, name) }?.value }
        let announced = value("Content-Length").flatMap { Int($0) } ?? 0
        state.withLock { state in
            state.connection = connection
            state.method = method
            state.headers = headers
            state.isTooLarge = announced > maxBodyBytes
            if !state.isTooLarge { state.body.reserveCapacity(announced) }
        }
        guard announced > maxBodyBytes else { return .proceed }
        // Answered before the body where the client waits to be asked for it, or where it is too long to be read.
        let isAwaited = value("Expect").map { equalIgnoringCase($0, "100-continue") } ?? false
        return isAwaited || announced - maxBodyBytes > Self.discardLimitBytes
            ? .respond(Self.tooLarge(maxBodyBytes)) : .proceed
    }

    private func receive(_ piece: UnsafeRawBufferPointer, maxBodyBytes: Int) -> Step {
        state.withLock { state in
            if !state.isTooLarge, state.body.count + piece.count <= maxBodyBytes {
                state.body.append(contentsOf: piece)
                return .proceed
            }
            state.isTooLarge = true
            state.body = []
            state.discardedBytes += piece.count
            return state.discardedBytes > Self.discardLimitBytes + maxBodyBytes ? .close : .proceed
        }
    }

    private static func tooLarge(_ limit: Int) -> ServerResponse {
        var response = ServerResponse.text("the body is above the limit of \(limit) bytes\n", status: 413)
        response.headers.append(("Connection", "close"))
        return response
    }

    /// Suspends the connection and runs the handler in a task of its own.
    ///
    /// - Parameters:
    ///   - request: What the handler is given.
    ///   - handler: Answers the request.
    ///   - ended: Called when the handler and its stream have ended.
    func handle(
        _ request: ServerRequest,
        by handler: @escaping @Sendable (ServerRequest) async -> ServerResponse,
        ended: @escaping @Sendable (Exchange) -> Void
    ) {
        state.withLock { state in
            guard let connection = state.connection else { return }
            MHD_suspend_connection(connection.pointer)
            state.isSuspended = true
            state.phase = .handling
            let task = Task { [self] in
                let response = await handler(request)
                if let stream = deliver(response, hasBody: request.method != "HEAD") {
                    await run(stream)
                }
                ended(self)
            }
            if state.isCancelled || state.hasHungUp { task.cancel() }
            state.task = task
        }
    }

    /// Whether the request is for the header alone.
    var isHead: Bool { state.withLock { $0.method == "HEAD" } }

    /// Fills the socket's buffer from the stream.
    ///
    /// - Returns: The number of bytes, 0 after suspending the connection, or libmicrohttpd's mark for the end.
    func read(into target: UnsafeMutableRawBufferPointer) -> Int {
        let (result, writers) = state.withLock { state -> (Int, [CheckedContinuation<Void, any Error>]) in
            let count = state.stream.read(into: target)
            if count > 0 { return (count, state.stream.hasRoom ? state.takeWriters() : []) }
            switch state.stream.ending {
            case .finished: return (-1, [])  // MHD_CONTENT_READER_END_OF_STREAM
            case .cut: return (-2, [])  // MHD_CONTENT_READER_END_WITH_ERROR
            case .more:
                guard let connection = state.connection else { return (-2, []) }
                MHD_suspend_connection(connection.pointer)
                state.isSuspended = true
                return (0, [])
            }
        }
        for writer in writers { writer.resume() }
        return result
    }

    /// The last call: the response is out, or the connection is closed.
    ///
    /// The connection is not touched afterwards.
    func completed() {
        let (task, writers) = state.withLock { state in
            state.phase = .closed
            state.connection = nil
            state.stream.removeAll()
            state.stream.ending = .cut
            return (state.task, state.takeWriters())
        }
        task?.cancel()
        for writer in writers { writer.resume() }
    }

    // MARK: The handler's task

    private func deliver(
        _ response: ServerResponse,
        hasBody: Bool
    ) -> (@Sendable (ResponseWriter) async throws -> Void)? {
        state.withLock { state in
            guard state.phase == .handling else { return nil }
            state.response = response
            var stream: (@Sendable (ResponseWriter) async throws -> Void)?
            if case .stream(let body) = response.body {
                // One that has gone already gets a body that is cut at once.
                if hasBody, !state.hasHungUp { stream = body } else { state.stream.ending = .cut }
                state.isStreaming = true
            }
            state.resumeConnection()
            return stream
        }
    }

    private func run(_ stream: @Sendable (ResponseWriter) async throws -> Void) async {
        do {
            try await stream(ResponseWriter(exchange: self))
            end(.finished)
        } catch {
            // The body's length is not known to the client: only a cut tells it that the rest is missing.
            end(.cut)
        }
    }

    private func end(_ ending: StreamBuffer.Ending) {
        let writers = state.withLock { state in
            if state.stream.ending == .more { state.stream.ending = ending }
            state.resumeConnection()
            return state.takeWriters()
        }
        for writer in writers { writer.resume() }
    }

    /// Ends the body without its proper end, after what was written.
    func cut() { end(.cut) }

    func write(_ bytes: [UInt8]) async throws {
        while true {
            if try tryWrite(bytes) { return }
            try await waitForRoom()
        }
    }

    /// How many writers wait for the client to read.
    var waitingWriters: Int { state.withLock { $0.writers.count } }

    private func tryWrite(_ bytes: [UInt8]) throws -> Bool {
        let isCancelled = Task.isCancelled
        return try state.withLock { state in
            guard state.stream.ending == .more else { throw HTTPServerError.clientGone }
            if isCancelled { throw CancellationError() }
            guard state.stream.hasRoom else { return false }
            state.stream.append(bytes)
            state.resumeConnection()
            return true
        }
    }

    private func waitForRoom() async throws {
        let id = state.withLock { state in
            state.nextWriter += 1
            return state.nextWriter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let mustWait = state.withLock { state in
                    guard state.stream.ending == .more, !state.stream.hasRoom, !Task.isCancelled else { return false }
                    state.writers[id] = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.writers.removeValue(forKey: id) }?.resume()
        }
    }

    // MARK: The monitor's thread and the server's stop

    /// The client has closed its side: nobody waits for the answer any more.
    func clientHungUp() {
        let (task, writers) = state.withLock { state -> (Task<Void, Never>?, [CheckedContinuation<Void, any Error>]) in
            state.hasHungUp = true
            guard state.isStreaming else { return (state.task, []) }
            state.stream.removeAll()
            state.stream.ending = .cut
            state.resumeConnection()
            return (state.task, state.takeWriters())
        }
        task?.cancel()
        for writer in writers { writer.resume() }
    }

    /// Cancels the handler; it still answers if it can.
    func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }
}

private func headerFields(_ connection: OpaquePointer) -> [(name: String, value: String)] {
    var fields: [(name: String, value: String)] = []
    withUnsafeMutablePointer(to: &fields) { fields in
        _ = MHD_get_connection_values(
            connection,
            .HEADER_KIND,
            { context, _, name, value in
                guard let context, let name else { return .YES }
                context.assumingMemoryBound(to: [(name: String, value: String)].self).pointee
                    .append((String(cString: name), value.map { String(cString: $0) } ?? ""))
                return .YES
            },
            fields
        )
    }
    return fields
}

private func clientSubject(_ connection: OpaquePointer) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 2048) { text in
        guard let base = text.baseAddress, homeostat_httpd_client_subject(connection, base, text.count) else {
            return nil
        }
        return String(cString: base)
    }
}
