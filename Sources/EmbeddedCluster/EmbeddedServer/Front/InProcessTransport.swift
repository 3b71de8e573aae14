package import EmbeddedAPI
import HTTPServing
package import HTTPTransport
import Kubernetes
import Synchronization

/// Carries a client's requests to a front in the same process, without sockets.
///
/// Everything but the wire is as on a socket: routing, rights, faults, watches. Time limits pass on the front's clock.
package final class InProcessTransport: KubernetesTransport {
    private let front: APIFront
    private let user: APICall.User?
    private let isShutDown = Mutex(false)

    /// - Parameters:
    ///   - front: Answers the requests.
    ///   - user: Who sends requests that carry no token; nil for nobody in particular.
    package init(_ front: APIFront, user: APICall.User? = .admin) {
        self.front = front
        self.user = user
    }

    package func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        try await limited(request) { [self] () async throws -> HTTPResponse in
            let answer = try await answer(request)
            var response = HTTPResponse(status: answer.status, headers: Self.headers(answer))
            switch answer.body {
            case .bytes(let bytes): response.body = request.method == "HEAD" ? [] : bytes
            case .stream(let write):
                let body = Pipe(write, request: request, clock: front.clock).body
                response.body = try await body.collect(limit: Int.max)
            case .disconnect: throw Self.closed(request)
            }
            return response
        }
    }

    package func stream(_ request: HTTPRequest) async throws -> HTTPStream {
        let answer = try await limited(request) { [self] () async throws -> FrontAnswer in
            try await self.answer(request)
        }
        let headers = Self.headers(answer)
        switch answer.body {
        case .bytes(let bytes):
            let part = Part(request.method == "HEAD" ? [] : bytes)
            return HTTPStream(status: answer.status, headers: headers, body: HTTPBody { part.take() })
        case .stream(let write):
            return HTTPStream(
                status: answer.status,
                headers: headers,
                body: Pipe(write, request: request, clock: front.clock).body
            )
        case .disconnect: throw Self.closed(request)
        }
    }

    /// There are no certificates.
    package func update(tls: TLSConfiguration) {}

    package func shutdown() { isShutDown.withLock { $0 = true } }

    private func answer(_ request: HTTPRequest) async throws -> FrontAnswer {
        guard !isShutDown.withLock({ $0 }) else {
            throw HTTPFailure(
                .cancelledByShutdown,
                method: request.method,
                url: request.url,
                detail: "the client was shut down"
            )
        }
        let answer = await front.answer(
            ServerRequest(
                method: request.method,
                target: request.url,
                headers: request.headers.map { ($0.name, $0.value) },
                body: request.body ?? []
            ),
            as: user
        )
        try Task.checkCancellation()
        return answer
    }

    /// Ends what takes longer than its request allows.
    private func limited<Answer: Sendable>(
        _ request: HTTPRequest,
        _ work: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        // Without faults nothing waits, so that there is nothing to limit.
        guard let limit = request.timeLimit, front.faults.mayWait else { return try await work() }
        let clock = front.clock
        return try await withThrowingTaskGroup(of: Answer?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await clock.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() ?? nil else {
                throw HTTPFailure(
                    .timeout,
                    method: request.method,
                    url: request.url,
                    detail: "the exchange took longer than \(limit)",
                    mayHaveReachedServer: true
                )
            }
            return answer
        }
    }

    private static func headers(_ answer: FrontAnswer) -> HTTPHeaders {
        var headers = HTTPHeaders()
        for (name, value) in answer.headers { headers.add(name, value) }
        return headers
    }

    fileprivate static func closed(_ request: HTTPRequest) -> HTTPFailure {
        HTTPFailure(
            .closed,
            method: request.method,
            url: request.url,
            detail: "the connection was closed before the answer was complete",
            mayHaveReachedServer: true
        )
    }
}

/// The one part of a body that is there at once.
private final class Part: Sendable {
    private let bytes: Mutex<[UInt8]>

    init(_ bytes: [UInt8]) { self.bytes = Mutex(bytes) }

