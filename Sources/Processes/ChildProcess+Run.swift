import Glibc
import Synchronization

extension ChildProcess {
    /// What a program said and how it ended.
    package struct Report: Sendable {
        /// How it ended.
        package var exit: Exit
        /// What it wrote to standard output.
        package var output: [UInt8]
        /// What it wrote to standard error.
        package var errors: [UInt8]
    }

    /// Runs a program to its end and keeps what it says; cancelling the task kills it.
    ///
    /// - Parameters:
    ///   - settings: What to run; where its output goes is not asked.
    ///   - timeLimit: After it the program and its group are killed.
    ///   - limitBytes: How much it may write to standard output, and how much to standard error.
    /// - Throws: ``Failure``, or `CancellationError`.
    package static func run(
        _ settings: Settings,
        timeLimit: Duration,
        limitBytes: Int = 1 << 20
    ) async throws -> Report {
        let collected = Collector(limitBytes: limitBytes)
        var settings = settings
        settings.output = .parts { collected.take($0, \.output) }
        settings.errors = .parts { collected.take($0, \.errors) }
        let child = try ChildProcess(settings)
        collected.begin(child)
        let program = settings.program
        return try await withThrowingTaskGroup(of: Exit.self) { tasks in
            defer {
                child.send(SIGKILL)
                tasks.cancelAll()
            }
            tasks.addTask { try await child.exit() }
            tasks.addTask {
                try await Task.sleep(for: timeLimit)
                throw Failure(
                    reason: .tooSlow,
                    program: program,
                    detail: "it did not end within \(timeLimit) and was killed"
                )
            }
            guard let exit = try await tasks.next() else { throw CancellationError() }
            guard let (output, errors) = collected.parts else {
                throw Failure(
                    reason: .tooMuchOutput,
                    program: program,
                    detail: "it wrote more than \(limitBytes) bytes and was killed"
                )
            }
            return Report(exit: exit, output: output, errors: errors)
        }
    }

    private final class Collector: Sendable {
        struct State: Sendable {
            var output: [UInt8] = []
            var errors: [UInt8] = []
            var isTooMuch = false
            weak var child: ChildProcess?
        }

        private let limitBytes: Int
        private let state = Mutex(State())

        init(limitBytes: Int) { self.limitBytes = limitBytes }

        /// Nil when it was too much.
        var parts: (output: [UInt8], errors: [UInt8])? {
            state.withLock { $0.isTooMuch ? nil : ($0.output, $0.errors) }
        }

        func begin(_ child: ChildProcess) {
            let isTooMuch = state.withLock { state in
                state.child = child
                return state.isTooMuch
            }
            if isTooMuch { child.send(SIGKILL) }
        }

        func take(_ part: [UInt8], _ stream: any WritableKeyPath<State, [UInt8]> & Sendable) {
            let child = state.withLock { state -> ChildProcess? in
                guard !state.isTooMuch else { return nil }
                state[keyPath: stream] += part
                guard state[keyPath: stream].count > limitBytes else { return nil }
                state.isTooMuch = true
                state.output = []
                state.errors = []
                return state.child
            }
            child?.send(SIGKILL)
        }
    }
}
