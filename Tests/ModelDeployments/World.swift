import Telemetry
import Glibc
import ControllerRuntime
import Engines
import HomeostatAPI
import JSON
import Kubernetes
import Testing

@testable import ModelDeployments

/// A cluster of one ModelDeployment on a virtual clock: pods that take their time, traffic, metrics, and a planner.
struct World {
    struct Pod {
        var createdAt: Timestamp
        var id: Int
    }

    struct Track {
        var desired = 0
        var pods: [Pod] = []
        var createdAt: Timestamp
    }

    /// How the pods of a revision behave.
    struct Behaviour {
        /// From creation to ready; nil never.
        var readyAfter: Duration? = .seconds(5)
        var trouble: Trouble?
        /// Share of requests that fail.
        var errorRate = 0.0
        /// From creation: thousandths of the model that are loaded after so many seconds.
        var loaded: @Sendable (Double) -> Int = { _ in 0 }
    }

    var policy: Policy
    var state = RolloutState()
    var now = Timestamp(microseconds: 1_700_000_000_000_000)
    var tracks: [String: Track] = [:]
    var services: [String: String?] = [:]
    var behaviours: [String: Behaviour] = [:]
    var requestsPerSecond = 100.0
    var metrics: MetricsState = .answering
    var conflicts: [OwnershipConflict] = []
    var isNamespaceTerminating = false
    var hasFinalizer = false
    var isGone = false
    var orphaned = false
    /// The status as stored; the planner knows nothing else of the past.
    var status = ModelDeploymentStatus()
    /// Whether the state goes through the text of the status at every reconcile, which takes its time.
    var storesStatus = true
    /// What is wrong with any status written so far.
    var statusFaults: [String] = []
    var random = SplitMix(seed: 1)
    var notes: [Note] = []
    var situation = Situation(.pending, .working, reason: "", "")
    var plan: Plan?
    /// Distinct (stable pods, canary pods) pairs in the order they were settled at.
    var pairs: [[Int]] = []
    /// How many effects an operator may carry out before it crashes; nil never.
    var crashAfter: Int?
    private var podCount = 0

    enum MetricsState { case answering, down, silent }

    init(_ policy: Policy) { self.policy = policy }

    // MARK: What is seen

    func behaviour(_ revision: String) -> Behaviour { behaviours[revision] ?? Behaviour() }

    func isReady(_ pod: Pod, _ revision: String) -> Bool {
        guard let delay = behaviour(revision).readyAfter else { return false }
        return now >= pod.createdAt + delay
    }

    func available(_ revision: String) -> Int {
        tracks[revision]?.pods.filter { isReady($0, revision) }.count ?? 0
    }

    func desired(_ revision: String) -> Int { tracks[revision]?.desired ?? 0 }

    func pods(_ revision: String) -> [Int] { tracks[revision]?.pods.map(\.id) ?? [] }

    var observation: Observation {
        let seen = tracks.map { revision, track in
            let ready = available(revision)
            let behaviour = behaviour(revision)
            let furthest =
                track.pods.map { behaviour.loaded((now - $0.createdAt).inSeconds) }.filter { $0 < 1000 }.max() ?? 0
            return TrackObservation(
                revision: revision,
                name: "churn-\(revision)",
                desired: track.desired,
                replicas: track.pods.count,
                ready: ready,
                available: ready,
                createdAt: track.createdAt,
                trouble: ready < track.desired ? behaviour.trouble : nil,
                progress: ProgressMark(
                    scheduled: track.pods.count,
                    started: track.pods.count,
                    ready: ready,
                    loaded: ready * 1000 + furthest
                )
            )
        }
        return Observation(
            tracks: seen,
            services: services.map { ServiceObservation(name: $0.key, revision: $0.value) },
            conflicts: conflicts,
            isNamespaceTerminating: isNamespaceTerminating
        )
    }

    /// The canary's share of all pods that answer, which is its share of the traffic.
    var share: Double {
        guard let canary = state.rollout?.canary.revision else { return 0 }
        let total = tracks.keys.reduce(0) { $0 + available($1) }
        return total > 0 ? Double(available(canary)) / Double(total) : 0
    }

    mutating func evidence() -> WindowEvidence? {
        guard Planner.needsEvidence(policy, state: state, now: now), let rollout = state.rollout,
            let stable = state.stable?.revision
        else { return nil }
        let canary = rollout.canary.revision
        let start = rollout.evidence?.metrics.map(\.countedUntil).min() ?? now
        let requests = requestsPerSecond * (now - start).inSeconds
        let share = share
        func counts(_ revision: String, _ share: Double) -> TrackCounts {
            let total = Int(requests * share)
            return TrackCounts(total: total, failed: random.binomial(total, behaviour(revision).errorRate))
        }
        let counted = (canary: counts(canary, share), stable: counts(stable, 1 - share))
        let metrics = policy.analysis?.metrics.map { metric in
            switch self.metrics {
            case .down: MetricEvidence(metric.name, .unavailable("connection refused"))
            case .silent: MetricEvidence(metric.name, .insufficient("the query found no series"))
            case .answering: MetricEvidence(metric.name, .counts(canary: counted.canary, stable: counted.stable))
            }
        }
        return WindowEvidence(end: now, metrics: metrics ?? [])
    }

