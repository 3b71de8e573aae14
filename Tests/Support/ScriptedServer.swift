package import HTTPServing
package import JSON
import Kubernetes
import Synchronization

/// An HTTP server that answers as a test says, on a free port, and remembers what it was asked.
///
/// A route has answers that are given one after the other; the last one is given again and again. Of several routes that
/// fit a request the one added last answers, so a test can override what its set-up said. What no route fits is answered
/// as an API server answers for what it does not know: a Status with 404.
package final class ScriptedServer: Sendable {
    /// What to answer.
    package enum Answer: Sendable {
        /// A JSON body.
        case json(JSONValue, status: Int = 200)
        /// Any whole answer, or ``ServerResponse/disconnect``.
        case response(ServerResponse)
        /// A body that the test writes while the client reads.
        case stream(ScriptedStream)
        /// Whatever a closure makes of the request.
        case handler(@Sendable (ServerRequest) async -> ServerResponse)

        /// A failure, as API servers write it.
        package static func status(
            _ code: Int,
            reason: String,
            message: String = "scripted",
            retryAfter: Int? = nil
        ) -> Answer {
            let status: JSONValue = [
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": .string(reason),
                "message": .string(message), "code": .integer(code),
            ]
            var response = ServerResponse.json(status.bytes(), status: code)
            if let retryAfter { response.headers.append(("Retry-After", String(retryAfter))) }
            return .response(response)
        }

        /// A list, or one page of it.
        package static func list(
            _ items: [JSONValue],
            resourceVersion: String = "1",
            token: String = "",
            kind: String = "List"
        ) -> Answer {
            var metadata: JSONValue = ["resourceVersion": .string(resourceVersion)]
            if !token.isEmpty { metadata["continue"] = .string(token) }
            return .json([
                "kind": .string(kind), "apiVersion": "v1", "metadata": metadata, "items": .array(items),
            ])
        }
    }

    private struct Route {
        var method: String
        var path: String
        var query: [String: String]
        var answers: [Answer]

        func fits(_ request: ServerRequest) -> Bool {
            let fitsPath =
                path.hasSuffix("*") ? request.rawPath.hasPrefix(path.dropLast()) : request.rawPath == path
            return fitsPath && (method == request.method || method == "*")
                && query.allSatisfy { request.query($0.key) == $0.value }
        }
    }

    private struct State {
        var routes: [Route] = []
        var requests: [ServerRequest] = []
        var waiters: [(id: Int, isMet: ([ServerRequest]) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
        var nextID = 0
        var server: HTTPServer?
    }

    // The waiters' conditions are test code that captures only what may be shared.
    private final class Box: @unchecked Sendable {
        let state = Mutex(State())
    }

    private let box = Box()
    private let scheme: String

    /// Starts a server.
    ///
    /// - Parameter tls: For HTTPS; nil for plain HTTP.
    package init(tls: HTTPServerConfiguration.TLS? = nil) throws {
        scheme = tls == nil ? "http" : "https"
        let box = box
        let server = try HTTPServer(HTTPServerConfiguration(tls: tls)) { request in
            await Self.answer(request, box)
        }
        box.state.withLock { $0.server = server }
    }

    /// The server's address, as `http://127.0.0.1:40123`.
    package var url: String { "\(scheme)://127.0.0.1:\(box.state.withLock { $0.server?.port ?? 0 })" }

    /// Says what to answer.
    ///
    /// - Parameters:
    ///   - method: The method, or `*` for any.
    ///   - path: The path as sent; ending in `*` for all that begin so.
    ///   - query: Items the request must have, as `["watch": "true"]`.
    package func on(_ method: String = "GET", _ path: String, query: [String: String] = [:], _ answers: Answer...) {
        box.state.withLock { $0.routes.append(Route(method: method, path: path, query: query, answers: answers)) }
    }

    /// All requests so far, in the order they came.
    package var requests: [ServerRequest] { box.state.withLock { $0.requests } }

    /// The requests of a method whose path begins so.
    package func requests(_ method: String, _ path: String) -> [ServerRequest] {
        requests.filter { $0.method == method && $0.rawPath.hasPrefix(path) }
    }

    /// Suspends until the requests that came meet a condition.
    package func wait(until isMet: @escaping @Sendable ([ServerRequest]) -> Bool) async {
        let id = box.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = box.state.withLock { state in
                    if isMet(state.requests) || Task.isCancelled { return true }
                    state.waiters.append((id, isMet, continuation))
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let waiter = box.state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume()
        }
    }

    /// Ends the server and all that is under way.
    package func stop() async { await box.state.withLock { $0.server }?.stop() }

    private static func answer(_ request: ServerRequest, _ box: Box) async -> ServerResponse {
        let (answer, met) = box.state.withLock { state -> (Answer?, [CheckedContinuation<Void, Never>]) in
            state.requests.append(request)
            let met = state.waiters.filter { $0.isMet(state.requests) }
            state.waiters.removeAll { waiter in met.contains { $0.id == waiter.id } }
            guard let place = state.routes.lastIndex(where: { $0.fits(request) }) else {
                return (nil, met.map(\.continuation))
            }
            let answer = state.routes[place].answers.first
            if state.routes[place].answers.count > 1 { state.routes[place].answers.removeFirst() }
            return (answer, met.map(\.continuation))
        }
        for continuation in met { continuation.resume() }
        switch answer {
        case nil:
            return await Self.answer(
                .status(404, reason: "NotFound", message: "no route for \(request.method) \(request.rawPath)"),
                request
            )
        case let answer?: return await Self.answer(answer, request)
        }
    }

    private static func answer(_ answer: Answer, _ request: ServerRequest) async -> ServerResponse {
        switch answer {
        case .json(let value, let status): .json(value.bytes(), status: status)
        case .response(let response): response
        case .stream(let stream): .stream(contentType: "application/json") { try await stream.serve($0) }
        case .handler(let handler): await handler(request)
        }
    }
}

/// The body of one answer, written by a test: a watch, say.
package final class ScriptedStream: Sendable {
    private enum Step: Sendable {
        case bytes([UInt8])
        case cut
    }

    private let steps: AsyncStream<Step>
    private let continuation: AsyncStream<Step>.Continuation
    /// Signalled when a client has begun to read.
    package let opened = Latch()
    /// Signalled when a client has gone before the end.
    package let abandoned = Latch()

    package init() {
        // A test writes little; what it writes must not be lost.
        (steps, continuation) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    /// Writes text as it is, as one part.
    package func send(_ text: String) { continuation.yield(.bytes(Array(text.utf8))) }

    /// Writes an event of a watch.
    package func event(_ type: String, _ object: JSONValue) {
        let event: JSONValue = ["type": .string(type), "object": object]
        send("\(event)\n")
    }

    /// Ends the body cleanly.
    package func end() { continuation.finish() }

    /// Cuts the connection in the middle of the body.
    package func cut() {
        continuation.yield(.cut)
        continuation.finish()
    }

    fileprivate func serve(_ writer: ResponseWriter) async throws {
        opened.signal()
        do {
            for await step in steps {
                switch step {
                case .bytes(let bytes): try await writer.write(bytes)
                case .cut: writer.abort()
                }
            }
            try Task.checkCancellation()
        } catch {
            abandoned.signal()
            throw error
        }
    }
}
