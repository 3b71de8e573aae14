import HTTPTransport
import JSON
import Synchronization
import Telemetry

/// Sends requests to one server: credentials, limits, repeats, errors.
final class Connection: Sendable {
    let configuration: ClientConfiguration
    private let transport: any KubernetesTransport
    private let credentials: CredentialSource
    private let time: Timekeeper
    private let chance: @Sendable () -> Double
    private let metrics: ClientMetrics?
    private let logger: Logger
    private let bucket: SharedBucket?
    private let flight: FlightLimit?
    private let server: String

    init(
        _ configuration: ClientConfiguration,
        _ transport: (any KubernetesTransport)?,
        _ wrap: (any KubernetesTransport) -> any KubernetesTransport,
        _ metrics: ClientMetrics?,
        _ logger: Logger,
        _ time: Timekeeper,
        _ chance: @escaping @Sendable () -> Double
    ) throws {
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        self.chance = chance
        self.time = time
        server = configuration.server.hasSuffix("/") ? String(configuration.server.dropLast()) : configuration.server
        credentials = try CredentialSource(configuration, logger: logger)
        bucket = configuration.requestsPerSecond.map { SharedBucket(perSecond: $0, burst: configuration.burst) }
        flight = configuration.maxRequestsInFlight.map { FlightLimit($0) }
        let own =
            try transport
            ?? HTTPClient(
                HTTPClientConfiguration(
                    tls: credentials.tls,
                    proxy: configuration.proxy,
                    connectTimeLimit: configuration.connectTimeLimit,
                    maxConnectionsPerHost: configuration.maxConnectionsPerHost,
                    http2: configuration.http2,
                    compression: configuration.compression,
                    userAgent: configuration.userAgent,
                    maxResponseBytes: configuration.maxObjectBytes
                )
            )
        self.transport = wrap(own)
    }

    deinit { shutdown() }

    func shutdown() {
        credentials.shutdown()
        transport.shutdown()
    }

    /// Sends a request, again where that is safe, and returns an answer of 2xx.
    ///
    /// `mayHaveHappened` tells that an earlier attempt brought no answer and may have been carried out.
    func send(_ request: APIRequest) async throws -> (answer: HTTPResponse, mayHaveHappened: Bool) {
        let (answer, retries) = try await attempt(request) { [transport, flight] http in
            guard let flight else { return try await transport.send(http) }
            try await flight.enter()
            defer { flight.leave() }
            return try await transport.send(http)
        }
        guard (200..<300).contains(answer.status) else {
            var failure = self.failure(request, answer.status, answer.headers, answer.body)
            failure.mayHaveHappened = retries.mayHaveHappened
            throw failure
        }
        return (answer, retries.mayHaveHappened)
    }

    /// Sends a request and returns when the head of an answer of 2xx came.
    func stream(_ request: APIRequest) async throws -> HTTPStream {
        let (answer, _) = try await attempt(request) { [transport] in try await transport.stream($0) }
        guard (200..<300).contains(answer.status) else {
            // What is wrong stands in the first bytes; a body that cannot be read says nothing.
            let body = (try? await answer.body.collect(limit: 1 << 20)) ?? []
            try Task.checkCancellation()
            throw failure(request, answer.status, answer.headers, body)
        }
        return answer
    }

    /// Reads the body of an answer, which must be JSON.
    static func decode<Value>(
        _ answer: HTTPResponse,
        _ verb: String,
        _ target: String,
        _ read: ([UInt8]) throws(JSONError) -> Value
    ) throws -> Value {
        try checkJSON(answer.headers, answer.status, answer.body, verb, target)
        do throws(JSONError) {
            return try read(answer.body)
        } catch {
            throw APIFailure(
                .malformedAnswer,
                verb: verb,
                target: target,
                code: answer.status,
                detail: "the answer cannot be read",
                underlying: error
            )
        }
    }

    /// Refuses an answer that is not JSON, as a proxy's page of HTML, and says what it is.
    static func checkJSON(
        _ headers: HTTPHeaders,
        _ status: Int,
        _ start: [UInt8],
        _ verb: String,
        _ target: String
    ) throws(APIFailure) {
        let type = headers["Content-Type"] ?? ""
        guard !type.utf8.namesJSON else { return }
        let first = start.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        // Some proxies lose the field; the body tells then.
        if type.isEmpty, first == UInt8(ascii: "{") { return }
        let what = type.isEmpty ? "something without a content type" : "\"\(type)\""
        throw APIFailure(
            .malformedAnswer,
            verb: verb,
            target: target,
            code: status,
            detail: "status \(status) came with \(what) instead of JSON, \(excerpt(start)); "
                + "check that the address is an API server's and not a proxy's"
        )
    }

