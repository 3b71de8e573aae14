package import JSON
package import Kubernetes

/// Decides what of the many things that happen is written as an event.
///
/// - The same thing again within ``Options/seriesIdle`` is counted in a series: one write for the second time, then one
///   each ``Options/seriesRefresh``, and a last one when it has stopped.
/// - More than ``Options/similarLimit`` notes that differ only in their text are one series.
/// - An object may cause so many new events and no more: a burst, then one each ``Options/refill``.
///
/// - SeeAlso: client-go `tools/events` (series) and `tools/record/events_cache.go` (similar events, spam filter).
package struct EventCorrelator: Sendable {
    /// What can be tuned.
    package struct Options: Sendable {
        /// How long a thing may pause and still be the same series.
        package var seriesIdle: Duration = .seconds(360)
        /// How often a running series is written.
        package var seriesRefresh: Duration = .seconds(1800)
        /// How many notes of one kind about one object are told apart within ``seriesIdle``.
        package var similarLimit = 10
        /// How many new events one object may cause at once.
        package var burst = 25
        /// How long until one more is allowed.
        package var refill: Duration = .seconds(300)
        /// How many series and objects are remembered.
        package var capacity = 4096

        package init() {}
    }

    /// A write that is due.
    package enum Write: Sendable, Equatable {
        /// A new event, as its whole object.
        case create(ObjectKey, JSONValue)
        /// The merge patch of an event that became a series.
        case patch(ObjectKey, JSONValue)
    }

    private struct Identity: Hashable {
        var note: EventNote

        /// Which notes are similar: all that differ in nothing but their text.
        var group: Identity {
            var copy = self
            copy.note.note = ""
            return copy
        }
    }

    private struct Series {
        var name: ObjectKey
        var count = 1
        var lastSeen: Duration
        var lastTime: Timestamp
        var writtenAt: Duration
        var writtenCount = 1
    }

    private struct Group {
        var notes: Set<String> = []
        var since: Duration
    }

    private let options: Options
    private let controller: String
    private let instance: String
    private var series: [Identity: Series] = [:]
    private var groups: [Identity: Group] = [:]
    private var budgets: [ObjectReference: (bucket: TokenBucket, used: Duration)] = [:]
    private var made: UInt64 = 0
    private let seed: UInt64
    /// How many notes the spam filter kept back.
    package private(set) var suppressed = 0

    /// - Parameters:
    ///   - controller: `reportingController`, as `homeostat.dev/operator`.
    ///   - instance: `reportingInstance`, as the pod's name.
    ///   - seed: A random number that tells the names of this process's events from another's.
    package init(controller: String, instance: String, seed: UInt64, options: Options = Options()) {
        self.controller = controller
        self.instance = Self.cut(instance, to: 128)
        self.seed = seed
        self.options = options
    }

    /// How many series are remembered.
    package var seriesCount: Int { series.count }

    /// Takes in a note.
    ///
    /// - Returns: What to write for it, if anything.
    package mutating func record(_ note: EventNote, now: Duration, wall: Timestamp) -> Write? {
        var note = note
        note.note = Self.cut(note.note, to: 1024)
        note.reason = Self.cut(note.reason, to: 128)
        note.action = Self.cut(note.action, to: 128)
        let identity = identity(of: note, now)
        if var known = series[identity], now - known.lastSeen < options.seriesIdle {
            known.count += 1
            known.lastSeen = now
            known.lastTime = wall
            defer { series[identity] = known }
            guard known.count == 2 || now - known.writtenAt >= options.seriesRefresh else { return nil }
            return patch(&known, now)
        }
        guard spend(on: note.regarding, now) else {
            suppressed += 1
            return nil
        }
        makeRoom(now)
        let key = ObjectKey(
            namespace: note.regarding.namespace.isEmpty ? "default" : note.regarding.namespace,
            name: name(for: note.regarding.name)
        )
        series[identity] = Series(name: key, lastSeen: now, lastTime: wall, writtenAt: now)
        return .create(key, object(identity.note.note.isEmpty ? similar(note) : note, key, wall))
    }

    /// Ends the series that have stopped and refreshes those that run long.
    ///
    /// - Returns: What to write of them.
    package mutating func sweep(now: Duration) -> [Write] {
        var writes: [Write] = []
        for (identity, var known) in series {
            let isOver = now - known.lastSeen >= options.seriesIdle
            let isDue = now - known.writtenAt >= options.seriesRefresh
            if isOver || isDue, known.count > known.writtenCount { writes.append(patch(&known, now)) }
            series[identity] = isOver ? nil : known
        }
        groups = groups.filter { now - $0.value.since < options.seriesIdle }
        budgets = budgets.filter { now - $0.value.used < options.refill * options.burst }
        return writes
    }

    /// What is counted but not written yet, for the end of the program.
    package mutating func finish(now: Duration) -> [Write] {
        var writes: [Write] = []
        for (identity, var known) in series where known.count > known.writtenCount {
            writes.append(patch(&known, now))
            series[identity] = known
        }
        return writes
    }

    private mutating func identity(of note: EventNote, _ now: Duration) -> Identity {
        let identity = Identity(note: note)
        var group = groups[identity.group] ?? Group(since: now)
        if now - group.since >= options.seriesIdle { group = Group(since: now) }
        if group.notes.contains(note.note) { return identity }
        guard group.notes.count < options.similarLimit else { return identity.group }
        group.notes.insert(note.note)
        groups[identity.group] = group
        return identity
    }

    private func similar(_ note: EventNote) -> EventNote {
        var copy = note
        copy.note = Self.cut("(one of many) " + note.note, to: 1024)
        return copy
    }

    private mutating func spend(on object: ObjectReference, _ now: Duration) -> Bool {
        var budget =
            budgets[object]?.bucket ?? TokenBucket(rate: .seconds(1) / options.refill, burst: options.burst)
        defer { budgets[object] = (budget, now) }
        return budget.take(now: now) == .zero
    }

    /// Forgets what was seen longest ago when too much is remembered.
    private mutating func makeRoom(_ now: Duration) {
        if series.count >= options.capacity {
            let old = series.sorted { $0.value.lastSeen < $1.value.lastSeen }.prefix(max(1, options.capacity / 4))
            for (identity, _) in old { series[identity] = nil }
        }
        if groups.count >= options.capacity { groups.removeAll() }
        if budgets.count >= options.capacity {
            let old = budgets.sorted { $0.value.used < $1.value.used }.prefix(max(1, options.capacity / 4))
            for (object, _) in old { budgets[object] = nil }
        }
    }

    /// A name nobody else gives: the same request sent twice makes one event.
    private mutating func name(for object: String) -> String {
        made += 1
        let suffix = String(seed &+ made &* 0x9E37_79B9_7F4A_7C15, radix: 16)
        return "\(Self.cut(object, to: 230)).\(suffix)"
    }

    private func object(_ note: EventNote, _ key: ObjectKey, _ wall: Timestamp) -> JSONValue {
        var members: JSONObject = [
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": ["name": .string(key.name), "namespace": .string(key.namespace)],
            "eventTime": .string(wall.microTime), "reportingController": .string(controller),
            "reportingInstance": .string(instance), "action": .string(note.action), "reason": .string(note.reason),
            "regarding": note.regarding.value, "note": .string(note.note), "type": .string(note.type.rawValue),
        ]
        if let related = note.related { members.set("related", related.value) }
        return .object(members)
    }

    private func patch(_ known: inout Series, _ now: Duration) -> Write {
        known.writtenAt = now
        known.writtenCount = known.count
        return .patch(
            known.name,
            ["series": ["count": .integer(known.count), "lastObservedTime": .string(known.lastTime.microTime)]]
        )
    }

    /// Cuts a text to a number of bytes, between two characters.
    static func cut(_ text: String, to limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var size = 0
        return String(
            text.prefix { character in
                size += character.utf8.count
                return size <= limit
            }
        )
    }
}
