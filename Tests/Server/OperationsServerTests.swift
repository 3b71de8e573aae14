import HTTPServing
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Server

@Suite(.timeLimit(.minutes(1)))
struct OperationsServerTests {
    let metrics = MetricsRegistry()

    func get(_ port: Int?, _ path: String, method: String = "GET") async throws -> RawConnection.Response {
        let client = try RawConnection(port: try #require(port))
        try await client.send("\(method) \(path) HTTP/1.1\r\nHost: test\r\n\r\n")
        return try await client.response(isHead: method == "HEAD")
    }

    func withServer(
        live: [HealthCheck] = [],
        ready: [HealthCheck] = [],
        _ body: (OperationsServer) async throws -> Void
    ) async throws {
        let server = try OperationsServer(
            metricsAddress: ListenAddress("127.0.0.1", 0),
            healthAddress: ListenAddress("127.0.0.1", 0),
            metrics: metrics,
            live: live,
            ready: ready
        )
        do {
            try await body(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    @Test("shows the metrics of now")
    func metricsPage() async throws {
        let counter = metrics.counter("done_total", help: "Done.")
        try await withServer { server in
            counter.increment()
            let response = try await get(server.metricsPort, "/metrics")
            #expect(response.status == 200)
            #expect(response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(response.text == "# HELP done_total Done.\n# TYPE done_total counter\ndone_total 1\n")
        }
    }

    @Test("says ok while all checks pass, and which failed when one does")
    func readiness() async throws {
        let cache = Mutex(CheckResult.ok)
        let checks = [
            HealthCheck("leader") { .ok },
            HealthCheck("cache") { cache.withLock { $0 } },
        ]
        try await withServer(ready: checks) { server in
            let well = try await get(server.healthPort, "/readyz")
            #expect(well.status == 200)
            #expect(well.text == "ok\n")
            let verbose = try await get(server.healthPort, "/readyz?verbose")
            #expect(verbose.text == "[+]leader ok\n[+]cache ok\nreadyz check passed\n")
            cache.withLock { $0 = .failed("pods: not synced") }
            let ill = try await get(server.healthPort, "/readyz")
            #expect(ill.status == 500)
            #expect(ill.text == "[+]leader ok\n[-]cache failed: pods: not synced\nreadyz check failed\n")
            // The other page has its own checks.
            #expect(try await get(server.healthPort, "/healthz").status == 200)
            let excluded = try await get(server.healthPort, "/readyz?verbose&exclude=cache")
            #expect(excluded.status == 200)
            #expect(excluded.text == "[+]leader ok\n[+]cache excluded: ok\nreadyz check passed\n")
            #expect(try await get(server.healthPort, "/readyz/leader").text == "ok\n")
            let one = try await get(server.healthPort, "/readyz/cache")
            #expect(one.status == 500)
            #expect(one.text == "failed: pods: not synced\n")
            #expect(try await get(server.healthPort, "/readyz/none").status == 404)
        }
    }

    @Test("runs the checks side by side")
    func concurrently() async throws {
        let inside = Latch()
        let checks = ["a", "b", "c"].map { name in
            HealthCheck(name) {
                inside.signal()
                await inside.wait(for: 3)
                return .ok
            }
        }
        try await withServer(live: checks) { server in
            let response = try await get(server.healthPort, "/healthz")
            #expect(response.status == 200)
        }
    }

    @Test("knows no other path and no other method, and keeps the two addresses apart")
    func unknown() async throws {
        try await withServer { server in
            #expect(try await get(server.metricsPort, "/").status == 404)
            #expect(try await get(server.metricsPort, "/metrics/x").status == 404)
            #expect(try await get(server.metricsPort, "/healthz").status == 404)
            #expect(try await get(server.healthPort, "/metrics").status == 404)
            let post = try await get(server.metricsPort, "/metrics", method: "POST")
            #expect(post.status == 405)
            #expect(post.headers["allow"] == "GET, HEAD")
            #expect(try await get(server.healthPort, "/readyz", method: "HEAD").status == 200)
        }
    }

    @Test("serves both on one address, and only what has an address")
    func addresses() async throws {
        let probe = try HTTPServer { _ in .text("") }
        let shared = ListenAddress("127.0.0.1", probe.port)
        await probe.stop()
        let server = try OperationsServer(metricsAddress: shared, healthAddress: shared, metrics: metrics)
        #expect(server.metricsPort == server.healthPort)
        #expect(try await get(server.metricsPort, "/metrics").status == 200)
        #expect(try await get(server.healthPort, "/healthz").status == 200)
        await server.stop()
        let none = try OperationsServer(metricsAddress: nil, healthAddress: nil, metrics: metrics)
        #expect(none.metricsPort == nil)
        await none.stop()
    }

    @Test(
        "reads addresses",
        arguments: [
            (":8080", ListenAddress("::", 8080)), ("127.0.0.1:0", ListenAddress("127.0.0.1", 0)),
            ("[::1]:90", ListenAddress("::1", 90)), ("8080", nil), ("", nil), ("::1:90", nil), ("a:b", nil),
            (":70000", nil),
        ] as [(String, ListenAddress?)]
    )
    func parse(text: String, address: ListenAddress?) {
        #expect(ListenAddress(text) == address)
    }
}
