package import HTTPServing
package import Telemetry

/// Serves what operators of the program look at: `/metrics`, `/healthz` and `/readyz`.
///
/// Metrics and health may have an address each or share one; an address of nil serves that part nowhere. Two ports of
/// 0 are two ports.
package final class OperationsServer: Sendable {
    private let servers: [HTTPServer]
    /// The port metrics are served on; nil when they are not.
    package let metricsPort: Int?
    /// The port health is served on; nil when it is not.
    package let healthPort: Int?

    /// Listens and serves from now on.
    ///
    /// - Parameters:
    ///   - metricsAddress: Where `/metrics` is served.
    ///   - healthAddress: Where `/healthz` and `/readyz` are served.
    ///   - metrics: What `/metrics` shows.
    ///   - live: The checks of `/healthz`. Their failing gets the program restarted.
    ///   - ready: The checks of `/readyz`. Their failing takes the program out of service.
    /// - Throws: `HTTPServerError` when an address cannot be listened on; then nothing is.
    package init(
        metricsAddress: ListenAddress?,
        healthAddress: ListenAddress?,
        metrics: MetricsRegistry,
        live: [HealthCheck] = [],
        ready: [HealthCheck] = []
    ) throws(HTTPServerError) {
        let health = [HealthPage(name: "healthz", checks: live), HealthPage(name: "readyz", checks: ready)]
        if let address = metricsAddress, address == healthAddress, address.port != 0 {
            let server = try Self.listen(address, OperationsPages(metrics: metrics, health: health))
            servers = [server]
            metricsPort = server.port
            healthPort = server.port
            return
        }
        var forMetrics: HTTPServer?
        var forHealth: HTTPServer?
        if let metricsAddress {
            forMetrics = try Self.listen(metricsAddress, OperationsPages(metrics: metrics, health: []))
        }
        if let healthAddress {
            forHealth = try Self.listen(healthAddress, OperationsPages(metrics: nil, health: health))
        }
        servers = [forMetrics, forHealth].compactMap { $0 }
        metricsPort = forMetrics?.port
        healthPort = forHealth?.port
    }

    /// Stops serving; answers under way have a second to go out.
    package func stop() async {
        await withTaskGroup(of: Void.self) { group in
            for server in servers { group.addTask { await server.stop(grace: .seconds(1)) } }
        }
    }

    private static func listen(
        _ address: ListenAddress,
        _ pages: OperationsPages
    ) throws(HTTPServerError) -> HTTPServer {
        try HTTPServer(
            HTTPServerConfiguration(address: address.address, port: address.port, maxBodyBytes: 0)
        ) { request in
            await pages.answer(request)
        }
    }
}

/// What is found under which path.
struct OperationsPages: Sendable {
    var metrics: MetricsRegistry?
    var health: [HealthPage]

    func answer(_ request: ServerRequest) async -> ServerResponse {
        guard let respond = page(request) else { return .text("404 page not found\n", status: 404) }
        guard request.method == "GET" || request.method == "HEAD" else {
            var response = ServerResponse.text("\(request.method) is not allowed here\n", status: 405)
            response.headers.append(("Allow", "GET, HEAD"))
            return response
        }
        return await respond()
    }

    private func page(_ request: ServerRequest) -> (@Sendable () async -> ServerResponse)? {
        let segments = request.path.split(separator: "/").map(String.init)
        guard let first = segments.first, segments.count <= 2 else { return nil }
        if first == "metrics", segments.count == 1, let metrics {
            return {
                ServerResponse(
                    headers: [("Content-Type", MetricsRegistry.contentType)],
                    body: .bytes(metrics.expose())
                )
            }
        }
        guard let page = health.first(where: { $0.name == first }) else { return nil }
        if segments.count == 1 {
            let excluded = Set(request.query.filter { $0.name == "exclude" }.map(\.value))
            let isVerbose = request.query("verbose") != nil
            return {
                let (status, text) = await page.all(isVerbose: isVerbose, excluding: excluded)
                return .text(text, status: status)
            }
        }
        guard page.checks.contains(where: { $0.name == segments[1] }) else { return nil }
        return {
            let (status, text) = await page.one(segments[1]) ?? (404, "404 page not found\n")
            return .text(text, status: status)
        }
    }
}
