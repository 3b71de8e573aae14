import EmbeddedAPI
import JSON
import Kubernetes
import Synchronization

/// Hands what happens to those who watch.
///
/// Changes are read from the API once, put into a short log per watched resource, and whoever they concern is woken. A
/// watcher reads at its own pace: one that is slower than the log reads the API's history, and one that is slower than
/// that is told that its version is gone. Nothing is kept for a single watcher, so none can cost memory or hold others up.
final class WatchHub: Sendable {
    /// What a watcher is told besides changes.
    enum Order: Sendable, Hashable {
        /// End as after the watch's time.
        case end
        /// Break off in the middle of an event.
        case cut
        /// Send nothing more, and stay open.
        case stall
        /// Say that the version is gone, and end.
        case gone
        case bookmark
        /// Leave out so many of the next events, then say that the version is gone.
        case drop(Int)

        /// Whether it says what becomes of later events, and not what comes next.
        var isAboutWhatFollows: Bool {
            switch self {
            case .stall, .drop: true
            case .end, .cut, .gone, .bookmark: false
            }
        }
    }

    /// What there is for a watcher.
    struct Batch {
        var records: [WatchRecord] = []
        /// Everything up to this version is in ``records`` or concerns others.
        var version: Int
        var orders: [Order] = []
        /// Whether the log begins after ``version``, so that what follows it must be read from the history.
        var isBehind = false
    }

    private struct Watcher {
        var resource: String
        var namespace: String
        var name: String?
        /// Nothing concerned it up to here since it last read; nil when nothing does that it has not read.
        ///
        /// So one that looks for a rare object need not read along to stay within the history.
        var unreadAfter: Int? = 0
        var orders: [Order] = []
        var wake: CheckedContinuation<Void, Never>?

        func concerns(_ change: Change) -> Bool {
            (namespace.isEmpty || namespace == change.key.namespace) && (name == nil || name == change.key.name)
        }
    }

    private struct Log {
        var records: [WatchRecord] = []
        /// The log holds every change of the resource after this version.
        var after: Int
        var watchers: Set<Int> = []
    }

    private struct State {
        var version = 0
        var logs: [String: Log] = [:]
        var watchers: [Int: Watcher] = [:]
        var nextID = 0
    }

    private static let logLimit = 512
    private static let batchLimit = 128

    private let core: APICore
    private let state = Mutex(State())
    private let subscription = Mutex<Int?>(nil)

    init(_ core: APICore) {
        self.core = core
        let id = core.onChange { [weak self] in self?.pump() }
        subscription.withLock { $0 = id }
    }

    deinit {
        if let id = subscription.withLock({ $0 }) { core.removeOnChange(id) }
    }

    /// How many watches are open.
    var count: Int { state.withLock { $0.watchers.count } }

    /// Begins to watch.
    ///
    /// - Parameter version: What the watcher has seen; nil when it will list what there is.
    /// - Returns: The watcher's number, for the other calls.
    func add(_ resource: ResourceType, namespace: String, name: String?, after version: Int?) -> Int {
        pump()
        return state.withLock { state in
            state.nextID += 1
            let id = state.nextID
            let resource = resource.description
            state.watchers[id] = Watcher(resource: resource, namespace: namespace, name: name)
            if state.logs.isEmpty { state.version = core.version }
            if let version, version >= state.version { state.watchers[id]?.unreadAfter = nil }
            state.logs[resource, default: Log(after: state.version)].watchers.insert(id)
            return id
        }
    }

    /// Ends a watch.
    func remove(_ id: Int) {
        state.withLock { state in
            guard let watcher = state.watchers.removeValue(forKey: id) else { return }
            state.logs[watcher.resource]?.watchers.remove(id)
            if state.logs[watcher.resource]?.watchers.isEmpty == true { state.logs[watcher.resource] = nil }
        }
    }

    /// What there is after a version.
    func take(_ id: Int, after version: Int) -> Batch {
        state.withLock { state in
            guard let watcher = state.watchers[id], let log = state.logs[watcher.resource] else {
                return Batch(version: version, orders: [.end])
            }
            let orders = watcher.orders
            state.watchers[id]?.orders = []
            guard let unreadAfter = watcher.unreadAfter else {
                return Batch(version: max(version, state.version), orders: orders)
            }
            let version = max(version, unreadAfter)
            guard version >= log.after else { return Batch(version: version, orders: orders, isBehind: true) }
            var low = 0
            var high = log.records.count
            while low < high {
                let middle = (low + high) / 2
                if log.records[middle].change.version <= version { low = middle + 1 } else { high = middle }
            }
            let records = Array(log.records[low...].prefix(Self.batchLimit))
            let isAll = low + records.count == log.records.count
            if isAll { state.watchers[id]?.unreadAfter = nil }
            return Batch(
                records: records,
                version: isAll ? max(version, state.version) : records.last?.change.version ?? version,
                orders: orders
            )
        }
    }

