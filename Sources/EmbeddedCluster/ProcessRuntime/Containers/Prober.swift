import Glibc
import HTTPTransport
import Processes

/// Asks containers how they are.
struct Prober: Sendable {
    enum Answer: Sendable, Equatable {
        case good
        /// Why not, as kubelet's events have it.
        case bad(String)
    }

    let http: HTTPClient

    /// - Parameters:
    ///   - plan: The container's environment, for commands.
    /// - Throws: `CancellationError` when the task is cancelled.
    func ask(_ action: Probe.Action, timeLimit: Duration, plan: ContainerPlan) async throws -> Answer {
        switch action {
        case .http(let url, let headers): try await ask(url, headers, timeLimit)
        case .tcp(let host, let port): try await connect(host, port, timeLimit)
        case .exec(let command): try await run(command, timeLimit, plan)
        case .impossible(let why): .bad(why)
        }
    }

    private func ask(_ url: String, _ headers: [String: String], _ timeLimit: Duration) async throws -> Answer {
        var fields: HTTPHeaders = ["User-Agent": "kube-probe/1.20"]
        // Each probe is a connection of its own, as kubelet's are: a kept one would hold up a server that drains.
        fields.add("Connection", "close")
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { fields.add(name, value) }
        do throws(HTTPFailure) {
            let status = try await http.answer(HTTPRequest(url: url, headers: fields, timeLimit: timeLimit)).status
            return (200..<400).contains(status) ? .good : .bad("HTTP probe failed with statuscode: \(status)")
        } catch {
            try Task.checkCancellation()
            return .bad("Get \"\(url)\": \(error.detail)")
        }
    }

    private func connect(_ host: String, _ port: Int, _ timeLimit: Duration) async throws -> Answer {
        guard let socket = TCPSocket.connect(host, port) else {
            return .bad("dial tcp \(host):\(port): connect: \(String(cString: strerror(errno)))")
        }
        defer { close(socket) }
        let deadline = ContinuousClock.now + timeLimit
        while ContinuousClock.now < deadline {
            switch TCPSocket.connectResult(socket) {
            case nil: try await Task.sleep(for: .milliseconds(20))
            case 0: return .good
            case .some(let code):
                return .bad("dial tcp \(host):\(port): connect: \(String(cString: strerror(code)))")
            }
        }
        return .bad("dial tcp \(host):\(port): i/o timeout")
    }

    private func run(_ command: [String], _ timeLimit: Duration, _ plan: ContainerPlan) async throws -> Answer {
        let command = command.map(plan.mounts.apply)
        guard let program = command.first else { return .bad("no command") }
        let settings = ChildProcess.Settings(
            program,
            Array(command.dropFirst()),
            environment: plan.environment,
            folder: plan.folder
        )
        do {
            let report = try await ChildProcess.run(settings, timeLimit: timeLimit)
            if report.exit.code == 0 { return .good }
            return .bad(String(decoding: report.output + report.errors, as: UTF8.self))
        } catch let failure as ChildProcess.Failure {
            return .bad(
                failure.reason == .tooSlow
                    ? "command \(command) timed out" : "command \(command): \(failure.detail)"
            )
        }
    }
}

extension HTTPClient {
    /// Sends a request; a cancelled one is a failure too.
    fileprivate func answer(_ request: HTTPRequest) async throws(HTTPFailure) -> HTTPResponse {
        do { return try await send(request) } catch let failure as HTTPFailure {
            throw failure
        } catch {
            throw HTTPFailure(.closed, method: request.method, url: request.url, detail: "\(error)")
        }
    }
}
