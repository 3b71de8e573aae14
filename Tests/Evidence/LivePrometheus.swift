import Foundation
import Glibc
import HTTPServing
import HTTPTransport
import Processes
import Synchronization
import Testing

@testable import Evidence

/// A real Prometheus on a free port of this machine, with its data in a folder that goes with it.
final class LivePrometheus: Sendable {
    static let program = "/usr/bin/prometheus"
    static let tool = "/usr/bin/promtool"
    static var isInstalled: Bool {
        [program, tool].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }
    }

    struct Failure: Error, CustomStringConvertible { var description: String }

    let client: PrometheusClient
    private let folder: URL
    private let port: Int
    private let process = Mutex<ChildProcess?>(nil)
    private let http: HTTPClient

    /// Writes its files; `scrapes` is the `scrape_configs` section.
    private init(scrapes: String) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("homeostat-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let settings = "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n" + scrapes
        try Data(settings.utf8).write(to: folder.appendingPathComponent("prometheus.yml"))
        port = try Self.freePort()
        http = try HTTPClient()
        let configuration = try PrometheusConfiguration(address: "http://127.0.0.1:\(port)", tryLimit: 1)
        client = PrometheusClient(configuration, http: http)
    }

    /// Runs a body with a Prometheus that answers, and removes all of it afterwards.
    ///
    /// - Parameter history: Samples in the OpenMetrics text format to begin with.
    static func run(
        scrapes: String = "",
        history: String? = nil,
        _ body: (LivePrometheus) async throws -> Void
    ) async throws {
        let prometheus = try LivePrometheus(scrapes: scrapes)
        do {
            if let history { try await prometheus.load(history) }
            try await prometheus.start()
            try await body(prometheus)
        } catch {
            await prometheus.remove()
            throw error
        }
        await prometheus.remove()
    }

    func start() async throws {
        let arguments = [
            "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:\(port)",
            "--storage.tsdb.retention.time=10y", "--log.level=warn",
        ]
        let process = try ChildProcess(.init(Self.program, arguments, folder: folder.path))
        self.process.withLock { $0 = process }
        try await eventually("Prometheus answers") { try await self.client.query("vector(1)").value != nil }
    }

    /// Kills it as a node that loses power would.
    func kill() async {
        guard
            let process = process.withLock({ process in
                defer { process = nil }
                return process
            })
        else { return }
        process.send(SIGKILL)
        // Cancelled at most, and then nobody uses its port or folder again.
        _ = try? await process.exit()
    }

    /// Forgets all samples; only while it does not run.
    func wipe() throws { try FileManager.default.removeItem(at: folder.appendingPathComponent("data")) }

    private func remove() async {
        await kill()
        http.shutdown()
        // Left over at worst is a folder among the temporary ones.
        try? FileManager.default.removeItem(at: folder)
    }

    private func load(_ history: String) async throws {
        let file = folder.appendingPathComponent("history.txt")
        try Data(history.utf8).write(to: file)
        let arguments = ["tsdb", "create-blocks-from", "openmetrics", "history.txt", "data"]
        let tool = ChildProcess.Settings(Self.tool, arguments, folder: folder.path)
        let status = try await ChildProcess.run(tool, timeLimit: .seconds(50)).exit.code
        guard status == 0 else { throw Failure(description: "promtool ended with \(status)") }
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw Failure(description: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// Waits until a condition holds, looking again and again for at most 90 seconds.
func eventually(
    _ what: String,
    _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now.advanced(by: .seconds(90))
    while try await !condition() {
        guard clock.now < deadline else {
            throw LivePrometheus.Failure(description: "it never came to be that \(what)")
        }
        try await clock.sleep(for: .milliseconds(20))
    }
}

/// A pod that counts requests and shows the counts to whoever scrapes it.
final class MeasuredPod: Sendable {
    private struct State {
        var isUp: Bool
        var ok = 0
        var failed = 0
        var fast = 0
        var loadProgress: Double?
    }

    let name: String
    let revision: String
    private let server: HTTPServer
    private let shared: Shared

    init(_ name: String, revision: String, isUp: Bool = true) throws {
        self.name = name
        self.revision = revision
        let shared = Shared(State(isUp: isUp))
        server = try HTTPServer { _ in shared.answer() }
        self.shared = shared
    }

    private final class Shared: Sendable {
        let state: Mutex<State>
        init(_ state: State) { self.state = Mutex(state) }

        func answer() -> ServerResponse {
            let now = state.withLock { $0 }
            guard now.isUp else { return .disconnect }
            var text = ""
            // As client libraries do: a status code has a series from its first request on.
            if now.ok > 0 { text += "requests_total{code=\"200\"} \(now.ok)\n" }
            if now.failed > 0 { text += "requests_total{code=\"500\"} \(now.failed)\n" }
            text += "duration_seconds_bucket{le=\"0.1\"} \(now.fast)\n"
            text += "duration_seconds_bucket{le=\"+Inf\"} \(now.ok + now.failed)\n"
            if let progress = now.loadProgress { text += "model_load_progress_ratio \(progress)\n" }
            return .text(text)
        }
    }

    /// Answers requests, all at one moment as far as a scrape can see.
    func serve(ok: Int, failed: Int = 0, fast: Int = 0) {
        shared.state.withLock {
            $0.ok += ok
            $0.failed += failed
            $0.fast += fast
        }
    }

    /// Begins again at zero and answers requests before anyone looks.
    func restart(ok: Int, failed: Int = 0, fast: Int = 0) {
        shared.state.withLock { $0 = State(isUp: true, ok: ok, failed: failed, fast: fast) }
    }

    func setUp(_ isUp: Bool) { shared.state.withLock { $0.isUp = isUp } }
    func setLoadProgress(_ progress: Double) { shared.state.withLock { $0.loadProgress = progress } }
    func stop() async { await server.stop() }

    /// Whether Prometheus has scraped the counts as they are now.
    func isSeen(by prometheus: LivePrometheus) async throws -> Bool {
        let now = shared.state.withLock { $0 }
        let count = try await prometheus.client.number("sum(requests_total{pod=\"\(name)\"})").value ?? 0
        return Int(count) == now.ok + now.failed
    }

    /// Its scrape configuration, with the labels that relabelling gives real pods.
    static func scrapes(_ pods: [MeasuredPod], namespace: String = "ml") -> String {
        let targets = pods.map {
            """
              - targets: ['127.0.0.1:\($0.server.port)']
                labels: {namespace: \(namespace), pod: \($0.name), homeostat_dev_revision: \($0.revision)}
            """
        }
        return "scrape_configs:\n- job_name: pods\n  static_configs:\n" + targets.joined(separator: "\n") + "\n"
    }
}
