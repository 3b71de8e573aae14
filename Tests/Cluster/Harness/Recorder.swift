import ControllerRuntime
import HTTPTransport
import JSON
import Synchronization

/// Every version of the objects of one list, as a watch tells them.
final class Recorder: Sendable {
    private struct State {
        var versions: [JSONValue] = []
        var resourceVersion = ""
    }

    private let state = Mutex(State())
    private let task = Mutex<Task<Void, any Error>?>(nil)

    /// Begins to watch; what is there already is not recorded.
    init(_ cluster: TestCluster, _ path: String) async throws {
        let list = try await cluster.get(path)
        state.withLock { $0.resourceVersion = list?.at("metadata.resourceVersion")?.string ?? "0" }
        let watching = Task { [weak self] in
            while let version = self?.state.withLock({ $0.resourceVersion }) {
                try Task.checkCancellation()
                let stream = try await cluster.watch("\(path)?watch=1&resourceVersion=\(version)")
                var rest: [UInt8] = []
                for try await part in stream.body {
                    rest += part
                    while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
                        self?.take(try JSONValue(parsing: Array(rest[..<newline])))
                        rest.removeSubrange(...newline)
                    }
                }
            }
        }
        task.withLock { $0 = watching }
    }

    deinit { task.withLock { $0?.cancel() } }

    /// All versions so far, of all objects, in order.
    var versions: [JSONValue] { state.withLock { $0.versions } }

    /// Waits until the version that is current now was seen, and stops.
    func stop(_ cluster: TestCluster, _ paths: [String]) async throws -> [JSONValue] {
        for path in paths {
            guard let last = try await cluster.get(path)?.at("metadata.resourceVersion")?.string else { continue }
            try await eventually("the watch to see \(path) at \(last)", within: .seconds(10)) {
                versions.contains { $0.at("metadata.resourceVersion")?.string == last }
            }
        }
        task.withLock { $0?.cancel() }
        return versions
    }

    private func take(_ event: JSONValue) {
        guard let object = event["object"], let version = object.at("metadata.resourceVersion")?.string else { return }
        state.withLock { state in
            state.resourceVersion = version
            state.versions.append(object)
        }
    }

    /// How the statuses that were written break the rules of kstatus; none when all are right.
    static func kstatusViolations(_ versions: [JSONValue]) -> [String] {
        var last: [String: JSONValue] = [:]
        var found: [String] = []
        for object in versions {
            defer { last[object.objectName] = object["status"] }
            // Another's write, as of the spec, leaves the status as it was; it is the operator's turn after that.
            guard let status = object["status"], status != last[object.objectName] else { continue }
            let observed = status["observedGeneration"]?.integer ?? 0
            var violations = KStatus.violations(of: status, generation: observed)
            if observed > object.at("metadata.generation")?.integer ?? 0 {
                violations.append("observedGeneration \(observed) is above the generation")
            }
            found += violations.map { "\(object.objectName) at \(status["reason"]?.string ?? "?"): \($0)" }
        }
        return found
    }
}