    private static func excerpt(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes.prefix(120), as: UTF8.self)
            .map { $0.isWhitespace ? " " : $0 }
        return bytes.isEmpty ? "and nothing in it" : "beginning \"\(String(text))\""
    }

    private func failure(_ request: APIRequest, _ code: Int, _ headers: HTTPHeaders, _ body: [UInt8]) -> APIFailure {
        // A body that is no Status is told by its first words below.
        let status = (try? JSONValue(parsing: body)).flatMap { $0["kind"]?.string == "Status" ? $0 : nil }
        var failure = APIFailure(
            code: code,
            status: status,
            verb: request.verb,
            target: request.target,
            retryAfter: headers.retryAfter
        )
        if status == nil, !body.isEmpty { failure.detail += ", \(Self.excerpt(body))" }
        return failure
    }

    static func failure(_ failure: HTTPFailure, _ verb: String, _ target: String) -> APIFailure {
        let reason: APIFailure.Reason =
            switch failure.reason {
            case .timeout: .timeout
            case .tooLarge: .tooLarge
            default: .transport
            }
        return APIFailure(reason, verb: verb, target: target, detail: failure.detail, underlying: failure)
    }

    /// Waits before a further attempt that the caller itself makes.
    func backOff(attempt: Int) async throws {
        let policy = configuration.retries
        let nominal = min(policy.firstDelay * (1 << min(attempt - 1, 16)), policy.longestDelay)
        try await time.sleep(nominal * (0.5 + chance() / 2))
    }

    // MARK: The loop

    private func attempt<Answer: AnswerHead>(
        _ request: APIRequest,
        _ send: (HTTPRequest) async throws -> Answer
    ) async throws -> (Answer, Retries) {
        var retries = Retries(request.retries ?? configuration.retries, isRepeatable: request.isRepeatable)
        var hasNewCredential = false
        while true {
            if let wait = bucket?.take(now: time.elapsed()), wait > .zero { try await time.sleep(wait) }
            let credential = try await credentials.current(for: request)
            if let tls = credential.changedTLS { transport.update(tls: tls) }
            let start = time.elapsed()
            let wait: Duration
            do {
                let answer = try await send(http(request, credential))
                observe(request, String(answer.status), start)
                if answer.status == 401, !hasNewCredential, credentials.reject(credential) {
                    hasNewCredential = true
                    continue
                }
                let after = retries.answered(
                    status: answer.status,
                    retryAfter: answer.headers.retryAfter,
                    chance: chance()
                )
                guard let after else { return (answer, retries) }
                wait = after
            } catch let failure as HTTPFailure {
                observe(request, "<error>", start)
                guard let after = retries.failed(failure, chance: chance()) else {
                    var told = Self.failure(failure, request.verb, request.target)
                    told.mayHaveHappened = retries.mayHaveHappened
                    throw told
                }
                wait = after
            }
            logger.debug(
                "request is sent again",
                [
                    "request.verb": .string(request.verb), "request.target": .string(request.target),
                    "wait": .duration(wait),
                ]
            )
            try await time.sleep(wait)
        }
    }

    private func http(_ request: APIRequest, _ credential: Credential) -> HTTPRequest {
        var headers = credential.headers
        headers.add("Accept", request.accept)
        if request.body != nil { headers.add("Content-Type", request.contentType) }
        return HTTPRequest(
            method: request.method,
            url: server + request.path,
            headers: headers,
            body: request.body,
            timeLimit: request.timeLimit,
            idleLimit: request.idleLimit
        )
    }

    private func observe(_ request: APIRequest, _ code: String, _ start: Duration) {
        metrics?.requestEnded(
            method: request.method,
            verb: request.verb,
            code: code,
            duration: time.elapsed() - start
        )
    }
}

/// A token bucket that all requests share.
final class SharedBucket: Sendable {
    private let bucket: Mutex<TokenBucket>

    init(perSecond: Double, burst: Int) { bucket = Mutex(TokenBucket(perSecond: perSecond, burst: burst)) }

    func take(now: Duration) -> Duration { bucket.withLock { $0.take(now: now) } }
}

extension String.UTF8View {
    /// Whether `json` stands in it, in whatever case.
    ///
    /// Every answer is asked this, and searching by characters took a fortieth of a busy operator's time.
    fileprivate var namesJSON: Bool {
        var rest = self[...]
        while let start = rest.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "j") }) {
            rest = rest[start...]
            if rest.prefix(4).elementsEqual("json".utf8, by: { $0 | 0x20 == $1 }) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
