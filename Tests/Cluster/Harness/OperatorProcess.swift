import Foundation
import Glibc
import Processes
import Synchronization

/// The operator as a process of this machine, for one namespace; after a crash another one takes its place at once.
final class OperatorProcess: Sendable {
    private struct State {
        var child: ChildProcess?
        var isStopping = false
        var starts = 0
    }

    private let arguments: [String]
    private let log: URL
    private let state = Mutex(State())
    private let supervisor = Mutex<Task<Void, any Error>?>(nil)

    /// Starts the operator.
    ///
    /// - Parameters:
    ///   - kubeconfig: Where the API server is and who the operator is.
    ///   - namespace: Where it works.
    ///   - log: What it says is appended here.
    init(kubeconfig: URL, namespace: String, log: URL) throws {
        arguments = [
            TestCluster.program, "operator", "--kubeconfig", kubeconfig.path, "--namespace", namespace,
            "--metrics-address", "", "--health-address", "", "--log-level", "debug",
        ]
        self.log = log
        let first = try start()
        let task = Task { [self] in
            var child = first
            while true {
                _ = try await child.exit()
                guard !state.withLock({ $0.isStopping }) else { return }
                child = try start()
            }
        }
        supervisor.withLock { $0 = task }
    }

    /// How many processes there have been.
    var starts: Int { state.withLock { $0.starts } }

    /// Everything that all of them said.
    var text: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }  // nothing said yet

    /// The last lines that matter to somebody who looks for a failure.
    var tail: String { text.split(separator: "\n").suffix(40).joined(separator: "\n") }

    /// Waits until a process says that it works.
    func started() async throws {
        try await eventually("the operator to start", within: .seconds(30), context: { self.tail }) {
            text.contains("controller started")
        }
    }

    /// Ends the process as a power cut does; the next one starts at once.
    func crash() async {
        let child = state.withLock { $0.child }
        child?.send(SIGKILL)
        // Cancelled at most: then the test is over.
        _ = try? await child?.exit()
    }

    /// Asks it to end and waits for that.
    ///
    /// - Returns: Its exit status, as shells have it: 137 when it had to be killed.
    @discardableResult
    func stop() async -> Int32 {
        let child = state.withLock { state in
            state.isStopping = true
            return state.child
        }
        guard let child else { return 0 }
        child.send(SIGTERM)
        let watchdog = Task {
            try await Task.sleep(for: .seconds(20))
            child.send(SIGKILL)
        }
        defer { watchdog.cancel() }
        return (try? await child.exit().code) ?? -1  // cancelled
    }

    private func start() throws -> ChildProcess {
        try state.withLock { state in
            // Stopped and started in the same moment: the stop has seen the process that already ended.
            guard !state.isStopping else { throw CancellationError() }
            let child = try ChildProcess(arguments, output: log)
            state.child = child
            state.starts += 1
            return child
        }
    }
}