    /// Suspends until there may be something to read, or an order; or the task is cancelled.
    ///
    /// - Parameter ordersOnly: Whether changes do not matter any more.
    func wait(_ id: Int, ordersOnly: Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (wake: CheckedContinuation<Void, Never>) in
                let isOver = state.withLock { state in
                    guard let watcher = state.watchers[id], !Task.isCancelled else { return true }
                    if !watcher.orders.isEmpty || !ordersOnly && watcher.unreadAfter != nil { return true }
                    state.watchers[id]?.wake = wake
                    return false
                }
                if isOver { wake.resume() }
            }
        } onCancel: {
            let wake = state.withLock { state in
                let wake = state.watchers[id]?.wake
                state.watchers[id]?.wake = nil
                return wake
            }
            wake?.resume()
        }
    }

    /// Tells one watcher something.
    func order(_ order: Order, to id: Int) {
        let wake = state.withLock { state in
            state.watchers[id]?.orders.append(order)
            return Self.takeWake(&state, id)
        }
        wake?.resume()
    }

    /// Tells all watchers something, or those of one resource.
    func order(_ order: Order, resource: ResourceType? = nil) {
        let wakes = state.withLock { state in
            state.watchers.keys.sorted().compactMap { id -> CheckedContinuation<Void, Never>? in
                if let resource, state.watchers[id]?.resource != resource.description { return nil }
                state.watchers[id]?.orders.append(order)
                return Self.takeWake(&state, id)
            }
        }
        for wake in wakes { wake.resume() }
    }

    /// Forgets what happened, as after the API went to another state, and breaks all watches off.
    func reset() {
        order(.cut)
        state.withLock { state in
            state.version = core.version
            for resource in state.logs.keys {
                state.logs[resource]?.records = []
                state.logs[resource]?.after = state.version
            }
        }
    }

    /// Reads what is new and wakes whom it concerns.
    private func pump() {
        let wakes = state.withLock { state in
            var woken: Set<Int> = []
            // Nobody watches: who begins to, begins now.
            guard !state.logs.isEmpty else { return [CheckedContinuation<Void, Never>]() }
            while true {
                let changes: [Change]
                do throws(APIStatus) {
                    changes = try core.changes(after: state.version, limit: 1000)
                } catch {
                    // The history was cut off before it was read: whoever is behind finds out from the API.
                    state.version = core.version
                    for resource in state.logs.keys {
                        state.logs[resource]?.records = []
                        state.logs[resource]?.after = state.version
                    }
                    for id in state.watchers.keys where state.watchers[id]?.unreadAfter == nil {
                        state.watchers[id]?.unreadAfter = 0
                    }
                    woken.formUnion(state.watchers.keys)
                    break
                }
                guard let last = changes.last else { break }
                state.version = last.version
                for change in changes { Self.append(change, &state, &woken) }
            }
            return woken.sorted().compactMap { Self.takeWake(&state, $0) }
        }
        for wake in wakes { wake.resume() }
    }

    private static func append(_ change: Change, _ state: inout State, _ woken: inout Set<Int>) {
        let resource = change.resource.description
        if resource == "customresourcedefinitions.apiextensions.k8s.io", change.new == nil {
            // Named after what it defined, which is served no more.
            for id in state.logs[change.key.name]?.watchers ?? [] {
                state.watchers[id]?.orders.append(.end)
                woken.insert(id)
            }
        }
        guard let watchers = state.logs[resource]?.watchers else { return }
        state.logs[resource]?.records.append(WatchRecord(change))
        // Cut in large pieces: taking one at a time from the front would move all others each time.
        if let log = state.logs[resource], log.records.count >= 2 * logLimit {
            state.logs[resource]?.after = log.records[logLimit - 1].change.version
            state.logs[resource]?.records.removeFirst(logLimit)
        }
        for id in watchers where state.watchers[id]?.concerns(change) == true {
            if state.watchers[id]?.unreadAfter == nil { state.watchers[id]?.unreadAfter = change.version - 1 }
            woken.insert(id)
        }
    }

    private static func takeWake(_ state: inout State, _ id: Int) -> CheckedContinuation<Void, Never>? {
        guard let wake = state.watchers[id]?.wake else { return nil }
        state.watchers[id]?.wake = nil
        return wake
    }
}

/// A place among the watchers, given back when it is let go.
final class WatchTicket: Sendable {
    let id: Int
    private let hub: WatchHub

    init(_ hub: WatchHub, _ resource: ResourceType, namespace: String, name: String?, after version: Int?) {
        self.hub = hub
        id = hub.add(resource, namespace: namespace, name: name, after: version)
    }

    deinit { hub.remove(id) }
}
