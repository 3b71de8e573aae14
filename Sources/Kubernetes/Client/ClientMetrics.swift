import Telemetry

/// Counts the requests that were sent, under the names that controller-runtime gave these metrics.
///
/// Attempts are counted: a request that was sent again counts twice.
struct ClientMetrics: Sendable {
    private let requests: Counter
    private let durations: Histogram
    private let host: String

    /// - Parameter host: The server's name and port; one per client, so the label stays small.
    init(_ registry: MetricsRegistry, host: String) {
        self.host = host
        requests = registry.counter(
            "rest_client_requests_total",
            help: "Requests to the API server, by status code, method and host.",
            labels: ["code", "host", "method"]
        )
        durations = registry.histogram(
            "rest_client_request_duration_seconds",
            help: "Time until the API server answered, by verb and host; of watches and lists until their head.",
            labels: ["host", "verb"],
            buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]
        )
    }

    /// - Parameters:
    ///   - method: The HTTP method.
    ///   - verb: As in ``APIFailure/verb``.
    ///   - code: The status, or `<error>` when no answer came, as controller-runtime's metric has it.
    ///   - duration: Until the answer, of a stream until its head.
    func requestEnded(method: String, verb: String, code: String, duration: Duration) {
        requests.increment([code, host, method])
        durations.observe(duration, [host, verb])
    }

    /// The authority of an address: `10.96.0.1:443` of `https://10.96.0.1:443/path`.
    static func host(of address: String) -> String {
        let rest = address.split(separator: "://", maxSplits: 1).last ?? ""
        return String(rest.prefix { $0 != "/" }.split(separator: "@").last ?? "")
    }
}
