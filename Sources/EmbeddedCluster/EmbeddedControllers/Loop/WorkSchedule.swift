import Kubernetes

/// Which keys are to be worked on, in which order, and which again later.
///
/// Keys are worked on in rounds: a round takes all that are ready, in the order of controllers and keys, and what becomes
/// ready meanwhile waits for the next round. So the order depends on nothing but what changed.
struct WorkSchedule {
    struct Item: Hashable, Comparable {
        /// Its place in the list of controllers.
        var controller: Int
        var key: ObjectKey

        static func < (a: Item, b: Item) -> Bool {
            a.controller == b.controller ? a.key < b.key : a.controller < b.controller
        }
    }

    /// Delays after failures: 5 ms, doubled each time, at most 1000 s.
    private static let firstDelay = 5_000
    private static let longestDelay = 1_000_000_000

    /// The rest of the round, last first.
    private var round: [Item] = []
    private var isInRound: Set<Item> = []
    private var next: Set<Item> = []
    private var due: [Item: Timestamp] = [:]
    /// Earliest first; entries that ``due`` no longer agrees with are passed over.
    private var timers = TimerHeap()
    private var failures: [Item: Int] = [:]

    mutating func add(_ item: Item) {
        if !isInRound.contains(item) { next.insert(item) }
    }

    mutating func removeAll() {
        self = WorkSchedule()
    }

    /// The next item to work on; nil when nothing is ready at this time.
    mutating func take(now: Timestamp) -> Item? {
        if round.isEmpty {
            while let timer = timers.first, timer.due <= now {
                timers.removeFirst()
                guard due[timer.item] == timer.due else { continue }
                due[timer.item] = nil
                next.insert(timer.item)
            }
            round = next.sorted(by: >)
            isInRound = next
            next.removeAll(keepingCapacity: true)
        }
        guard let item = round.popLast() else { return nil }
        isInRound.remove(item)
        return item
    }

    /// Ends the work on an item that went well: what it asked for replaces what it asked for before.
    mutating func succeed(_ item: Item, again: Duration?, now: Timestamp) {
        failures[item] = nil
        if let again { schedule(item, now + max(again, .zero)) } else { due[item] = nil }
    }

    mutating func fail(_ item: Item, now: Timestamp) {
        let count = failures[item, default: 0]
        failures[item] = count + 1
        let delay = count < 18 ? min(Self.firstDelay << count, Self.longestDelay) : Self.longestDelay
        schedule(item, now + .microseconds(delay))
    }

    /// When the next item is due; nil when none is.
    mutating func nextDue() -> Timestamp? {
        while let timer = timers.first {
            if due[timer.item] == timer.due { return timer.due }
            timers.removeFirst()
        }
        return nil
    }

    private mutating func schedule(_ item: Item, _ time: Timestamp) {
        guard due[item] != time else { return }
        due[item] = time
        timers.insert(TimerHeap.Timer(due: time, item: item))
    }
}

/// Times in order, as a binary heap.
struct TimerHeap {
    struct Timer {
        var due: Timestamp
        var item: WorkSchedule.Item
    }

    private var timers: [Timer] = []

    var first: Timer? { timers.first }

    mutating func insert(_ timer: Timer) {
        timers.append(timer)
        var child = timers.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard timers[child].due < timers[parent].due else { return }
            timers.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() {
        guard timers.count > 1 else {
            timers.removeAll()
            return
        }
        timers.swapAt(0, timers.count - 1)
        timers.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < timers.count {
                if timers[child].due < timers[least].due { least = child }
            }
            guard least != parent else { return }
            timers.swapAt(parent, least)
            parent = least
        }
    }
}
