import Telemetry

/// What the server counts, under the names that kube-apiserver has.
struct ServerMetrics: Sendable {
    private let requests: Counter
    private let seconds: Histogram
    private let watches: Gauge
    private let watchBytes: Counter

    init(_ registry: MetricsRegistry) {
        requests = registry.counter(
            "apiserver_request_total",
            help: "Requests answered, by verb, resource and HTTP status.",
            labels: ["verb", "group", "version", "resource", "subresource", "code"]
        )
        seconds = registry.histogram(
            "apiserver_request_duration_seconds",
            help: "Time from a request's arrival to its answer; watches are left out.",
            labels: ["verb", "resource"]
        )
        watches = registry.gauge(
            "apiserver_longrunning_requests",
            help: "Watches and streamed logs that are open.",
            labels: ["verb", "resource"]
        )
        watchBytes = registry.counter(
            "apiserver_watch_events_bytes_total",
            help: "Bytes of watch events sent.",
            labels: ["resource"]
        )
    }

    /// - Parameters:
    ///   - known: Whether the resource is served: what is not must not make new series.
    func answered(_ info: RequestInfo, known: Bool, status: Int, after span: Duration) {
        let verb = info.isResource && known ? info.verb.uppercased() : "OTHER"
        let resource = known ? info.plural : ""
        requests.increment([
            verb, known ? info.group : "", known ? info.version : "", resource, known ? info.subresource ?? "" : "",
            String(status),
        ])
        if verb != "WATCH" { seconds.observe(span, [verb, resource]) }
    }

    func opened(_ verb: String, _ resource: String) { watches.add(1, [verb, resource]) }
    func closed(_ verb: String, _ resource: String) { watches.add(-1, [verb, resource]) }
    func sent(_ bytes: Int, _ resource: String) { watchBytes.increment(by: Double(bytes), [resource]) }
}
