import Kubernetes
import Synchronization
import TestSupport

@testable import ControllerRuntime

/// A source whose answers a test gives one by one: each request waits for the next answer of its kind.
final class ScriptedSource: ObjectSource {
    typealias Object = DynamicObject

    enum Answer {
        case list([ObjectUpdate<DynamicObject>], version: String)
        /// A watch that delivers these and then waits for the next answer.
        case events([ObjectUpdate<DynamicObject>])
        case end
        case fail(any Error)
    }

    private struct State {
        var answers: [Answer] = []
        var waiting: (id: Int, continuation: CheckedContinuation<Answer, any Error>)?
        var nextID = 0
        var cancelled: Set<Int> = []
    }

    let name = "widgets.example.com"
    let requests = Box<String>()
    private let state = Mutex(State())

    func answer(_ answer: Answer) {
        let waiting = state.withLock { state -> CheckedContinuation<Answer, any Error>? in
            guard let waiting = state.waiting else {
                state.answers.append(answer)
                return nil
            }
            state.waiting = nil
            return waiting.continuation
        }
        waiting?.resume(returning: answer)
    }

    private func next() async throws -> Answer {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Answer, any Error>) in
                let answer = state.withLock { state -> Result<Answer, any Error>? in
                    if state.cancelled.contains(id) { return .failure(CancellationError()) }
                    if !state.answers.isEmpty { return .success(state.answers.removeFirst()) }
                    state.waiting = (id, continuation)
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let waiting = state.withLock { state -> CheckedContinuation<Answer, any Error>? in
                guard let waiting = state.waiting, waiting.id == id else {
                    state.cancelled.insert(id)
                    return nil
                }
                state.waiting = nil
                return waiting.continuation
            }
            waiting?.resume(throwing: CancellationError())
        }
    }

    func list(
        resourceVersion: String,
        deliver: @escaping @Sendable ([ObjectUpdate<DynamicObject>]) -> Void
    ) async throws -> String {
        requests.add("list \(resourceVersion)")
        switch try await next() {
        case .list(let updates, let version):
            deliver(updates)
            return version
        case .fail(let error): throw error
        case .events, .end: throw APIFailure(.other, verb: "list", target: name, detail: "the script is wrong")
        }
    }

    func watch(
        resourceVersion: String,
        sendsInitialEvents: Bool,
        timeout: Duration,
        opened: @escaping @Sendable () -> Void,
        deliver: @escaping @Sendable ([ObjectUpdate<DynamicObject>]) -> Bool
    ) async throws {
        requests.add(sendsInitialEvents ? "watch-list" : "watch \(resourceVersion)")
        while true {
            switch try await next() {
            case .events(let updates):
                opened()
                guard deliver(updates) else { return }
            case .end: return
            case .fail(let error): throw error
            case .list: throw APIFailure(.other, verb: "watch", target: name, detail: "the script is wrong")
            }
        }
    }
}

extension APIFailure {
    static func fixture(_ reason: Reason, code: Int = 0, retryAfter: Duration? = nil) -> APIFailure {
        APIFailure(
            reason,
            verb: "watch",
            target: "widgets",
            code: code,
            detail: reason.rawValue,
            retryAfter: retryAfter
        )
    }
}
