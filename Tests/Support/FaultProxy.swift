package import HTTPTransport
import HTTPServing
package import JSON
import Synchronization

/// An HTTP reverse proxy in front of an API server, which does to requests and answers what a network and a server in
/// trouble do.
///
/// It listens on a free port of loopback without TLS and speaks to the server as its ``TLSConfiguration`` says; the
/// `Authorization` field passes through. Watches are streamed line by line. Each request is looked at once, in the order
/// of arrival, by the rule in force, which says what shall happen to it.
package final class FaultProxy: Sendable {
    /// What happens to one request.
    package enum Fault: Sendable {
        /// Nothing: the server's answer is passed on.
        case pass
        /// The server never sees it; the client gets this status, with `Retry-After` in seconds if there is one.
        case answer(Int, retryAfter: Int? = nil)
        /// The server never sees it, and the connection is closed without an answer.
        case refuse
        /// The server acts on it, and the connection is closed without an answer.
        case loseAnswer
        /// The request waits before it goes on to the server.
        case delay(Duration)
        /// The server never sees it, and nothing is answered until the client gives up.
        case blackHole
        /// The answer of a watch is cut in the middle of the line after so many whole ones.
        case cut(afterLines: Int)
        /// The server acts on it; then this runs; then the answer is passed on.
        case beforeAnswer(@Sendable () async -> Void)
        /// The answer is passed on, then this runs, and only then the answer ends.
        case afterAnswer(@Sendable () async -> Void)
    }

    /// One request as the proxy saw it.
    package struct Call: Sendable {
        /// Counts the requests, from 1.
        package var number = 0
        /// Counts the writes, from 1; 0 for a read.
        package var writeNumber = 0
        /// The method.
        package var method = ""
        /// The path, decoded.
        package var path = ""
        /// The query's pairs, decoded.
        package var query: [(name: String, value: String)] = []
        /// The resource in the plural, as `deployments`; empty when the path is not that of a resource.
        package var resource = ""
        /// As `status`; empty for the object itself.
        package var subresource = ""
        /// Empty for what has none.
        package var namespace = ""
        /// Empty for lists, watches and creations.
        package var name = ""
        /// What was sent.
        package var body: [UInt8] = []
        /// The status that the server answered with; nil as long as it did not, or was not asked.
        package var status: Int?

        /// Whether it changes something.
        package var isWrite: Bool { ["POST", "PUT", "PATCH", "DELETE"].contains(method) }
        /// Whether it is answered for as long as the client listens.
        package var isWatch: Bool {
            method == "GET" && query.contains { $0.name == "watch" && ["1", "true"].contains($0.value) }
        }
        /// The body as JSON; nil when it is none.
        package var json: JSONValue? { try? JSONValue(parsing: body) }  // what is no JSON is nobody's concern here
    }

    /// Decides what happens to a request.
    package typealias Rule = @Sendable (Call) -> Fault

    fileprivate struct State {
        var rule: Rule
        var calls: [Call] = []
        var writes = 0
        var watches: [Int: ResponseWriter] = [:]
    }

    fileprivate final class Core: Sendable {
        let upstream: String
        let client: HTTPClient
        let state: Mutex<State>

        init(upstream: String, client: HTTPClient, rule: @escaping Rule) {
            self.upstream = upstream
            self.client = client
            state = Mutex(State(rule: rule))
        }
    }

    private let core: Core
    private let server: HTTPServer

    /// Starts the proxy.
    ///
    /// - Parameters:
    ///   - upstream: The server's address without a path, as `https://127.0.0.1:6443`.
    ///   - tls: Whom to trust there and whom to be.
    ///   - rule: What happens to requests; nothing at first.
    /// - Throws: `HTTPFailure` or `HTTPServerError` when it cannot start.
    package init(
        upstream: String,
        tls: TLSConfiguration = TLSConfiguration(),
        rule: @escaping Rule = { _ in .pass }
    ) throws {
        let client = try HTTPClient(HTTPClientConfiguration(tls: tls, http2: false))
        let core = Core(upstream: upstream, client: client, rule: rule)
        self.core = core
        server = try HTTPServer(HTTPServerConfiguration(idleLimit: .zero)) { await core.handle($0) }
    }

    /// The proxy's address, as `http://127.0.0.1:40000`.
    package var url: String { "http://127.0.0.1:\(server.port)" }

    /// Puts another rule in force for the requests that come from now on.
    package func use(_ rule: @escaping Rule) { core.state.withLock { $0.rule = rule } }

    /// All requests so far, in the order of arrival.
    package var calls: [Call] { core.state.withLock { $0.calls } }

    /// How many requests of a method there were to a resource; nil counts all.
    ///
    /// - Parameter answered: Counts those alone that the server answered with a status in this range.
    package func count(_ method: String? = nil, _ resource: String? = nil, answered: Range<Int>? = nil) -> Int {
        calls.count { call in
            (method == nil || call.method == method) && (resource == nil || call.resource == resource)
                && (answered == nil || call.status.map { answered?.contains($0) == true } == true)
        }
    }

    /// Cuts all watches that are open now, without the end that would make their answers whole.
    package func cutWatches() {
        let writers = core.state.withLock { state in
            defer { state.watches = [:] }
            return Array(state.watches.values)
        }
        for writer in writers { writer.abort() }
    }

    /// Closes all connections and stops listening.
    package func stop() async {
        await server.stop()
        core.client.shutdown()
    }
}

