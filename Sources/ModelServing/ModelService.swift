package import HTTPServing
import JSON
import Synchronization
package import Telemetry

/// Answers the Open Inference Protocol v2 (REST) for one model, and `/metrics`.
///
/// - SeeAlso: <https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md>
package final class ModelService<C: Clock<Duration>>: Sendable {
    private enum Phase { case loading, ready, draining }

    private let model: Model
    private let metrics: ModelMetrics
    private let registry: MetricsRegistry
    private let faults: FaultSource
    private let clock: C
    private let phase = Mutex(Phase.loading)

    /// Creates the service of a model that is not loaded yet: infer answers 503.
    ///
    /// - Parameters:
    ///   - model: What is served.
    ///   - registry: Where is counted and what `/metrics` shows.
    ///   - faults: Faults to inject.
    ///   - clock: Measures requests and waits for injected latency.
    package init(model: Model, registry: MetricsRegistry, faults: Faults = Faults(), clock: C) {
        self.model = model
        self.registry = registry
        self.faults = FaultSource(faults)
        self.clock = clock
        metrics = ModelMetrics(registry, model: model)
    }

    /// Ends loading: from now on requests are served.
    package func finishLoading() {
        let isLoaded = phase.withLock { phase in
            guard phase == .loading else { return false }
            phase = .ready
            return true
        }
        if isLoaded { metrics.load() }
    }

    /// Says not ready from now on and keeps answering requests.
    package func startDraining() { phase.withLock { $0 = .draining } }

    /// Answers one request.
    package func answer(_ request: ServerRequest) async -> ServerResponse {
        // Segments are decoded one by one: a name may hold an escaped slash.
        let segments = request.rawPath.split(separator: "/").map { ServerRequest(target: "/\($0)").path.dropFirst() }
        if segments == ["metrics"] {
            return get(request) {
                ServerResponse(
                    headers: [("Content-Type", MetricsRegistry.contentType)],
                    body: .bytes(registry.expose())
                )
            }
        }
        guard segments.first == "v2" else { return fail(404, notFound(request)) }
        switch segments.dropFirst() {
        case []:
            return get(request) {
                .json(
                    InferenceResponse.object(
                        ("name", "homeostat-model-server"),
                        ("version", "1"),
                        ("extensions", [])
                    )
                )
            }
        case ["health", "live"]: return get(request) { .json(InferenceResponse.object(("live", true))) }
        case ["health", "ready"]:
            return get(request) {
                let isReady = phase.withLock { $0 } == .ready
                return .json(InferenceResponse.object(("ready", .bool(isReady))), status: isReady ? 200 : 503)
            }
        default: break
        }
        guard segments.count >= 3, segments[1] == "models" else { return fail(404, notFound(request)) }
        let name = segments[2]
        var rest = segments.dropFirst(3)
        guard name == model.name else {
            return fail(
                404,
                "the model \"\(InferenceRequest.clipped(String(name)))\" is not served here; use \"\(model.name)\""
            )
        }
        if rest.first == "versions", rest.count >= 2 {
            let version = String(rest[rest.startIndex + 1])
            rest = rest.dropFirst(2)
            guard version == model.version else {
                return fail(
                    404,
                    "the version \"\(InferenceRequest.clipped(version))\" of \"\(model.name)\" is not served here; use "
                        + "\"\(model.version)\""
                )
            }
        }
        return await answer(request, Array(rest.map(String.init)))
    }

    private func answer(_ request: ServerRequest, _ rest: [String]) async -> ServerResponse {
        switch rest {
        case []: return get(request) { .json(InferenceResponse.metadata(model)) }
        case ["ready"]:
            return get(request) {
                let isReady = phase.withLock { $0 } == .ready
                return .json(
                    InferenceResponse.object(("name", .string(model.name)), ("ready", .bool(isReady))),
                    status: isReady ? 200 : 503
                )
            }
        case ["infer"]:
            guard request.method == "POST" else {
                return notAllowed(request, "POST")
            }
            let start = clock.now
            guard let response = await infer(request) else { return .disconnect }
            metrics.answered(response.status, after: start.duration(to: clock.now))
            return response
        default: return fail(404, notFound(request))
        }
    }

    /// Nil when the client left while it waited.
    private func infer(_ request: ServerRequest) async -> ServerResponse? {
        let fault = faults.draw()
        if fault.latency > .zero {
            do { try await clock.sleep(for: fault.latency) } catch { return nil }
        }
        guard phase.withLock({ $0 }) != .loading else {
            return fail(503, "the model \"\(model.name)\" is still loading; try again when it is ready")
        }
        if fault.fails { return fail(500, "this failure was injected (fault-error-share)") }
        do throws(InferenceFailure) { return .json(try predict(request)) } catch {
            return fail(error.status, error.message)
        }
    }

    private func predict(_ request: ServerRequest) throws(InferenceFailure) -> [UInt8] {
        if request.header("Inference-Header-Content-Length") != nil {
            throw .badInput("the binary tensor extension is not supported; send data as JSON")
        }
        let inference = try InferenceRequest(parsing: request.body, for: model)
        let width = model.features.count
        let predictions = (0..<inference.rowCount).map { row in
            model.predict(inference.values[row * width..<(row + 1) * width])
        }
        for (row, prediction) in predictions.enumerated() where !prediction.score.isFinite {
            throw .badInput("inputs: row \(row) is so large that the prediction is not finite; send smaller values")
        }
        metrics.predicted(predictions, from: inference.values)
        return InferenceResponse.infer(inference, predictions, model)
    }

    private func get(_ request: ServerRequest, _ respond: () -> ServerResponse) -> ServerResponse {
        request.method == "GET" || request.method == "HEAD" ? respond() : notAllowed(request, "GET")
    }

    private func notAllowed(_ request: ServerRequest, _ allowed: String) -> ServerResponse {
        var response = fail(405, "\(InferenceRequest.clipped(request.method)) is not allowed here; use \(allowed)")
        response.headers.append(("Allow", allowed))
        return response
    }

    private func notFound(_ request: ServerRequest) -> String {
        "there is nothing at \"\(InferenceRequest.clipped(request.path))\"; use /v2/models/\(model.name)/infer for "
            + "predictions"
    }

    private func fail(_ status: Int, _ message: String) -> ServerResponse {
        .json(InferenceResponse.object(("error", .string(message))), status: status)
    }
}
