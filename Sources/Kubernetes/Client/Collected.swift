import JSON
import Synchronization

/// Takes up what a streaming list delivers.
final class Collected<Object: KubernetesObject>: Sendable {
    private struct State {
        var items: [Object] = []
        var malformed: [(key: ObjectKey?, error: JSONError)] = []
    }

    private let state = Mutex(State())

    func add(_ batch: [ListItem<Object>]) {
        state.withLock { state in
            for item in batch {
                switch item {
                case .item(let object): state.items.append(object)
                case .malformed(let key, let error): state.malformed.append((key, error))
                case .restart: state = State()
                }
            }
        }
    }

    func take() -> (items: [Object], malformed: [(key: ObjectKey?, error: JSONError)]) {
        state.withLock { state in
            defer { state = State() }
            return (state.items, state.malformed)
        }
    }
}
