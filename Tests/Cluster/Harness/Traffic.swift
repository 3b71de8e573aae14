import HTTPTransport
import JSON
import Synchronization

/// Requests to a model, one after another at a steady rate until they are stopped; each on a connection of its own, so
/// that each is given to a pod anew.
final class Traffic: Sendable {
    /// What came of the requests.
    struct Tally: Sendable {
        /// Answers by the version of the model that gave them.
        var answers: [String: Int] = [:]
        /// What went wrong, at most a hundred of them.
        var failures: [String] = []
        /// How many went wrong.
        var failed = 0
        /// All answers.
        var total: Int { answers.values.reduce(0, +) }
    }

    private let tally = Mutex(Tally())
    private let client: HTTPClient
    private let url: String
    private let start = ContinuousClock.now
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Starts the requests.
    ///
    /// - Parameters:
    ///   - address: Host and port of a Service or a pod.
    ///   - model: The model's name.
    ///   - rate: Requests a second.
    ///   - limit: They end after this time even if nobody stops them.
    ///   - tolerates: The statuses besides 200 that are no failure, as those of a server that is made to fail.
    init(
        to address: String,
        model: String = "churn",
        rate: Int = 40,
        limit: Duration = .seconds(300),
        tolerates: Set<Int> = []
    ) throws {
        client = try HTTPClient(HTTPClientConfiguration(connectTimeLimit: .seconds(3)))
        url = "http://\(address)/v2/models/\(model)/infer"
        let running = Task { [self] in
            let clock = ContinuousClock()
            let end = clock.now + limit
            await withDiscardingTaskGroup { group in
                var next = clock.now
                while next < end, !Task.isCancelled {
                    group.addTask { await self.sendOne(tolerates) }
                    next += .seconds(1) / rate
                    // The pace of the requests; cancelled when they are stopped.
                    try? await clock.sleep(until: next)
                }
            }
        }
        task.withLock { $0 = running }
    }

    deinit { client.shutdown() }

    /// What has come of them so far.
    var soFar: Tally { tally.withLock { $0 } }

    /// Waits until so many more requests of a version, or of any, were answered.
    func answers(_ count: Int, of version: String? = nil, within limit: Duration = .seconds(60)) async throws {
        func answered() -> Int { version.map { soFar.answers[$0] ?? 0 } ?? soFar.total }
        let start = answered()
        try await eventually("\(count) answers of \(version ?? "any version")", within: limit) {
            answered() - start >= count
        }
    }

    /// Waits for an answer or a failure.
    func firstResult() async throws {
        try await eventually("anything to come of requests to \(url)", within: .seconds(15)) {
            soFar.total + soFar.failed > 0
        }
    }

    /// Stops, and returns what came of them.
    func stop() async -> Tally {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
        return soFar
    }

    private func sendOne(_ tolerates: Set<Int>) async {
        let request = HTTPRequest(
            method: "POST",
            url: url,
            headers: ["Content-Type": "application/json", "Connection": "close"],
            body: ModelFixture.request.bytes(),
            timeLimit: .seconds(10)
        )
        do {
            let response = try await client.send(request)
            let version = (try? JSONValue(parsing: response.body))?["model_version"]?.string  // said below when absent
            if response.status == 200, let version {
                tally.withLock { $0.answers[version, default: 0] += 1 }
            } else if tolerates.contains(response.status) {
                tally.withLock { $0.answers["status \(response.status)", default: 0] += 1 }
            } else {
                fail("status \(response.status): \(String(decoding: response.body.prefix(200), as: UTF8.self))")
            }
        } catch is CancellationError {
            return
        } catch {
            fail("\(error)")
        }
    }

    private func fail(_ what: String) {
        tally.withLock { tally in
            tally.failed += 1
            if tally.failures.count < 100 { tally.failures.append("after \(start.duration(to: .now)): \(what)") }
        }
    }
}