    // MARK: Life

    /// One reconcile: plan, act, record.
    mutating func reconcile() {
        guard !isGone else { return }
        defer { if !statusFaults.isEmpty { Issue.record("status: \(statusFaults[0])") } }
        var policy = policy
        policy.hasFinalizer = hasFinalizer
        let window = evidence()
        let plan = Planner.plan(policy, state: state, observed: observation, evidence: window, now: now)
        self.plan = plan
        for action in plan.actions {
            if crashAfter == 0 { return }
            carryOut(action)
            crashAfter = crashAfter.map { $0 - 1 }
        }
        if crashAfter == 0 { return }
        if plan.state != state || plan.situation != situation { crashAfter = crashAfter.map { $0 - 1 } }
        record(plan, policy)
        if plan.situation.readiness != .unchanged { situation = plan.situation }
        notes += plan.events
        noteTracks()
    }

    /// Stores the status and reads the state back from its text, as after a restart.
    private mutating func record(_ plan: Plan, _ policy: Policy) {
        guard storesStatus, plan.state != state || plan.situation != situation else {
            state = plan.state
            return
        }
        let next = StatusComposer.status(policy, plan: plan, observed: observation, previous: status, now: now)
        let stored = (try? JSONValue(parsing: next.json.bytes())).flatMap(ModelDeploymentStatus.init(json:))
        statusFaults += KStatus.violations(of: next.json, generation: policy.generation)
        if stored != next { statusFaults.append("does not survive being stored: \(next.json)") }
        status = stored ?? next
        state = RolloutState(status, policy: policy)
        if state != plan.state { statusFaults.append("lost state: \(plan.state) became \(state)") }
    }

    private mutating func noteTracks() {
        guard let rollout = state.rollout, !rollout.isReturning, let stable = state.stable else { return }
        let pair = [available(stable.revision), available(rollout.canary.revision)]
        let isSettled = pair == [desired(stable.revision), desired(rollout.canary.revision)] && pair[1] > 0
        if isSettled, pairs.last != pair { pairs.append(pair) }
    }

    private mutating func carryOut(_ action: Action) {
        switch action {
        case .scale(let revision, let replicas): scale(revision, replicas)
        case .point(let service, let revision):
            services.updateValue(revision, forKey: service.name(of: policy.key.name))
        case .remove(let revision): tracks[revision] = nil
        case .addFinalizer: hasFinalizer = true
        case .orphanChildren: orphaned = true
        case .removeFinalizer:
            hasFinalizer = false
            isGone = true
        }
    }

    private mutating func scale(_ revision: String, _ replicas: Int) {
        var track = tracks[revision] ?? Track(createdAt: now)
        track.desired = replicas
        while track.pods.count < replicas {
            podCount += 1
            track.pods.append(Pod(createdAt: now, id: podCount))
        }
        if track.pods.count > replicas {
            // As the ReplicaSet controller does: pods that are not ready go first, then the youngest.
            track.pods.sort { (isReady($0, revision) ? 0 : 1, $0.id) < (isReady($1, revision) ? 0 : 1, $1.id) }
            track.pods.removeLast(track.pods.count - replicas)
        }
        tracks[revision] = track
    }

    /// Lets time pass in steps of a second, reconciling until nothing is left to do at each.
    mutating func run(_ duration: Duration, until isDone: (World) -> Bool = { _ in false }) {
        let end = now + duration
        while true {
            for _ in 0..<20 {
                reconcile()
                if plan?.wakeAfter != .zero, plan?.actions.isEmpty ?? true { break }
            }
            if isDone(self) || now >= end || isGone { return }
            now = now + .seconds(1)
        }
    }

    mutating func settle() { run(.seconds(600)) { $0.situation.phase == .healthy && $0.state.rollout == nil } }

    /// All pods of a revision die and are made anew.
    mutating func killPods(_ revision: String) {
        let wanted = desired(revision)
        scale(revision, 0)
        scale(revision, wanted)
    }

    mutating func request(_ verb: Policy.Request.Verb, _ revision: String, id: String = "1") {
        policy.request = Policy.Request(verb, revision: revision, id: id)
    }

    var reasons: [Note.Reason] { notes.map(\.reason) }
}

/// A small seeded generator.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A uniform number in `0..<1`.
    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// The number of successes in `n` trials, by skipping from success to success.
    mutating func binomial(_ n: Int, _ p: Double) -> Int {
        guard p > 0, n > 0 else { return 0 }
        guard p < 1 else { return n }
        var count = 0, at = 0.0
        let scale = 1 / log1p(-p)
        while true {
            at += (log(1 - uniform()) * scale).rounded(.down) + 1
            if at > Double(n) { return count }
            count += 1
        }
    }
}
