import Telemetry

/// What the server counts.
struct ModelMetrics: Sendable {
    private let model: Model
    private let requests: Counter
    private let seconds: Histogram
    private let predictions: Histogram
    private let features: Histogram
    private let loaded: Gauge

    init(_ registry: MetricsRegistry, model: Model) {
        self.model = model
        requests = registry.counter(
            "model_requests_total",
            help: "Infer requests answered, by HTTP status.",
            labels: ["model", "version", "code"]
        )
        seconds = registry.histogram(
            "model_request_duration_seconds",
            help: "Time from an infer request's arrival to its answer.",
            labels: ["model", "version"],
            buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
        )
        predictions = registry.histogram(
            "model_prediction",
            help: "Predicted numbers (linear), probabilities of the second of two classes, or highest probabilities.",
            labels: ["model", "version"],
            buckets: model.predictionBuckets
        )
        features = registry.histogram(
            "model_feature",
            help: "Values of the features as they arrive.",
            labels: ["model", "version", "feature"],
            bucketsFor: { labels in Self.featureBuckets(model, labels.last ?? "") }
        )
        loaded = registry.gauge(
            "model_loaded",
            help: "1 while the model is loaded.",
            labels: ["model", "version"]
        )
        loaded.set(0, labels)
        requests.prepare(labels + ["200"])
        seconds.prepare(labels)
    }

    private var labels: [String] { [model.name, model.version] }

    func load() { loaded.set(1, labels) }

    func answered(_ status: Int, after span: Duration) {
        requests.increment(labels + [String(status)])
        seconds.observe(span, labels)
    }

    func predicted(_ predictions: [Model.Prediction], from values: [Double]) {
        for prediction in predictions { self.predictions.observe(prediction.score, labels) }
        for (index, value) in values.enumerated() {
            features.observe(value, labels + [model.features[index % model.features.count]])
        }
    }

    /// From three scales below the mean to three above, by halves; powers of ten where the model has neither.
    static func featureBuckets(_ model: Model, _ feature: String) -> [Double] {
        let powers = [0.001, 0.01, 0.1, 1, 10, 100, 1000, 10_000]
        let byDecades = powers.reversed().map { -$0 } + [0] + powers
        guard let index = model.features.firstIndex(of: feature), let step = model.standardization else {
            return byDecades
        }
        let bounds = (-6...6).map { step.mean[index] + Double($0) / 2 * step.scale[index] }
        // A scale too small beside its mean to tell the bounds apart.
        return zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 && $1.isFinite } ? bounds : byDecades
    }
}
