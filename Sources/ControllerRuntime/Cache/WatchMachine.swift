import Kubernetes

/// Decides which request comes next so that a cache follows the API server: list, watch, wait, list again.
///
/// It knows no socket, clock or object. The shell carries a command out and reports what came of it; a step that answers
/// nil means: go on with what you are doing. The rules are:
///
/// - A watch that ends normally is opened again at once from the last version seen; one that breaks, after a pause.
/// - A version that is too old leads to a list at once, the second time within a short while after a pause.
/// - A version older than one seen before means that the server's history was rewritten (a restored etcd): list again,
///   from the most recent state.
package struct WatchMachine: Sendable {
    /// What can be tuned.
    package struct Options: Sendable {
        /// The pauses after failures.
        package var backoff = Backoff(first: .milliseconds(800), limit: .seconds(30))
        /// How long without failure until the pauses start small again.
        package var forgetFailuresAfter: Duration = .seconds(120)
        /// How long a watch is asked to last: between this and twice this.
        package var watchTimeout: Duration = .seconds(300)
        /// Whether to ask for the first state as a stream; what the server refuses is not asked for again.
        package var prefersWatchList = true
        /// How long a stream of the first state may be silent before its end is announced.
        package var initialEventsSilence: Duration = .seconds(10)
        /// How long a stream of the first state may take altogether.
        package var initialEventsLimit: Duration = .seconds(180)
        /// How long requests may fail before the cache counts as out of date.
        package var staleAfter: Duration = .seconds(60)

        package init() {}
    }

    /// What went wrong with a request, as far as it decides what comes next.
    package enum Fault: Sendable, Equatable {
        /// The version or page token is too old (410, as a status or inside the watch).
        case expired
        /// The version is newer than what the server has.
        case versionTooLarge
        /// 401 or 403: may heal when somebody changes the rights.
        case forbidden(String)
        /// 404: the kind is not served, as when its definition was deleted.
        case notServed(String)
        /// The server does not take such a request (other 4xx).
        case refused(String)
        /// The first state was streamed but its end never announced.
        case initialEventsUnfinished
        /// The server asked to wait.
        case throttled(Duration, String)
        /// Anything that may pass: no answer, 5xx, a cut stream.
        case transient(String)

        /// A closed set, fit for a metric label.
        package var label: String {
            switch self {
            case .expired: "expired"
            case .versionTooLarge: "version_too_large"
            case .forbidden: "forbidden"
            case .notServed: "not_served"
            case .refused: "refused"
            case .initialEventsUnfinished: "initial_events_unfinished"
            case .throttled: "throttled"
            case .transient: "transient"
            }
        }
    }

    /// What came of the last command.
    package enum Input: Sendable, Equatable {
        /// The first step.
        case started
        /// A list is complete, at this version.
        case listed(resourceVersion: String)
        /// The streamed first state is complete, at this version; the stream goes on as a watch.
        case initialEventsEnded(resourceVersion: String)
        /// The server took the watch.
        case opened
        /// The watch delivered something up to this version.
        case progressed(resourceVersion: String)
        /// The watch delivered something older than what was seen before.
        case wentBack
        /// The watch ended as the server said it would.
        case ended
        /// The list or watch failed.
        case failed(Fault)
        /// The pause is over.
        case waited
    }

    /// What to do next.
    package enum Command: Sendable, Equatable {
        /// List everything. `"0"` takes any state the server has at hand, `""` the most recent one.
        case list(resourceVersion: String)
        /// Watch from a version on, for so long.
        case watch(resourceVersion: String, timeout: Duration)
        /// Watch with the first state as a stream of events.
        case watchList(timeout: Duration)
        /// Wait, then report ``Input/waited``.
        case wait(Duration)
    }

    /// Whether the cache can be trusted.
    package enum Status: Sendable, Equatable {
        case synced
        case unsynced(reason: String)
    }

    private enum Phase: Equatable {
        case idle, listing(String), streaming, watching, waiting(Command)
    }

    private let options: Options
    private var phase = Phase.idle
    private var usesWatchList: Bool
    private var failures = 0
    private var failedAt: Duration?
    private var expiredAt: Duration?
    private var requestedAt: Duration = .zero
    private var sawSomething = false
    private var fault: (kind: Fault, since: Duration)?
    /// The last version seen; empty before the first list.
    package private(set) var resourceVersion = ""
    /// Whether the cache was complete once.
    package private(set) var hasSynced = false

    package init(options: Options = Options()) {
        self.options = options
        usesWatchList = options.prefersWatchList
    }

    /// Whether the cache is complete and follows the server, and if not, why.
    package func status(now: Duration) -> Status {
        if let fault {
            switch fault.kind {
            case .forbidden(let text), .notServed(let text), .refused(let text): return .unsynced(reason: text)
            case .throttled(_, let text), .transient(let text):
                if !hasSynced || now - fault.since >= options.staleAfter { return .unsynced(reason: text) }
            case .expired, .versionTooLarge, .initialEventsUnfinished: break
            }
        }
        return hasSynced ? .synced : .unsynced(reason: "the first list is not complete")
    }

    /// Takes in what happened.
    ///
    /// - Parameters:
    ///   - now: Monotonic time.
    ///   - chance: A random number in `0..<1`.
    /// - Returns: What to do instead of what is being done; nil to go on.
    package mutating func step(_ input: Input, now: Duration, chance: Double) -> Command? {
        switch input {
        case .started:
            return open(usesWatchList ? .watchList(timeout: timeout(chance)) : .list(resourceVersion: "0"), now)
        case .listed(let version):
            succeeded(at: version)
            return open(.watch(resourceVersion: version, timeout: timeout(chance)), now)
        case .initialEventsEnded(let version):
            guard phase == .streaming else { return nil }
            succeeded(at: version)
            phase = .watching
            return nil
        case .opened:
            if phase == .watching { fault = nil }
            return nil
        case .progressed(let version):
            sawSomething = true
            // The first state comes in no order of versions: only its end says where a watch may go on from.
            guard phase == .watching, !version.isEmpty else { return nil }
            resourceVersion = version
            fault = nil
            return nil
        case .wentBack: return relist(now, chance)
        case .ended: return ended(now, chance)
        case .failed(let fault): return failed(fault, now, chance)
        case .waited:
            guard case .waiting(let next) = phase else { return nil }
            return open(next, now)
        }
    }

    private mutating func succeeded(at version: String) {
        resourceVersion = version
        hasSynced = true
        fault = nil
    }

    private mutating func open(_ command: Command, _ now: Duration) -> Command {
        requestedAt = now
        sawSomething = false
        switch command {
        case .list(let version): phase = .listing(version)
        case .watchList: phase = .streaming
        case .watch: phase = .watching
        case .wait: break
        }
        return command
    }

    private mutating func ended(_ now: Duration, _ chance: Double) -> Command? {
        switch phase {
        case .streaming: return failed(.initialEventsUnfinished, now, chance)
        case .watching:
            let next = Command.watch(resourceVersion: resourceVersion, timeout: timeout(chance))
            // A server that closes every watch at once must not be asked in a tight loop.
            if now - requestedAt < .seconds(1), !sawSomething {
                return pause(before: next, because: .transient("the watch ended as soon as it began"), now, chance)
            }
            fault = nil
            return open(next, now)
        default: return nil
        }
    }

    private mutating func failed(_ fault: Fault, _ now: Duration, _ chance: Double) -> Command? {
        if phase == .streaming {
            switch fault {
            case .refused, .initialEventsUnfinished, .versionTooLarge:
                usesWatchList = false
                return open(.list(resourceVersion: "0"), now)
            case .expired: return relist(now, chance)
            default: return pause(before: .watchList(timeout: timeout(chance)), because: fault, now, chance)
            }
        }
        switch fault {
        case .expired, .versionTooLarge, .initialEventsUnfinished: return relist(now, chance)
        case .notServed:
            // When the kind comes back, its objects are other ones: nothing seen before counts.
            return pause(before: .list(resourceVersion: ""), because: fault, now, chance)
        case .forbidden, .refused, .throttled, .transient:
            let next: Command
            switch phase {
            case .listing(let version): next = .list(resourceVersion: version)
            case .watching where fault.label == "refused": next = .list(resourceVersion: "")
            default: next = .watch(resourceVersion: resourceVersion, timeout: timeout(chance))
            }
            return pause(before: next, because: fault, now, chance)
        }
    }

    /// Lists the most recent state: at once, unless that was just done for the same reason.
    private mutating func relist(_ now: Duration, _ chance: Double) -> Command {
        defer { expiredAt = now }
        if let expiredAt, now - expiredAt < .seconds(10) {
            return pause(before: .list(resourceVersion: ""), because: .expired, now, chance)
        }
        return open(.list(resourceVersion: ""), now)
    }

    private mutating func pause(
        before next: Command,
        because fault: Fault,
        _ now: Duration,
        _ chance: Double
    ) -> Command {
        if let failedAt, now - failedAt > options.forgetFailuresAfter { failures = 0 }
        failures += 1
        failedAt = now
        if self.fault == nil || self.fault?.kind.label != fault.label {
            self.fault = (fault, self.fault?.since ?? now)
        } else {
            self.fault?.kind = fault
        }
        var delay = options.backoff.delay(afterFailures: failures, chance: chance)
        if case .throttled(let asked, _) = fault { delay = max(delay, asked) }
        phase = .waiting(next)
        return .wait(delay)
    }

    private func timeout(_ chance: Double) -> Duration { options.watchTimeout * (1 + chance) }
}

extension WatchMachine.Fault {
    /// Sorts an error of a list or watch.
    package init(_ error: any Error) {
        guard let failure = error as? APIFailure else {
            self = .transient("\(error)")
            return
        }
        let text = failure.description
        if failure.isExpired {
            self = .expired
        } else if failure.causes.contains(where: { $0.reason == "ResourceVersionTooLarge" })
            || failure.detail.contains("Too large resource version")
        {
            self = .versionTooLarge
        } else {
            switch failure.reason {
            case .forbidden, .unauthorized: self = .forbidden(text)
            case .notFound: self = .notServed(text)
            case .badRequest, .invalid, .methodNotAllowed, .notAcceptable, .tooLarge, .conflict, .alreadyExists:
                self = .refused(text)
            default: self = failure.retryAfter.map { .throttled($0, text) } ?? .transient(text)
            }
        }
    }
}
