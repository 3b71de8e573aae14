package import Kubernetes

/// How many pods each replica set of a deployment should have: the arithmetic of a rollout, without the API.
///
/// It gives one step at a time, as the deployment controller does: replica sets report back, and the next step is worked
/// out from what they say.
package struct RolloutPlanner: Sendable, Hashable {
    /// How pods are replaced.
    package enum Strategy: Sendable, Hashable {
        /// All old pods go before the first new one comes.
        case recreate
        /// `surge` pods may be there beyond the wanted number, `unavailable` may be missing; both already whole numbers.
        case rollingUpdate(surge: Int, unavailable: Int)
    }

    /// What a rollout needs to know of a replica set.
    package struct ReplicaSet: Sendable, Hashable {
        package var name: String
        package var created: Timestamp
        /// Of its specification.
        package var replicas: Int
        /// Of its status: pods that are there, ready, and ready for long enough.
        package var present: Int
        package var ready: Int
        package var available: Int
        /// The deployment's number of replicas when it was last scaled; its annotation `desired-replicas`.
        package var desired: Int?
        /// The same with the surge; its annotation `max-replicas`.
        package var ceiling: Int?

        package init(
            name: String,
            created: Timestamp = Timestamp(microseconds: 0),
            replicas: Int,
            present: Int = 0,
            ready: Int = 0,
            available: Int = 0,
            desired: Int? = nil,
            ceiling: Int? = nil
        ) {
            self.name = name
            self.created = created
            self.replicas = replicas
            self.present = present
            self.ready = ready
            self.available = available
            self.desired = desired
            self.ceiling = ceiling
        }
    }

    /// A number of replicas for one replica set.
    package struct Scaling: Sendable, Hashable {
        package var name: String
        package var replicas: Int

        package init(name: String, replicas: Int) {
            self.name = name
            self.replicas = replicas
        }
    }

    /// Of the deployment.
    package var replicas: Int
    package var strategy: Strategy
    /// The replica set of the current template; nil while there is none.
    package var newSet: ReplicaSet?
    /// All others, in any order.
    package var oldSets: [ReplicaSet]
    /// `status.replicas` of the deployment.
    package var reportedReplicas: Int

    package init(
        replicas: Int,
        strategy: Strategy,
        newSet: ReplicaSet?,
        oldSets: [ReplicaSet],
        reportedReplicas: Int = 0
    ) {
        self.replicas = replicas
        self.strategy = strategy
        self.newSet = newSet
        self.oldSets = oldSets.sorted { Self.isOlder($0, $1) }
        self.reportedReplicas = reportedReplicas
    }

    /// Pods that may be there beyond ``replicas``.
    package var surge: Int { if case .rollingUpdate(let surge, _) = strategy { surge } else { 0 } }

    /// Pods that may be missing of ``replicas``.
    package var allowedUnavailable: Int {
        if case .rollingUpdate(_, let unavailable) = strategy, replicas > 0 { min(unavailable, replicas) } else { 0 }
    }

    private var allSets: [ReplicaSet] { oldSets + (newSet.map { [$0] } ?? []) }
    private var activeOldSets: [ReplicaSet] { oldSets.filter { $0.replicas > 0 } }

    /// Whether the number of replicas was changed since the replica sets were last scaled.
    package var isScaled: Bool {
        allSets.contains { $0.replicas > 0 && $0.desired != nil && $0.desired != replicas }
    }

    /// How many replicas the new replica set should have next, or begin with.
    package var newReplicas: Int {
        let current = newSet?.replicas ?? 0
        guard case .rollingUpdate = strategy else { return replicas }
        if current >= replicas { return replicas }
        // Pods that are to go but are still there count: a real cluster looks at the specification alone, and may have more
        // pods for a moment than the surge allows.
        let room = replicas + surge - allSets.reduce(0) { $0 + max($1.replicas, $1.present) }
        return room <= 0 ? current : current + min(room, replicas - current)
    }

    /// The next step of the rollout; empty when there is nothing to do until a replica set reports.
    ///
    /// In a rolling update the new replica set must exist already.
    package func step() -> [Scaling] {
        switch strategy {
        case .recreate:
            let removals = activeOldSets.map { Scaling(name: $0.name, replicas: 0) }
            if !removals.isEmpty { return removals }
        case .rollingUpdate: break
        }
        guard let newSet else { return [] }
        if newSet.replicas != newReplicas { return [Scaling(name: newSet.name, replicas: newReplicas)] }
        return strategy == .recreate ? [] : oldScalings(newSet)
    }

    /// Takes away first what does not work, oldest first, then as much of the rest as the new pods make up for.
    private func oldScalings(_ newSet: ReplicaSet) -> [Scaling] {
        var olds = activeOldSets
        guard !olds.isEmpty else { return [] }
        let least = replicas - allowedUnavailable
        let all = allSets.reduce(0) { $0 + $1.replicas }
        var broken = all - least - (newSet.replicas - newSet.available)
        guard broken > 0 else { return [] }
        for index in olds.indices where broken > 0 && olds[index].replicas > olds[index].available {
            let count = min(broken, olds[index].replicas - olds[index].available)
            olds[index].replicas -= count
            broken -= count
        }
        var spare = allSets.reduce(0) { $0 + $1.available } - least
        for index in olds.indices where spare > 0 && olds[index].replicas > 0 {
            let count = min(olds[index].replicas, spare)
            olds[index].replicas -= count
            spare -= count
        }
        let before = Dictionary(uniqueKeysWithValues: activeOldSets.map { ($0.name, $0.replicas) })
        return olds.filter { before[$0.name] != $0.replicas }.map { Scaling(name: $0.name, replicas: $0.replicas) }
    }

    /// The answer to a change of the number of replicas, also in the middle of a rollout or a pause.
    ///
    /// One replica set takes all of it; several take it in proportion to their sizes. Sets whose size stays are named
    /// too: their annotations must learn of the change.
    package func proportionalScalings() -> [Scaling] {
        if let only = activeOrLatest {
            return only.replicas == replicas ? [] : [Scaling(name: only.name, replicas: replicas)]
        }
        if let newSet, newSet.replicas == replicas, newSet.desired == replicas, newSet.available == replicas {
            return activeOldSets.map { Scaling(name: $0.name, replicas: 0) }
        }
        guard case .rollingUpdate = strategy else { return [] }
        let active = allSets.filter { $0.replicas > 0 }
        let toAdd = (replicas > 0 ? replicas + surge : 0) - active.reduce(0) { $0 + $1.replicas }
        let ordered = active.sorted { a, b in
            if a.replicas != b.replicas { return a.replicas > b.replicas }
            return toAdd > 0 ? Self.isOlder(b, a) : Self.isOlder(a, b)
        }
        var added = 0
        var scalings = ordered.map { set in
            let part = part(of: set, toAdd: toAdd, added: added)
            added += part
            return Scaling(name: set.name, replicas: set.replicas + part)
        }
        if toAdd != 0, !scalings.isEmpty {
            scalings[0].replicas = max(0, scalings[0].replicas + toAdd - added)
        }
        return scalings
    }

    /// The set that takes a change of size alone: the only active one, or the latest when none is.
    private var activeOrLatest: ReplicaSet? {
        let active = allSets.filter { $0.replicas > 0 }
        return switch active.count {
        case 0: newSet ?? oldSets.last
        case 1: active[0]
        default: nil
        }
    }

    private func part(of set: ReplicaSet, toAdd: Int, added: Int) -> Int {
        guard set.replicas > 0, toAdd != 0, toAdd != added else { return 0 }
        let share = fraction(of: set)
        return toAdd > 0 ? min(share, toAdd - added) : max(share, toAdd - added)
    }

    private func fraction(of set: ReplicaSet) -> Int {
        guard replicas > 0 else { return -set.replicas }
        let before = set.ceiling ?? reportedReplicas
        guard before > 0 else { return 0 }
        let size = Double(set.replicas) * Double(replicas + surge) / Double(before)
        return Int(min(size, 1e9).rounded(.toNearestOrAwayFromZero)) - set.replicas
    }

    private static func isOlder(_ a: ReplicaSet, _ b: ReplicaSet) -> Bool {
        a.created == b.created ? a.name < b.name : a.created < b.created
    }
}