    func take() -> [UInt8]? {
        bytes.withLock { bytes in
            defer { bytes = [] }
            return bytes.isEmpty ? nil : bytes
        }
    }
}

/// Between who writes a streamed answer and who reads it: at most ``limitBytes`` wait.
private final class Pipe: ByteSink {
    private enum Ending { case clean, cut }
    private enum Side { case reader, writer }

    private struct State {
        var bytes: [UInt8] = []
        var ending: Ending?
        var waiting: [Side: CheckedContinuation<Void, Never>] = [:]

        func isReady(for side: Side) -> Bool {
            if ending != nil { return true }
            return side == .reader ? !bytes.isEmpty : bytes.count < Pipe.limitBytes
        }
    }

    /// Ends the writer when nobody reads any more.
    private final class Reader: Sendable {
        let pipe: Pipe
        let task: Task<Void, Never>

        init(_ pipe: Pipe, _ task: Task<Void, Never>) {
            self.pipe = pipe
            self.task = task
        }

        deinit {
            task.cancel()
            pipe.end(.cut)
        }
    }

    private static let limitBytes = 64 << 10

    private let state = Mutex(State())
    private let stream: FrontAnswer.Stream
    private let request: HTTPRequest
    private let clock: any Clock<Duration>

    init(_ stream: @escaping FrontAnswer.Stream, request: HTTPRequest, clock: any Clock<Duration>) {
        self.stream = stream
        self.request = request
        self.clock = clock
    }

    /// Starts the writer; called once.
    var body: HTTPBody {
        let task = Task { [self] in
            do {
                try await stream(self)
                end(.clean)
            } catch { end(.cut) }
        }
        let reader = Reader(self, task)
        return HTTPBody { try await reader.pipe.read() }
    }

    func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        while true {
            let (isWritten, reader) = try state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
                guard state.ending == nil else { throw CancellationError() }
                guard state.bytes.count < Self.limitBytes else { return (false, nil) }
                state.bytes += bytes
                return (true, state.waiting.removeValue(forKey: .reader))
            }
            reader?.resume()
            if isWritten { return }
            try Task.checkCancellation()
            await suspend(.writer)
        }
    }

    func abort() { end(.cut) }

    private func read() async throws -> [UInt8]? {
        while true {
            let (part, ending, writer) = state.withLock { state in
                let part = state.bytes
                state.bytes = []
                return (part, state.ending, state.waiting.removeValue(forKey: .writer))
            }
            writer?.resume()
            if !part.isEmpty { return part }
            switch ending {
            case .clean: return nil
            case .cut: throw InProcessTransport.closed(request)
            case nil: break
            }
            try Task.checkCancellation()
            try await waitForBytes()
        }
    }

    private func waitForBytes() async throws {
        guard let limit = request.idleLimit else {
            await suspend(.reader)
            return
        }
        let hasNews = await withTaskGroup(of: Bool.self) { [self] group in
            group.addTask {
                await self.suspend(.reader)
                return true
            }
            group.addTask { [clock] in
                // Cancelled when bytes come first.
                do { try await clock.sleep(for: limit) } catch { return true }
                return false
            }
            let first = await group.next() ?? true
            group.cancelAll()
            return first
        }
        guard hasNews else {
            throw HTTPFailure(
                .timeout,
                method: request.method,
                url: request.url,
                detail: "no byte came for \(limit)",
                mayHaveReachedServer: true
            )
        }
    }

    /// Suspends one side until there is something for it, or the task is cancelled.
    private func suspend(_ side: Side) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (wake: CheckedContinuation<Void, Never>) in
                let isOver = state.withLock { state in
                    if state.isReady(for: side) || Task.isCancelled { return true }
                    state.waiting[side] = wake
                    return false
                }
                if isOver { wake.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: side) }?.resume()
        }
    }

    private func end(_ ending: Ending) {
        let waiting = state.withLock { state in
            if state.ending == nil { state.ending = ending }
            defer { state.waiting = [:] }
            return state.waiting
        }
        for wake in waiting.values { wake.resume() }
    }
}
