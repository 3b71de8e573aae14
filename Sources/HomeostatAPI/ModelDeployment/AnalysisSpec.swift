package import JSON

/// How a canary is judged.
package struct AnalysisSpec: APIObject {
    package var prometheus = PrometheusSpec()
    package var interval = KubeDuration.seconds(10)
    package var metrics: [MetricSpec] = []
    package var onNoData = OnNoData.hold
    package var noDataTimeout: KubeDuration?
    package var minDuration: KubeDuration?
    package var maxDuration = KubeDuration.hours(24)
    package var onTimeout = OnTimeout.hold
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        .required("prometheus", \.prometheus, "The Prometheus that holds the measurements of both tracks."),
        Field(
            "interval",
            \.interval,
            "How often the metrics are looked at.",
            .pattern(KubeDuration.positivePattern)
        ),
        .required(
            "metrics",
            \.metrics,
            "What the canary is judged by. It goes on when all of them are good and is rolled back when one is bad.",
            .listMap(["name"]),
            .minItems(1),
            .maxItems(20)
        ),
        Field(
            "onNoData",
            \.onNoData,
            "What to do when there is no data for noDataTimeout, be it that Prometheus does not answer or that it has "
                + "nothing to say: Hold the weight, Rollback, or Proceed as if the metric were good. Until then the "
                + "weight is held."
        ),
        Field(
            "noDataTimeout",
            \.noDataTimeout,
            "How long to wait for data before onNoData applies; five intervals when absent.",
            .pattern(KubeDuration.positivePattern),
            .assumed("five intervals")
        ),
        Field(
            "minDuration",
            \.minDuration,
            "How long a canary must have been judged in every analysis step, however good it looks; no time when absent.",
            .assumed("0s")
        ),
        Field(
            "maxDuration",
            \.maxDuration,
            "How long an analysis step may collect evidence before onTimeout applies.",
            .pattern(KubeDuration.positivePattern)
        ),
        Field(
            "onTimeout",
            \.onTimeout,
            "What to do when maxDuration is over and the evidence speaks neither for nor against the canary: Hold the "
                + "weight for a person, Rollback, or Promote, which goes on with the next step."
        ),
    ]

    package static let rules: [Rule] = [
        Rule(
            cel: "!has(self.minDuration) || !has(self.maxDuration) || "
                + "duration(self.minDuration) <= duration(self.maxDuration)",
            "minDuration is longer than maxDuration; lower the one or raise the other",
            check: Rule.Check("minDuration <= maxDuration") { json in
                guard let least = json["minDuration"].flatMap(KubeDuration.init(json:)),
                    let most = json["maxDuration"].flatMap(KubeDuration.init(json:)), least > most
                else { return nil }
                return "minDuration \(least) is longer than maxDuration \(most); lower the one or raise the other"
            }
        )
    ]
}

/// What to do when there is no data.
package enum OnNoData: String, APIEnum {
    case hold = "Hold"
    case rollback = "Rollback"
    case proceed = "Proceed"
}

/// What to do when the time is over and the evidence says nothing.
package enum OnTimeout: String, APIEnum {
    case hold = "Hold"
    case rollback = "Rollback"
    case promote = "Promote"
}

/// A Prometheus server.
package struct PrometheusSpec: APIObject {
    package var address = ""
    package var auth: PrometheusAuth?
    package var labels = PrometheusLabels()
    package var timeout = KubeDuration.seconds(10)
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        .required(
            "address",
            \.address,
            "The URL of the server, without /api/v1.",
            .pattern(
                Schema.Pattern(
                    "^https?://[^ /?#]+(/[^ ?#]*)?$",
                    name: "an http or https URL",
                    example: "http://prometheus:9090"
                )
            ),
            .maxLength(2048)
        ),
        Field("auth", \.auth, "How to sign in; absent for a server that asks for nothing."),
        Field("labels", \.labels, "The names of the labels by which the two tracks are told apart."),
        Field(
            "timeout",
            \.timeout,
            "How long one query may take.",
            .pattern(KubeDuration.positivePattern)
        ),
    ]
}

/// How to sign in to Prometheus; exactly one of its members.
package struct PrometheusAuth: APIObject {
    package var bearerToken: SecretKeyReference?
    package var basic: BasicAuth?
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("bearerToken", \.bearerToken, "A token, sent as Authorization: Bearer."),
        Field("basic", \.basic, "A user and a password, sent as Authorization: Basic."),
    ]

    package static let rules: [Rule] = [.exactlyOne(of: fields.map(\.name))]
}

