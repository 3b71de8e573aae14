/// Which waiting work goes first.
package enum WorkPriority: Int, Sendable, Comparable, CaseIterable {
    /// The first list and resyncs: nobody waits for them.
    case background
    /// Retries and requests to look again at a set time.
    case timer
    /// Somebody changed something.
    case change

    package static func < (a: WorkPriority, b: WorkPriority) -> Bool { a.rawValue < b.rawValue }
}

/// Decides which key is worked on next.
///
/// - A key waits at most once and is worked on at most once at a time; what arrives meanwhile is one more run after it.
/// - A key has at most one timer. Taking the key clears it: the run decides anew.
/// - A key that waits after a failure is not woken by the echo of its own writes: a run that writes and then fails would
///   otherwise be its own cause, as fast as the server answers.
/// - Higher priorities go first. So that lower ones do not starve, every fourth key comes from the lower class that has
///   waited longest, once that is longer than the patience. Raising the priority with age instead would put a user's
///   change behind thousands of keys of the first list that have aged to its class.
package struct WorkQueueCore<Key: Hashable & Sendable>: Sendable {
    /// What can be tuned.
    package struct Options: Sendable {
        /// The delays of failed keys.
        package var backoff = Backoff(first: .milliseconds(5), limit: .seconds(1000), jitter: 0.1)
        /// A budget for all retries together; nil is no limit.
        package var retries: TokenBucket?
        /// A budget for all keys handed out; nil is no limit.
        package var starts: TokenBucket?
        /// How long a lower class waits before it gets its share.
        package var patience: Duration = .seconds(1)
        /// Every how many keys the share is one; at least 2.
        package var share = 4
        /// How long a key is held back for the cache to see its own writes.
        package var holdLimit: Duration = .seconds(5)

        package init() {}
    }

    /// A key that is handed out.
    package struct Item: Sendable {
        package let key: Key
        package let priority: WorkPriority
        /// How long it was ready.
        package let waited: Duration
        /// How often it failed in a row until now.
        package let failures: Int
    }

    /// How work on a key ended.
    package enum Result: Sendable, Equatable {
        /// Nothing to do until something changes.
        case settled
        /// Look again after a while; failures are forgotten.
        case again(after: Duration)
        /// Try again after the back-off.
        case failed
        /// The server asked to wait: try again then; this is no failure of the key.
        case throttled(Duration)
        /// Failed in a way that only a change can mend.
        case hopeless
        /// It was stopped from outside: neither success nor failure.
        case cancelled
    }

    /// What ``take(now:)`` found.
    package enum Taken: Sendable {
        case item(Item)
        /// Nothing now; look again at this time, or when something is added.
        case nothing(until: Duration?)
        /// Nothing any more.
        case over
    }

    /// What makes a key ready.
    package struct Cause: Sendable, Hashable {
        /// Whether it may have mended what made the key fail.
        package var mayMend: Bool
        /// The version of the object that tells of it; nil when it tells of none.
        package var version: String?

        package init(mayMend: Bool = false, version: String? = nil) {
            self.mayMend = mayMend
            self.version = version
        }
    }

    private struct Waiting {
        var priority: WorkPriority
        var since: Duration
        var ticket: Int
    }

    private struct Entry {
        var failures = 0
        /// Its place in a ring.
        var waiting: Waiting?
        /// What arrived while it is worked on or held.
        var dirty = Dirt()
        /// What its last run wrote before it failed; empty unless it failed.
        var echoes: Set<String> = []
        var startedAt: Duration?
        var timer: (due: Duration, ticket: Int)?
        var hold: Int?

        var isBlocked: Bool { startedAt != nil || hold != nil }
        var isForgettable: Bool {
            failures == 0 && waiting == nil && dirty.isEmpty && echoes.isEmpty && timer == nil && !isBlocked
        }
    }

    /// What arrived while a key could not be handed out, until it is known which of it the key's own run wrote.
    private struct Dirt {
        struct Arrival {
            var priority: WorkPriority
            var since: Duration
            var mayMend = false

            func merged(with other: Arrival) -> Arrival {
                Arrival(
                    priority: max(priority, other.priority),
                    since: min(since, other.since),
                    mayMend: mayMend || other.mayMend
                )
            }
        }

        /// Beyond so many versions one that is the key's own may wake it: one run too many, and nothing lost.
        private static var limit: Int { 16 }

        private var others: Arrival?
        private var versions: [String: Arrival] = [:]

        var isEmpty: Bool { others == nil && versions.isEmpty }

        mutating func add(_ arrival: Arrival, version: String?) {
            guard let version, versions[version] != nil || versions.count < Self.limit else {
                others = others?.merged(with: arrival) ?? arrival
                return
            }
            versions[version] = versions[version]?.merged(with: arrival) ?? arrival
        }

        mutating func remove(_ echoes: Set<String>) { for echo in echoes { versions[echo] = nil } }

        /// All that arrived, as one.
        mutating func take() -> Arrival? {
            defer { self = Dirt() }
            return versions.values.reduce(others) { $0?.merged(with: $1) ?? $1 }
        }
    }

    private enum Timed: Sendable {
        case add(Key, ticket: Int)
        case release(Key, ticket: Int)
    }

    private let options: Options
    private var entries: [Key: Entry] = [:]
    private var rings: [Ring<(key: Key, ticket: Int)>]
    private var depths: [Int]
    private var timers = TimeHeap<Timed>()
    private var liveTimers = 0
    private var tickets = 0
    private var sinceShare = 0
    private var retries: TokenBucket?
    private var starts: TokenBucket?
    private var processing: Set<Key> = []
    package private(set) var isShutDown = false

    package init(options: Options = Options()) {
        self.options = options
        retries = options.retries
        starts = options.starts
        rings = WorkPriority.allCases.map { _ in Ring() }
        depths = WorkPriority.allCases.map { _ in 0 }
    }

    // MARK: Figures

    /// How many keys are ready to be worked on.
    package var depth: Int { depths.reduce(0, +) }
    /// How many keys are ready in one class.
    package func depth(of priority: WorkPriority) -> Int { depths[priority.rawValue] }
    /// How many keys wait for a timer.
    package var delayed: Int { liveTimers }
    /// How many keys are worked on.
    package var processingCount: Int { processing.count }
    /// How many places the timers take, replaced ones included.
    var timerSlots: Int { timers.count }
    /// How many keys anything is remembered of.
    package var knownCount: Int { entries.count }

    /// For how long the keys that are worked on have been: all together, and the longest.
    package func running(now: Duration) -> (total: Duration, longest: Duration) {
        processing.reduce((.zero, .zero)) { sum, key in
            let time = now - (entries[key]?.startedAt ?? now)
            return (sum.0 + time, max(sum.1, time))
        }
    }

    /// How often a key failed in a row.
    package func failures(of key: Key) -> Int { entries[key]?.failures ?? 0 }

    // MARK: Adding

    /// Makes a key ready.
    ///
    /// What the key itself wrote in a run that failed does nothing.
    /// - Returns: Whether it was not ready before and is, or will be when its run has ended.
    @discardableResult
    package mutating func add(
        _ key: Key,
        priority: WorkPriority = .change,
        cause: Cause = Cause(),
        now: Duration
    ) -> Bool {
        guard !isShutDown else { return false }
        return enqueue(key, Dirt.Arrival(priority: priority, since: now, mayMend: cause.mayMend), cause.version)
    }

    /// Makes a key ready after a while, unless it will be earlier; zero or less is now.
    package mutating func add(_ key: Key, after delay: Duration, now: Duration) {
        guard !isShutDown else { return }
        if delay <= .zero {
            add(key, priority: .timer, now: now)
        } else {
            schedule(key, at: now + delay)
        }
    }

    private mutating func enqueue(_ key: Key, _ arrival: Dirt.Arrival, _ version: String? = nil) -> Bool {
        var entry = entries[key] ?? Entry()
        if let version, entry.echoes.contains(version) { return false }
        defer { entries[key] = entry }
        if entry.isBlocked {
            let isNew = entry.dirty.isEmpty
            entry.dirty.add(arrival, version: version)
            return isNew
        }
        if arrival.mayMend { entry.failures = 0 }
        let priority = arrival.priority
        let since = entry.waiting?.since ?? arrival.since
        if let waiting = entry.waiting {
            guard priority > waiting.priority else { return false }
            // The place in the lower ring goes stale; its ticket no longer matches.
            depths[waiting.priority.rawValue] -= 1
        }
        tickets += 1
        let isNew = entry.waiting == nil
        entry.waiting = Waiting(priority: priority, since: since, ticket: tickets)
        rings[priority.rawValue].append((key, tickets))
        depths[priority.rawValue] += 1
        return isNew
    }

    private mutating func schedule(_ key: Key, at due: Duration) {
        var entry = entries[key] ?? Entry()
        if let timer = entry.timer, timer.due <= due { return }
        if entry.timer == nil { liveTimers += 1 }
        tickets += 1
        entry.timer = (due, tickets)
        entries[key] = entry
        timers.insert(.add(key, ticket: tickets), due: due)
        compactTimers()
    }

    /// Replaced timers stay in the heap until their time; too many of them would be a leak.
    private mutating func compactTimers() {
        guard timers.count > 64, timers.count > (liveTimers + processing.count) * 4 else { return }
        let entries = entries
        timers.filter { timed in
            switch timed {
            case .add(let key, let ticket): entries[key]?.timer?.ticket == ticket
            case .release(let key, let ticket): entries[key]?.hold == ticket
            }
        }
    }

    // MARK: Taking

    /// Hands out the next key.
    package mutating func take(now: Duration) -> Taken {
        if isShutDown { return .over }
        fireTimers(now)
        guard depth > 0 else { return .nothing(until: nextTimer()) }
        if let wait = starts?.take(now: now), wait > .zero { return .nothing(until: now + wait) }
        guard let priority = nextClass(now), let key = pop(priority), var entry = entries[key],
            let waiting = entry.waiting
        else { return .nothing(until: nextTimer()) }
        entry.waiting = nil
        entry.echoes = []
        entry.startedAt = now
        if entry.timer != nil {
            entry.timer = nil
            liveTimers -= 1
        }
        entries[key] = entry
        depths[priority.rawValue] -= 1
        processing.insert(key)
        return .item(
            Item(key: key, priority: priority, waited: max(.zero, now - waiting.since), failures: entry.failures)
        )
    }

    /// When something is due that is not ready yet; nil when nothing is.
    package mutating func nextTimer() -> Duration? {
        while let first = timers.first {
            let isLive =
                switch first {
                case .add(let key, let ticket): entries[key]?.timer?.ticket == ticket
                case .release(let key, let ticket): entries[key]?.hold == ticket
                }
            if isLive { return timers.nextDue }
            timers.pop()
        }
        return nil
    }

    private mutating func fireTimers(_ now: Duration) {
        while let timed = timers.popDue(now: now) {
            switch timed {
            case .add(let key, let ticket):
                guard let timer = entries[key]?.timer, timer.ticket == ticket else { continue }
                entries[key]?.timer = nil
                liveTimers -= 1
                _ = enqueue(key, Dirt.Arrival(priority: .timer, since: timer.due))
            case .release(let key, let ticket): release(key, ticket: ticket)
            }
        }
    }

    private mutating func nextClass(_ now: Duration) -> WorkPriority? {
        let classes = WorkPriority.allCases.reversed().filter { depths[$0.rawValue] > 0 }
        guard let highest = classes.first else { return nil }
        guard classes.count > 1 else {
            sinceShare = 0
            return highest
        }
        sinceShare += 1
        guard sinceShare >= max(2, options.share) else { return highest }
        let lower = classes.dropFirst().compactMap { priority in
            head(of: priority).flatMap { entries[$0]?.waiting }.map { (priority: priority, since: $0.since) }
        }
        guard let oldest = lower.min(by: { $0.since < $1.since }), now - oldest.since >= options.patience else {
            return highest
        }
        sinceShare = 0
        return oldest.priority
    }

    private mutating func head(of priority: WorkPriority) -> Key? {
        while let first = rings[priority.rawValue].first {
            if entries[first.key]?.waiting?.ticket == first.ticket { return first.key }
            _ = rings[priority.rawValue].popFirst()
        }
        return nil
    }

    private mutating func pop(_ priority: WorkPriority) -> Key? {
        guard let key = head(of: priority) else { return nil }
        _ = rings[priority.rawValue].popFirst()
        return key
    }

    // MARK: Finishing

    /// Takes back a key whose work has ended.
    ///
    /// - Parameters:
    ///   - wrote: The versions of the objects that the run wrote. If it failed, the key is not woken by them.
    ///   - holds: Whether to hold the key back until ``release(_:ticket:)`` or the hold limit.
    ///   - chance: A random number in `0..<1`.
    /// - Returns: The ticket to release a hold with.
    @discardableResult
    package mutating func done(
        _ key: Key,
        _ result: Result,
        wrote: Set<String> = [],
        holds: Bool = false,
        now: Duration,
        chance: Double
    ) -> Int? {
        guard processing.remove(key) != nil, var entry = entries[key] else { return nil }
        entry.startedAt = nil
        var delay: Duration?
        switch result {
        case .settled, .hopeless: entry.failures = 0
        case .again(let after):
            entry.failures = 0
            delay = after
        case .failed:
            entry.failures += 1
            delay = options.backoff.delay(afterFailures: entry.failures, chance: chance)
            if let wait = retries?.reserve(now: now) { delay = max(delay ?? .zero, wait) }
        case .throttled(let after): delay = after
        case .cancelled: break
        }
        switch result {
        case .failed, .throttled, .hopeless:
            entry.echoes = wrote
            entry.dirty.remove(wrote)
        case .settled, .again, .cancelled: break
        }
        var ticket: Int?
        if holds, !isShutDown {
            tickets += 1
            ticket = tickets
            entry.hold = tickets
            timers.insert(.release(key, ticket: tickets), due: now + options.holdLimit)
        }
        entries[key] = entry
        if let delay, !isShutDown { add(key, after: delay, now: now) }
        wake(key, now: now)
        return ticket
    }

    /// Ends a hold; a ticket of an earlier one does nothing.
    package mutating func release(_ key: Key, ticket: Int) {
        guard entries[key]?.hold == ticket else { return }
        entries[key]?.hold = nil
        wake(key, now: nil)
    }

    private mutating func wake(_ key: Key, now: Duration?) {
        guard var entry = entries[key], !entry.isBlocked else { return }
        if let arrival = entry.dirty.take() {
            entries[key] = entry
            if !isShutDown { _ = enqueue(key, arrival) }
        }
        if entries[key]?.isForgettable == true { entries[key] = nil }
    }

    /// Hands nothing out any more and takes nothing in; running work can still be taken back.
    package mutating func shutDown() { isShutDown = true }
}
