import HTTPServing
import HTTPTransport
import Synchronization

@testable import Evidence

/// What a query came with, decoded.
struct ReceivedQuery: Sendable {
    var path: String
    var form: [String: String]
    var authorization: String?
    var query: String { form["query"] ?? "" }
}

/// An HTTP server that answers like Prometheus what a test tells it to, and keeps what it was asked.
final class ScriptedPrometheus: Sendable {
    private let server: HTTPServer
    private let http: HTTPClient
    private let log = Log()

    /// - Parameter answer: Gets a query and its number, counted from 0.
    init(_ answer: @escaping @Sendable (ReceivedQuery, Int) async -> ServerResponse) throws {
        server = try HTTPServer { [log] request in
            let query = ReceivedQuery(
                path: request.path,
                form: Self.decode(request.body),
                authorization: request.header("Authorization")
            )
            return await answer(query, log.add(query))
        }
        http = try HTTPClient()
    }

    private final class Log: Sendable {
        let queries = Mutex<[ReceivedQuery]>([])
        func add(_ query: ReceivedQuery) -> Int {
            queries.withLock {
                $0.append(query)
                return $0.count - 1
            }
        }
    }

    var queries: [ReceivedQuery] { log.queries.withLock { $0 } }
    var address: String { "http://127.0.0.1:\(server.port)" }

    func client(
        authorization: @escaping @Sendable () async throws -> PrometheusConfiguration.Authorization = { .none },
        timeLimit: Duration = .seconds(30),
        tryLimit: Int = 4,
        clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> SampleTime = { .now }
    ) throws -> PrometheusClient {
        let configuration = try PrometheusConfiguration(
            address: address,
            authorization: authorization,
            timeLimit: timeLimit,
            firstBackoff: .milliseconds(1),
            tryLimit: tryLimit
        )
        return PrometheusClient(configuration, http: http, clock: clock, now: now, jitter: { 0.5 })
    }

    func stop() async { await server.stop() }

    /// Reads a form as a server does: `+` is a space.
    private static func decode(_ body: [UInt8]) -> [String: String] {
        var form: [String: String] = [:]
        for pair in body.split(separator: UInt8(ascii: "&")) {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let texts = halves.map { half -> String in
                var bytes: [UInt8] = []
                var index = half.startIndex
                while index < half.endIndex {
                    if half[index] == UInt8(ascii: "%"), index + 2 < half.endIndex,
                        let byte = UInt8(String(decoding: half[index + 1...index + 2], as: UTF8.self), radix: 16)
                    {
                        bytes.append(byte)
                        index += 3
                    } else {
                        bytes.append(half[index] == UInt8(ascii: "+") ? 0x20 : half[index])
                        index += 1
                    }
                }
                return String(decoding: bytes, as: UTF8.self)
            }
            form[texts[0]] = texts.count > 1 ? texts[1] : ""
        }
        return form
    }
}

extension ServerResponse {
    /// A successful answer of Prometheus.
    static func result(_ type: String, _ result: String) -> ServerResponse {
        .json(Array(#"{"status":"success","data":{"resultType":"\#(type)","result":\#(result)}}"#.utf8))
    }

    /// A failure as Prometheus reports it.
    static func failure(_ type: String, _ text: String, status: Int) -> ServerResponse {
        .json(Array(#"{"status":"error","errorType":"\#(type)","error":"\#(text)"}"#.utf8), status: status)
    }
}