/// A user and a password, in Secrets.
package struct BasicAuth: APIObject {
    package var username = SecretKeyReference()
    package var password = SecretKeyReference()
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        .required("username", \.username, "Where the name of the user is."),
        .required("password", \.password, "Where the password is."),
    ]
}

/// One entry of a Secret in the namespace of the ModelDeployment.
package struct SecretKeyReference: APIObject {
    package var secretName = ""
    package var key = ""
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        .required(
            "secretName",
            \.secretName,
            "The name of a Secret in the namespace of this object.",
            .pattern(
                Schema.Pattern(
                    "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
                    name: "the name of a Secret",
                    example: "prometheus-token"
                )
            ),
            .maxLength(253)
        ),
        .required(
            "key",
            \.key,
            "The key inside the Secret.",
            .pattern(Schema.Pattern("^[A-Za-z0-9._-]+$", name: "a key of a Secret", example: "token")),
            .maxLength(253)
        ),
    ]
}

/// The labels of measurements.
package struct PrometheusLabels: APIObject {
    package var namespace = "namespace"
    package var revision = "homeostat_dev_revision"
    package var unknown = JSONObject()

    package init() {}

    private static let labelName = Schema.Pattern(
        "^[a-zA-Z_][a-zA-Z0-9_]*$",
        name: "the name of a label",
        example: "kubernetes_namespace"
    )

    package static let fields: [Field<Self>] = [
        Field(
            "namespace",
            \.namespace,
            "The label that holds the namespace of the pod.",
            .pattern(labelName),
            .maxLength(128)
        ),
        Field(
            "revision",
            \.revision,
            "The label that holds the revision, which pods carry as the label homeostat.dev/revision.",
            .pattern(labelName),
            .maxLength(128)
        ),
    ]
}

/// One thing that a canary is judged by; exactly one of errorRate, latency and query.
package struct MetricSpec: APIObject {
    package var name = ""
    package var errorRate: ErrorRateMetric?
    package var latency: LatencyMetric?
    package var query: String?
    package var sequential: SequentialTest?
    package var threshold: Threshold?
    package var failureLimit = 3
    package var unknown = JSONObject()

    package init() {}

    /// The test that judges an error rate: the one that is set, or the usual one when nothing else is asked for.
    package var effectiveSequential: SequentialTest? {
        sequential ?? (errorRate != nil && threshold == nil ? SequentialTest() : nil)
    }

    package static let fields: [Field<Self>] = [
        .required(
            "name",
            \.name,
            "The name of the metric, by which verdicts speak of it.",
            .pattern(.dnsLabel("errors")),
            .maxLength(63)
        ),
        Field(
            "errorRate",
            \.errorRate,
            "The share of requests that failed, from two counters. Judged by sequential, by threshold, or by both; by "
                + "sequential with its defaults when neither is set."
        ),
        Field("latency", \.latency, "How long requests took, from a histogram. Judged by threshold."),
        Field(
            "query",
            \.query,
            "A PromQL expression with one number as its result, in which {{namespace}}, {{revision}} and {{name}} stand "
                + "for those of the track that is measured. Judged by threshold.",
            .minLength(1),
            .maxLength(4096)
        ),
        Field(
            "sequential",
            \.sequential,
            "Compare the canary's error rate with the stable track's by a test that may be looked at any time: the "
                + "chance that it ever wrongly condemns a healthy canary is at most alphaRollback."
        ),
        Field(
            "threshold",
            \.threshold,
            "Limits for the canary's own measurement: max and min for errorRate and query, quantiles for latency."
        ),
        Field(
            "failureLimit",
            \.failureLimit,
            "How many looks in a row must find the threshold crossed before the canary is rolled back.",
            .minimum(1),
            .maximum(100)
        ),
    ]

    package static let rules: [Rule] = [
        .exactlyOne(of: ["errorRate", "latency", "query"]),
        Rule(
            .implies(.has("sequential"), .has("errorRate")),
            "sequential judges an errorRate only; use threshold for latency and query"
        ),
        Rule(
            .any([.has("errorRate"), .has("threshold")]),
            "latency and query need a threshold; set it"
        ),
        Rule(
            .implies(
                .has("latency"),
                .member(
                    "threshold",
                    .all([
                        .any(["p50", "p90", "p95", "p99"].map { .has($0) }), .not(.has("max")), .not(.has("min")),
                    ])
                )
            ),
            "the threshold of a latency has limits for p50, p90, p95 or p99 and no max or min of its own"
        ),
        Rule(
            .any([
                .has("latency"),
                .member(
                    "threshold",
                    .all(
                        [.any([.has("max"), .has("min")])]
                            + ["p50", "p90", "p95", "p99"].map { .not(.has($0)) }
                    )
                ),
            ]),
            "the threshold of an errorRate or a query has max or min and no quantiles"
        ),
        Rule(
            .implies(.has("errorRate"), .member("threshold", .member("max", .atMost(1)))),
            "the threshold of an errorRate is a share of requests; use 0.05 for 5 percent"
        ),
    ]
}

