import Synchronization

/// Collects values from any task and lets a test wait for them.
package final class Box<Value: Sendable>: Sendable {
    private struct State {
        var values: [Value] = []
        var nextID = 0
        var waiters: [Int: (count: Int, continuation: CheckedContinuation<Void, Never>)] = [:]
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// What was added so far, in order.
    package var values: [Value] { state.withLock { $0.values } }

    package func add(_ value: Value) {
        let ready = state.withLock { state in
            state.values.append(value)
            let ready = state.waiters.filter { $0.value.count <= state.values.count }
            for id in ready.keys { state.waiters[id] = nil }
            return ready.values.map(\.continuation)
        }
        for waiter in ready { waiter.resume() }
    }

    /// Suspends until there are so many values, or the task is cancelled as by a test's time limit.
    @discardableResult
    package func wait(for count: Int) async -> [Value] {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.values.count >= count || state.cancelled.contains(id) { return true }
                    state.waiters[id] = (count, continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.cancelled.insert(id)
                return state.waiters.removeValue(forKey: id)
            }
            waiter?.continuation.resume()
        }
        return values
    }
}

/// Lets tasks wait until a test opens it; it then stays open.
package final class Gate: Sendable {
    private let opened = Box<Bool>()

    package init() {}

    /// Suspends until the gate is open, also in a cancelled task.
    package func wait() async {
        await Task { [opened] in _ = await opened.wait(for: 1) }.value
    }

    package func open() { opened.add(true) }
}
