import FoundationEssentials
package import HTTPTransport
import JSON
import Synchronization

/// Asks a Prometheus, or what speaks its API (Thanos, Mimir, VictoriaMetrics).
///
/// Queries go as forms by POST, so their length does not matter. A failure that may pass is tried again with growing,
/// jittered waits inside the query's time limit; what remains is a value (``Reading``), never an error. The only error
/// is `CancellationError`.
package final class PrometheusClient: Sendable {
    /// How it is reached.
    package let configuration: PrometheusConfiguration
    private let http: HTTPClient
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> SampleTime
    private let jitter: @Sendable () -> Double
    /// When the failures since the last answer began.
    private let failingSince = Mutex<SampleTime?>(nil)

    /// Makes a client; nothing is sent yet.
    ///
    /// - Parameters:
    ///   - configuration: How to reach it.
    ///   - http: Carries the queries; its TLS settings are those of the address.
    ///   - clock: Measures time limits and waits.
    ///   - now: The wall clock, for the beginning of outages.
    ///   - jitter: A number in `0..<1` for each wait.
    package init(
        _ configuration: PrometheusConfiguration,
        http: HTTPClient,
        clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> SampleTime = { .now },
        jitter: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        self.configuration = configuration
        self.http = http
        self.clock = clock
        self.now = now
        self.jitter = jitter
    }

    /// Evaluates a query at one moment.
    ///
    /// - Parameters:
    ///   - query: PromQL; with a range selector as in `x[5m]` the answer is a matrix of raw samples.
    ///   - time: The moment; nil for Prometheus's own present.
    ///   - whole: Whether an answer with warnings, in which data may be missing, is an outage and no answer.
    package func query(
        _ query: String,
        at time: SampleTime? = nil,
        whole: Bool = false
    ) async throws(CancellationError) -> Reading<QueryResult> {
        var form = [("query", query)]
        if let time { form.append(("time", time.description)) }
        return try await ask("query", form, query: query, whole: whole)
    }

    /// Evaluates a query at even steps.
    ///
    /// - Parameters:
    ///   - query: PromQL whose value is a number or a vector.
    ///   - start: The first moment.
    ///   - end: The last possible moment.
    ///   - step: The time between two moments, at least a millisecond. Prometheus refuses more than 11,000 steps.
    package func queryRange(
        _ query: String,
        from start: SampleTime,
        to end: SampleTime,
        step: Duration
    ) async throws(CancellationError) -> Reading<QueryResult> {
        let step = SampleTime(milliseconds: max(1, step.wholeMilliseconds))
        let form = [
            ("query", query), ("start", start.description), ("end", end.description), ("step", step.description),
        ]
        return try await ask("query_range", form, query: query, whole: false)
    }

    /// Evaluates a query that gives one number: a scalar, or a vector of one series.
    ///
    /// An empty vector, NaN and the infinities (which a division by zero gives) are insufficient.
    package func number(
        _ query: String,
        at time: SampleTime? = nil
    ) async throws(CancellationError) -> Reading<Double> {
        try await self.query(query, at: time).flatMap { result in
            guard result.kind != .matrix else {
                return .invalid(
                    QueryFault(.wrongType, query: query, "it gives a range of samples; use a function over the range")
                )
            }
            guard result.series.count <= 1 else {
                return .invalid(
                    QueryFault(
                        .severalSeries,
                        query: query,
                        "it gives \(result.series.count) series where one number is needed; aggregate them, as with sum()"
                    )
                )
            }
            guard let sample = result.series.first?.samples.last else {
                return .insufficient(Insufficiency(.noSeries, "\"\(query)\" gives nothing"))
            }
            guard sample.value.isFinite else {
                return .insufficient(Insufficiency(.notANumber, "\"\(query)\" gives \(sample.value)"))
            }
            return .value(sample.value)
        }
    }

    // MARK: Tries

    /// What one try came to.
    private enum Try {
        case answered(Reading<QueryResult>)
        case failed(Outage.Reason, String)
        /// Failed in a way that may pass; not before `wait` if that is given.
        case passing(Outage.Reason, String, wait: Duration?)
    }

    private func ask(
        _ endpoint: String,
        _ form: [(String, String)],
        query: String,
        whole: Bool
    ) async throws(CancellationError) -> Reading<QueryResult> {
        try await ask(endpoint, form, query: query, whole: whole, clock: clock)
    }

    private func ask<C: Clock<Duration>>(
        _ endpoint: String,
        _ form: [(String, String)],
        query: String,
        whole: Bool,
        clock: C
    ) async throws(CancellationError) -> Reading<QueryResult> {
        let deadline = clock.now.advanced(by: configuration.timeLimit)
        var tries = 0
        while true {
            if Task.isCancelled { throw CancellationError() }
            let left = clock.now.duration(to: deadline)
            let outcome = try await attempt(endpoint, form, query: query, timeLimit: left)
            tries += 1
            switch outcome {
            case .answered(.value(let result)) where whole && !result.warnings.isEmpty:
                return .unavailable(outage(.partial, "data may be missing: \(result.warnings.joined(separator: "; "))"))
            case .answered(let reading):
                failingSince.withLock { $0 = nil }
                return reading
            case .failed(let reason, let detail):
                return .unavailable(outage(reason, detail))
            case .passing(let reason, let detail, let wait):
                let pause = max(backoff(after: tries), wait ?? .zero)
                // A wait that would use up the time limit leaves nothing for the try after it.
                guard tries < configuration.tryLimit, pause < clock.now.duration(to: deadline) else {
                    return .unavailable(outage(reason, detail))
                }
                do { try await clock.sleep(for: pause) } catch { throw CancellationError() }
            }
        }
    }

    /// Doubling waits, each spread evenly over half to one and a half of its mean.
    private func backoff(after tries: Int) -> Duration {
        let mean = min(configuration.firstBackoff * (1 << min(tries - 1, 20)), configuration.longestBackoff)
        return mean * (0.5 + jitter())
    }

    private func outage(_ reason: Outage.Reason, _ detail: String) -> Outage {
        let time = now()
        let since = failingSince.withLock { since in
            if since == nil { since = time }
            return since
        }
        return Outage(reason, since: since, "cannot query \"\(configuration.address)\": \(detail)")
    }

    private func attempt(
        _ endpoint: String,
        _ form: [(String, String)],
        query: String,
        timeLimit: Duration
    ) async throws(CancellationError) -> Try {
        var headers: HTTPHeaders = [
            "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json",
        ]
        do {
            if let value = try Self.header(try await configuration.authorization()) {
                headers.add("Authorization", value)
            }
        } catch {
            if error is CancellationError || Task.isCancelled { throw CancellationError() }
            return .failed(.credentials, "no credentials: \(error)")
        }
        // Prometheus is told the limit too, so that it does not work on for nobody.
        let limit = SampleTime(milliseconds: max(1, timeLimit.wholeMilliseconds))
        let request = HTTPRequest(
            method: "POST",
            url: "\(configuration.address)/api/v1/\(endpoint)",
            headers: headers,
            body: Self.encode(form + [("timeout", limit.description)]),
            timeLimit: timeLimit
        )
        do {
            return await Self.judge(try await http.send(request), query: query)
        } catch let failure as HTTPFailure {
            if Task.isCancelled { throw CancellationError() }
            let reason: Outage.Reason =
                switch failure.reason {
                case .timeout: .timeout
                case .tooLarge, .protocolError: .unexpectedAnswer
                default: .unreachable
                }
            return failure.isRetryable ? .passing(reason, failure.detail, wait: nil) : .failed(reason, failure.detail)
        } catch {
            // Apart from its own failures the client throws only this.
            throw CancellationError()
        }
    }

    // Large answers are decoded off the caller's actor.
    @concurrent
    private static func judge(_ answer: HTTPResponse, query: String) async -> Try {
        let envelope: APIEnvelope
        do throws(JSONError) { envelope = try APIEnvelope(parsing: answer.body) } catch {
            return judgeForeign(answer, "its answer of status \(answer.status) is not Prometheus's: \(error)")
        }
        if envelope.status == "success", (200..<300).contains(answer.status) {
            guard let kind = QueryResult.Kind(rawValue: envelope.resultType) else {
                return .answered(
                    .invalid(QueryFault(.wrongType, query: query, "it gives a \(envelope.resultType), not numbers"))
                )
            }
            return .answered(
                .value(QueryResult(kind: kind, series: envelope.series, warnings: envelope.warnings))
            )
        }
        let detail = envelope.error.isEmpty ? "status \(answer.status)" : envelope.error
        switch envelope.errorType {
        case "bad_data": return .answered(.invalid(QueryFault(.badQuery, query: query, detail)))
        // Trying these again at once would only add to the load that made them fail.
        case "execution": return .failed(.execution, detail)
        case "timeout", "canceled": return .failed(.timeout, detail)
        case "unavailable", "internal": return .passing(.overloaded, detail, wait: retryAfter(answer))
        default: return judgeForeign(answer, detail)
        }
    }

    /// Judges an answer by its status alone: a proxy's, or one that is no answer of Prometheus's API.
    private static func judgeForeign(_ answer: HTTPResponse, _ detail: String) -> Try {
        switch answer.status {
        case 401, 403: .failed(.unauthorized, "the credentials were refused with status \(answer.status)")
        case 408, 429, 500, 502, 503, 504:
            .passing(.overloaded, "it answered with status \(answer.status)", wait: retryAfter(answer))
        case 404: .failed(.unexpectedAnswer, "there is no Prometheus API under this address (status 404)")
        default: .failed(.unexpectedAnswer, detail)
        }
    }

    /// How long the source asks to be left alone; a date instead of seconds is ignored.
    private static func retryAfter(_ answer: HTTPResponse) -> Duration? {
        guard let text = answer.headers["Retry-After"], let seconds = Int(text), (0...86_400).contains(seconds)
        else { return nil }
        return .seconds(seconds)
    }

    // MARK: Encoding

    private struct UnusableCredentials: Error, CustomStringConvertible {
        var description: String { "they hold a line break or another control character" }
    }

    private static func header(_ authorization: PrometheusConfiguration.Authorization) throws -> String? {
        // Files and Secrets often end with a line break that is no part of the token.
        func usable(_ text: String) throws -> String {
            let trimmed = text.trimmingCharacters { $0 == " " || $0.isNewline }
            guard trimmed.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw UnusableCredentials() }
            return trimmed
        }
        switch authorization {
        case .none: return nil
        case .bearer(let token): return "Bearer \(try usable(token))"
        case .basic(let user, let password):
            return "Basic " + Data("\(try usable(user)):\(try usable(password))".utf8).base64EncodedString()
        }
    }

    static func encode(_ form: [(String, String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ text: String) {
            for byte in text.utf8 {
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "~"):
                    bytes.append(byte)
                default:
                    let digits = Array("0123456789ABCDEF".utf8)
                    bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
                }
            }
        }
        for (index, field) in form.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: "&")) }
            append(field.0)
            bytes.append(UInt8(ascii: "="))
            append(field.1)
        }
        return bytes
    }
}

extension String {
    fileprivate func trimmingCharacters(where drop: (Character) -> Bool) -> String {
        guard let first = firstIndex(where: { !drop($0) }), let last = lastIndex(where: { !drop($0) }) else {
            return ""
        }
        return String(self[first...last])
    }
}