/// An error rate from two counters.
package struct ErrorRateMetric: APIObject {
    package var total = ""
    package var failed = ""
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        .required(
            "total",
            \.total,
            "The counter of all requests, as a PromQL selector; the labels of the track are added to it.",
            .pattern(.selector),
            .maxLength(1024)
        ),
        .required(
            "failed",
            \.failed,
            "The counter of the requests among them that failed, as a PromQL selector.",
            .pattern(.selector),
            .maxLength(1024)
        ),
    ]
}

/// A latency from a histogram.
package struct LatencyMetric: APIObject {
    package var histogram = ""
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        .required(
            "histogram",
            \.histogram,
            "The histogram of durations in seconds, as a PromQL selector, without the suffix _bucket.",
            .pattern(.selector),
            .maxLength(1024)
        )
    ]
}

extension Schema.Pattern {
    /// A metric's name with or without label matchers; more is checked when the query is made.
    package static let selector = Schema.Pattern(
        "^([a-zA-Z_:][a-zA-Z0-9_:]*( *[{].*[}])?|[{].*[}])$",
        name: "a PromQL selector",
        example: "requests_total{code=~\"5..\"}"
    )
}

/// The comparison of two error rates by evidence that may be looked at any time.
package struct SequentialTest: APIObject {
    package var margin = 1.5
    package var alphaRollback = 0.01
    package var alphaPromote = 0.05
    package var minSamples = 200
    package var tolerance = 0.001
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "margin",
            \.margin,
            "How many times the stable error rate the canary's must be shown to stay below to go on.",
            .minimum(1.02),
            .maximum(8)
        ),
        Field(
            "alphaRollback",
            \.alphaRollback,
            "The chance, at most, that a canary no worse than stable is ever rolled back.",
            .above(0),
            .maximum(0.5)
        ),
        Field(
            "alphaPromote",
            \.alphaPromote,
            "The chance, at most, that a canary as bad as the margin ever goes on.",
            .above(0),
            .maximum(0.5)
        ),
        Field(
            "minSamples",
            \.minSamples,
            "How many requests the canary must have answered before it may go on.",
            .minimum(0),
            .maximum(1_000_000_000)
        ),
        Field(
            "tolerance",
            \.tolerance,
            "An error rate, as a share of requests, below which a canary is good enough whatever stable does; 0 for none.",
            .minimum(0),
            .below(1)
        ),
    ]
}

/// Limits for a measurement.
package struct Threshold: APIObject {
    package var max: Double?
    package var min: Double?
    package var p50: LatencyLimit?
    package var p90: LatencyLimit?
    package var p95: LatencyLimit?
    package var p99: LatencyLimit?
    package var unknown = JSONObject()

    package init() {}

    /// The quantiles that have a limit, as shares of requests, in ascending order.
    package var quantiles: [(name: String, quantile: Double, max: Duration)] {
        [("p50", 0.5, p50), ("p90", 0.9, p90), ("p95", 0.95, p95), ("p99", 0.99, p99)]
            .compactMap { name, quantile, limit in limit.map { (name, quantile, $0.max.duration) } }
    }

    package static let fields: [Field<Self>] = [
        Field("max", \.max, "The highest good value; for errorRate a share of requests, as 0.01."),
        Field("min", \.min, "The lowest good value."),
        Field("p50", \.p50, "The limit for the median."),
        Field("p90", \.p90, "The limit for the 90th percentile."),
        Field("p95", \.p95, "The limit for the 95th percentile."),
        Field("p99", \.p99, "The limit for the 99th percentile."),
    ]

    package static let rules: [Rule] = [
        Rule(
            cel: "!has(self.max) || !has(self.min) || self.min <= self.max",
            "min is above max; swap them",
            check: Rule.Check("min <= max") { json in
                guard let low = json["min"]?.double, let high = json["max"]?.double, low > high else { return nil }
                return "min \(low) is above max \(high); swap them"
            }
        )
    ]
}

/// A limit for one quantile of a latency.
package struct LatencyLimit: APIObject {
    package var max = KubeDuration.seconds(1)
    package var unknown = JSONObject()

    package init() {}
    package init(max: KubeDuration) { self.max = max }

    package static let fields: [Field<Self>] = [
        .required("max", \.max, "The longest good duration.")
    ]
}