extension FaultProxy.Call {
    /// Reads method and path of a request of the Kubernetes API.
    init(_ request: ServerRequest) {
        method = request.method
        path = request.path
        query = request.query
        body = request.body
        var parts = path.split(separator: "/").map(String.init)[...]
        switch parts.first {
        case "api" where parts.count > 2: parts = parts.dropFirst(2)
        case "apis" where parts.count > 3: parts = parts.dropFirst(3)
        default: return
        }
        if parts.first == "namespaces", parts.count > 2 {
            namespace = parts.dropFirst().first ?? ""
            parts = parts.dropFirst(2)
        }
        resource = parts.popFirst() ?? ""
        name = parts.popFirst() ?? ""
        subresource = parts.popFirst() ?? ""
    }
}

fileprivate extension FaultProxy.Core {
    func handle(_ request: ServerRequest) async -> ServerResponse {
        var call = FaultProxy.Call(request)
        let isWrite = call.isWrite
        call = state.withLock { [call] state in
            var call = call
            state.writes += isWrite ? 1 : 0
            call.writeNumber = isWrite ? state.writes : 0
            call.number = state.calls.count + 1
            state.calls.append(call)
            return call
        }
        // The rule may be slow or look at the proxy: it runs outside the lock.
        let rule = state.withLock { $0.rule }
        let fault = rule(call)
        do {
            return try await answer(request, call, fault)
        } catch {
            // What breaks behind the proxy looks to the client like a connection that broke.
            return .disconnect
        }
    }

    private func answer(
        _ request: ServerRequest,
        _ call: FaultProxy.Call,
        _ fault: FaultProxy.Fault
    ) async throws
        -> ServerResponse
    {
        switch fault {
        case .answer(let status, let retryAfter):
            return Self.failure(status, retryAfter: retryAfter)
        case .refuse:
            return .disconnect
        case .blackHole:
            try await Self.forever()
            return .disconnect
        case .delay(let duration):
            try await Task.sleep(for: duration)
            return try await forward(request, call)
        case .cut(let lines):
            return try await forward(request, call, lines: lines)
        case .loseAnswer:
            _ = try await whole(request, call)
            return .disconnect
        case .beforeAnswer(let hook):
            let response = try await whole(request, call)
            await hook()
            return response
        case .afterAnswer(let hook):
            let response = try await whole(request, call)
            guard case .bytes(let bytes) = response.body else { return response }
            return ServerResponse(
                status: response.status,
                headers: response.headers,
                body: .stream { writer in
                    try await writer.write(bytes)
                    await hook()
                }
            )
        case .pass:
            return try await forward(request, call)
        }
    }

    /// Sends the request on and passes the answer back, a watch's line by line.
    private func forward(
        _ request: ServerRequest,
        _ call: FaultProxy.Call,
        lines: Int? = nil
    ) async throws
        -> ServerResponse
    {
        guard call.isWatch else { return try await whole(request, call) }
        let stream = try await client.stream(upstreamRequest(request, timeLimit: nil))
        note(stream.status, of: call)
        return ServerResponse(
            status: stream.status,
            headers: Self.passedOn(stream.headers),
            body: .stream { [self] writer in
                state.withLock { $0.watches[call.number] = writer }
                defer { state.withLock { _ = $0.watches.removeValue(forKey: call.number) } }
                var left = lines
                for try await part in stream.body {
                    guard let open = left else {
                        try await writer.write(part)
                        continue
                    }
                    let rest = try await Self.write(part, to: writer, lines: open)
                    left = rest
                    if rest < 0 { return writer.abort() }
                }
            }
        )
    }

    /// Writes as much of a part as belongs to so many lines, and of the line after them the first half.
    ///
    /// - Returns: How many lines are left; negative once the half line is written.
    private static func write(_ part: [UInt8], to writer: ResponseWriter, lines: Int) async throws -> Int {
        var left = lines
        var end = 0
        while left > 0, let newline = part[end...].firstIndex(of: UInt8(ascii: "\n")) {
            end = newline + 1
            left -= 1
        }
        guard left == 0 else {
            try await writer.write(part)
            return left
        }
        let line = part[end...].prefix { $0 != UInt8(ascii: "\n") }
        try await writer.write(Array(part[..<(end + line.count / 2)]))
        return line.isEmpty ? 0 : -1
    }

    private func whole(_ request: ServerRequest, _ call: FaultProxy.Call) async throws -> ServerResponse {
        let answer = try await client.send(upstreamRequest(request, timeLimit: .seconds(60)))
        note(answer.status, of: call)
        return ServerResponse(
            status: answer.status,
            headers: Self.passedOn(answer.headers),
            body: .bytes(answer.body)
        )
    }

    private func note(_ status: Int, of call: FaultProxy.Call) {
        state.withLock { $0.calls[call.number - 1].status = status }
    }

    private func upstreamRequest(_ request: ServerRequest, timeLimit: Duration?) -> HTTPRequest {
        let dropped = ["host", "connection", "content-length", "transfer-encoding", "expect"]
        var headers = HTTPHeaders()
        for (name, value) in request.headers where !dropped.contains(name.lowercased()) { headers.add(name, value) }
        let query = request.query.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }
        return HTTPRequest(
            method: request.method,
            url: upstream + request.rawPath + (query.isEmpty ? "" : "?" + query.joined(separator: "&")),
            headers: headers,
            body: request.body.isEmpty && request.method == "GET" ? nil : request.body,
            timeLimit: timeLimit
        )
    }

    private static func passedOn(_ headers: HTTPHeaders) -> [(name: String, value: String)] {
        let dropped = ["connection", "content-length", "transfer-encoding", "date"]
        return headers.filter { !dropped.contains($0.name.lowercased()) }
    }

    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.append(byte)
            default:
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// An answer as the API server words it.
    private static func failure(_ status: Int, retryAfter: Int?) -> ServerResponse {
        let reasons = [
            409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable",
        ]
        let value: JSONValue = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
            "message": "injected by the fault proxy", "reason": .string(reasons[status] ?? "Unknown"),
            "code": .integer(status),
        ]
        var response = ServerResponse.json(value.bytes(), status: status)
        if let retryAfter { response.headers.append(("Retry-After", "\(retryAfter)")) }
        return response
    }

    /// Waits until the task is cancelled, as it is when the client goes away.
    private static func forever() async throws {
        let latch = Latch()
        await latch.wait()
        try Task.checkCancellation()
    }
}
