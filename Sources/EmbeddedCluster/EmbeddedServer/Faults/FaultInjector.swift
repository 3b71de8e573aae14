package import Kubernetes
import Synchronization

/// Makes things go wrong in a server, and tells what it was asked.
///
/// A test decides request by request (``onRequest(_:)``), lets a script with a seed decide (``script(_:)``), or does
/// something to all watches at once.
package final class FaultInjector: Sendable {
    /// One request as it came.
    package struct Request: Sendable, CustomStringConvertible {
        /// Counted from 1 over the server's life.
        package var number: Int
        /// `get`, `list`, `watch`, `create`, `replace`, `patch`, `apply`, `delete` (of collections too); `other` outside
        /// of objects.
        package var verb: String
        package var type: ResourceType?
        /// The name is empty for collections.
        package var key: ObjectKey
        package var subresource: String?
        /// The path with the query.
        package var target: String
        package var fieldManager: String
        package var userAgent: String
        /// Whether it changes anything when it is carried out.
        package var isWrite: Bool { ["create", "replace", "patch", "apply", "delete"].contains(verb) }

        package var description: String {
            "\(verb) \(type.map { "\($0)" } ?? target) \(key)" + (subresource.map { "/\($0)" } ?? "")
        }
    }

    /// What goes wrong with a request.
    package enum Fault: Sendable {
        /// Answers a failure instead of doing it: code, reason, and how many seconds to wait.
        case answer(Int, String, retryAfter: Int? = nil)
        /// Closes the connection instead of doing it.
        case disconnect
        /// Does it and closes the connection instead of answering.
        case loseAnswer
        /// Does it when this returns.
        case delay(@Sendable () async -> Void)
        /// Answers this, with code 200.
        case body(contentType: String, [UInt8])
        /// What a script can do.
        case effect(Faults.Effect)
    }

    /// How a request is to be answered.
    enum Decision {
        case proceed
        case disconnect
        case fault(Fault)
        /// Waits for this long before doing it.
        case wait(Duration)
    }

    private struct RequestWaiter {
        var matches: @Sendable (Request) -> Bool
        var missing: Int
        var wake: CheckedContinuation<Void, Never>
    }

    private struct State {
        var count = 0
        var recorded: [Request]?
        var hook: (@Sendable (Request) -> Fault?)?
        var script: FaultScript?
        var writes = 0
        var crashAfter: Int?
        var isDown = false
        var hasCrashed = false
        var crashWaiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var requestWaiters: [Int: RequestWaiter] = [:]
        var nextWaiter = 0
        var hidden: Set<ResourceType> = []
        var skew = Duration.zero
        var tellWatches: (@Sendable (WatchHub.Order) -> Void)?
    }

    private let state = Mutex(State())

    /// - Parameter recordsRequests: Whether ``requests`` keeps what comes, for tests; a server that runs long must not.
    package init(recordsRequests: Bool = false) {
        if recordsRequests { state.withLock { $0.recorded = [] } }
    }

    // MARK: What comes

    /// The requests so far, in the order of their arrival; empty when they are not recorded.
    package var requests: [Request] { state.withLock { $0.recorded ?? [] } }

    /// The writes so far that were carried out.
    package var writeCount: Int { state.withLock { $0.writes } }

    /// Suspends until so many recorded requests match, or the task is cancelled.
    package func waitForRequests(_ count: Int = 1, _ matches: @escaping @Sendable (Request) -> Bool) async {
        let id = nextWaiter()
        await withTaskCancellationHandler {
            await withCheckedContinuation { (wake: CheckedContinuation<Void, Never>) in
                let isDone = state.withLock { state in
                    let missing = count - (state.recorded ?? []).filter(matches).count
                    guard missing > 0, !Task.isCancelled else { return true }
                    state.requestWaiters[id] = RequestWaiter(matches: matches, missing: missing, wake: wake)
                    return false
                }
                if isDone { wake.resume() }
            }
        } onCancel: {
            state.withLock { $0.requestWaiters.removeValue(forKey: id) }?.wake.resume()
        }
    }

    // MARK: What goes wrong

    /// Decides for each request what goes wrong with it; replaces an earlier hook.
    package func onRequest(_ hook: (@Sendable (Request) -> Fault?)?) { state.withLock { $0.hook = hook } }

    /// Lets a script decide where no hook does; nil ends it.
    package func script(_ faults: Faults?) { state.withLock { $0.script = faults.map { FaultScript($0) } } }

    /// After so many more writes were carried out, answers nothing any more, to nobody, that write's sender included.
    ///
    /// What a crash of a client looks like from its own side. The test ends the client when ``waitForCrash()`` returns,
    /// calls ``recover()`` and starts another.
    package func crash(afterWrite count: Int) {
        state.withLock { state in
            state.crashAfter = state.writes + count
            state.hasCrashed = false
        }
    }

    /// Suspends until ``crash(afterWrite:)`` has struck, or the task is cancelled.
    package func waitForCrash() async {
        let id = nextWaiter()
        await withTaskCancellationHandler {
            await withCheckedContinuation { (wake: CheckedContinuation<Void, Never>) in
                let isDone = state.withLock { state in
                    guard !state.hasCrashed, !Task.isCancelled else { return true }
                    state.crashWaiters[id] = wake
                    return false
                }
                if isDone { wake.resume() }
            }
        } onCancel: {
            state.withLock { $0.crashWaiters.removeValue(forKey: id) }?.resume()
        }
    }

    /// Whether ``crash(afterWrite:)`` has struck.
    package var hasCrashed: Bool { state.withLock { $0.hasCrashed } }

    /// Answers nothing any more, from now on, and breaks off all watches.
    package func goDown() {
        state.withLock { $0.isDown = true }
        tellWatches(.cut)
    }

    /// Answers again.
    package func recover() {
        state.withLock { state in
            state.isDown = false
            state.crashAfter = nil
        }
    }

    /// Breaks off all watches and answers at once again, as a server that is restarted does.
    package func restart() {
        goDown()
        recover()
    }

    /// Ends all watches as their timeouts would.
    package func endWatches() { tellWatches(.end) }
    /// Cuts the connections of all watches in the middle of an event.
    package func cutWatches() { tellWatches(.cut) }
    /// Sends nothing of what happens from now on over the watches there are; they can still be ended.
    package func stallWatches() { tellWatches(.stall) }
    /// Sends an error event with code 410 on all watches and ends them.
    package func expireWatches() { tellWatches(.gone) }
    /// Leaves out so many of the next events of each watch, then ends it with code 410.
    package func dropEvents(_ count: Int) { tellWatches(.drop(count)) }
    /// Sends a bookmark on all watches that allow them.
    package func sendBookmarks() { tellWatches(.bookmark) }

    /// Answers 404 for a kind, or serves it again; its objects stay where they are.
    package func setHidden(_ type: ResourceType, _ isHidden: Bool) {
        state.withLock { state in
            if isHidden { state.hidden.insert(type) } else { state.hidden.remove(type) }
        }
    }

    /// How much the server's time of day is ahead; see ``skewed(_:)``.
    package var clockSkew: Duration {
        get { state.withLock { $0.skew } }
        set { state.withLock { $0.skew = newValue } }
    }

    /// A time of day that is wrong by ``clockSkew``, to make an `APICore` with.
    package func skewed(_ wall: @escaping @Sendable () -> Timestamp) -> @Sendable () -> Timestamp {
        { [self] in wall() + clockSkew }
    }

    // MARK: The server's side

    func connect(_ tellWatches: (@Sendable (WatchHub.Order) -> Void)?) {
        state.withLock { $0.tellWatches = tellWatches }
    }

    func isHidden(_ type: ResourceType) -> Bool { state.withLock { $0.hidden.contains(type) } }

    /// Whether a request may be made to wait.
    var mayWait: Bool { state.withLock { $0.hook != nil || $0.script != nil } }

    var hidden: Set<ResourceType> { state.withLock { $0.hidden } }

    /// Takes note of a request and decides what goes wrong with it.
    func decide(_ request: Request) -> Decision {
        let (request, hook, isDown, wakes) = state.withLock { state in
            state.count += 1
            var request = request
            request.number = state.count
            state.recorded?.append(request)
            var wakes: [CheckedContinuation<Void, Never>] = []
            for (id, waiter) in state.requestWaiters where waiter.matches(request) {
                state.requestWaiters[id]?.missing -= 1
                if waiter.missing <= 1 {
                    wakes.append(waiter.wake)
                    state.requestWaiters[id] = nil
                }
            }
            return (request, state.hook, state.isDown, wakes)
        }
        for wake in wakes { wake.resume() }
        if isDown { return .disconnect }
        if let fault = hook?(request) {
            if case .effect(.latency(let range)) = fault { return .wait(draw(range)) }
            return .fault(fault)
        }
        switch state.withLock({ $0.script?.effect(for: request) }) {
        case .latency(let range): return .wait(draw(range))
        case let effect?: return .fault(.effect(effect))
        case nil: return .proceed
        }
    }

    private func draw(_ range: ClosedRange<Duration>) -> Duration {
        state.withLock { $0.script?.duration(in: range) ?? range.lowerBound }
    }

    /// Counts a write that was carried out; returns whether it is the last one before the crash.
    func countWrite() -> Bool {
        let (isLast, waiters) = state.withLock { state in
            state.writes += 1
            guard let crashAfter = state.crashAfter, state.writes >= crashAfter else {
                return (false, [CheckedContinuation<Void, Never>]())
            }
            state.isDown = true
            state.hasCrashed = true
            defer { state.crashWaiters = [:] }
            return (true, Array(state.crashWaiters.values))
        }
        if isLast { tellWatches(.cut) }
        for waiter in waiters { waiter.resume() }
        return isLast
    }

    private func tellWatches(_ order: WatchHub.Order) {
        let tell = state.withLock { $0.tellWatches }
        tell?(order)
    }

    private func nextWaiter() -> Int {
        state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
    }
}
