import FoundationEssentials
import Glibc
import JSON
import Processes
import Synchronization

/// Runs a credential plugin when it is needed, and keeps its answer until it expires or is rejected.
final class PluginCredentials: Sendable {
    struct Answer: Sendable {
        var token: String?
        var certificate: [UInt8]?
        var key: [UInt8]?
        var expires: Timestamp?
        /// Which run printed it, counted from 1.
        var generation = 0
    }

    private struct State {
        var answer: Answer?
        var running: Task<Answer, any Error>?
        /// How many runs were begun.
        var generation = 0
        /// The newest run whose answer the server did not accept.
        var rejected = 0
        var isShutDown = false
    }

    private let plugin: CredentialPlugin
    private let inherited: [String: String]
    private let now: @Sendable () -> Timestamp
    private let state = Mutex(State())

    init(
        _ plugin: CredentialPlugin,
        inherited: [String: String] = ProcessInfo.processInfo.environment,
        now: @escaping @Sendable () -> Timestamp = { Timestamp(seconds: Date().timeIntervalSince1970) }
    ) {
        self.plugin = plugin
        self.inherited = inherited
        self.now = now
    }

    /// The answer that counts now; runs the plugin when there is none.
    ///
    /// Those who come meanwhile wait for the same run.
    func current() async throws -> Answer {
        let time = now()
        enum Next { case answer(Answer), run(Task<Answer, any Error>) }
        let next = state.withLock { state -> Next in
            if let answer = state.answer, answer.generation > state.rejected, answer.expires.map({ $0 > time }) ?? true
            {
                return .answer(answer)
            }
            if let running = state.running { return .run(running) }
            state.generation += 1
            let generation = state.generation
            let task = Task { [plugin, inherited, isShutDown = state.isShutDown] in
                if isShutDown { throw CancellationError() }
                var answer = try await Self.run(plugin, inherited)
                answer.generation = generation
                return answer
            }
            state.running = task
            return .run(task)
        }
        switch next {
        case .answer(let answer): return answer
        case .run(let task):
            let result = await task.result
            state.withLock { state in
                if state.running == task { state.running = nil }
                if case .success(let answer) = result, answer.generation >= state.answer?.generation ?? 0 {
                    state.answer = answer
                }
            }
            return try result.get()
        }
    }

    /// The server did not accept what this run printed.
    func reject(generation: Int) { state.withLock { $0.rejected = max($0.rejected, generation) } }

    /// Kills a plugin that runs.
    func shutdown() {
        let running = state.withLock { state in
            state.isShutDown = true
            return state.running
        }
        running?.cancel()
    }

    // MARK: One run

    private static func run(_ plugin: CredentialPlugin, _ inherited: [String: String]) async throws -> Answer {
        var environment = inherited
        for (name, value) in plugin.environment { environment[name] = value }
        environment["KUBERNETES_EXEC_INFO"] = info(plugin)
        let report: ChildProcess.Report
        do {
            report = try await ChildProcess.run(
                .init(plugin.command, plugin.arguments, environment: environment),
                timeLimit: plugin.timeLimit
            )
        } catch let failure as ChildProcess.Failure {
            throw error(plugin, failure)
        }
        guard report.exit.code == 0 else {
            let said = String(decoding: report.errors.prefix(500), as: UTF8.self).trimmed
            throw ConfigurationError(
                .plugin,
                "credential plugin \"\(plugin.command)\" failed with status \(report.exit.code)"
                    + (said.isEmpty ? "" : ", saying \"\(said)\"")
            )
        }
        return try read(report.output, plugin)
    }

    private static func error(_ plugin: CredentialPlugin, _ failure: ChildProcess.Failure) -> ConfigurationError {
        switch failure.reason {
        case .notFound:
            ConfigurationError(
                .plugin,
                "credential plugin \"\(plugin.command)\" is not there"
                    + (plugin.installHint.isEmpty ? "" : "; \(plugin.installHint.trimmed)")
            )
        case .cannotStart:
            ConfigurationError(.plugin, "credential plugin \"\(plugin.command)\" cannot be started: \(failure.detail)")
        case .tooSlow:
            ConfigurationError(
                .plugin,
                "credential plugin \"\(plugin.command)\" did not end within \(plugin.timeLimit) and was killed"
            )
        case .tooMuchOutput:
            ConfigurationError(.plugin, "credential plugin \"\(plugin.command)\" printed too much and was killed")
        }
    }

    static func info(_ plugin: CredentialPlugin) -> String {
        var spec: JSONObject = ["interactive": false]
        if let cluster = plugin.cluster { spec.set("cluster", cluster) }
        let info: JSONValue = [
            "apiVersion": .string(plugin.apiVersion), "kind": "ExecCredential", "spec": .object(spec),
        ]
        return info.description
    }

    static func read(_ output: [UInt8], _ plugin: CredentialPlugin) throws(ConfigurationError) -> Answer {
        func garbage(_ what: String) -> ConfigurationError {
            // Never what was printed: it may hold a secret.
            ConfigurationError(.plugin, "credential plugin \"\(plugin.command)\" printed \(what)")
        }
        let value: JSONValue
        do { value = try JSONValue(parsing: output) } catch {
            throw garbage("\(output.count) bytes that are not JSON")
        }
        guard value["kind"]?.string == "ExecCredential", value["apiVersion"]?.string == plugin.apiVersion else {
            let found = "\(value["apiVersion"]?.string ?? "nothing"), \(value["kind"]?.string ?? "nothing")"
            throw garbage("\"\(found)\" instead of an ExecCredential of \(plugin.apiVersion)")
        }
        var answer = Answer()
        let status = value["status"]
        if let token = status?["token"]?.string, !token.isEmpty { answer.token = token }
        if let text = status?["clientCertificateData"]?.string, !text.isEmpty { answer.certificate = Array(text.utf8) }
        if let text = status?["clientKeyData"]?.string, !text.isEmpty { answer.key = Array(text.utf8) }
        guard (answer.certificate == nil) == (answer.key == nil) else {
            throw garbage("only one of certificate and key")
        }
        guard answer.token != nil || answer.certificate != nil else {
            throw garbage("neither a token nor a certificate")
        }
        if let certificate = answer.certificate, let key = answer.key {
            do { try KeyPair.check(certificate: certificate, key: key) } catch {
                throw garbage("credentials that cannot be used: \(error.detail)")
            }
        }
        if let text = status?["expirationTimestamp"]?.string {
            guard let time = Timestamp(text) else { throw garbage("an expirationTimestamp that is no time") }
            answer.expires = time
        }
        return answer
    }
}
