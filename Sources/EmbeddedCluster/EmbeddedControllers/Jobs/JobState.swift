import JSON
import Kubernetes

/// What a job's pods mean for it: pure, without the API.
struct JobState {
    enum Decision: Equatable {
        case fail(reason: String, message: String)
        case suspend
        case complete
        /// So many pods more, or fewer if negative.
        case run(change: Int)
    }

    let job: JSONValue
    let now: Timestamp
    /// Pods that run or will run.
    let active: [JSONValue]
    private let failedPods: [JSONValue]
    private let pods: [JSONValue]
    /// The status as it is to be written.
    private(set) var status: JSONValue

    init(_ job: JSONValue, _ pods: [JSONValue], now: Timestamp) {
        self.job = job
        self.now = now
        self.pods = pods
        active = pods.filter(\.isActivePod)
        failedPods = pods.filter { $0.phase == "Failed" }
        status = job.status
        if status["startTime"] == nil, !(job.spec["suspend"]?.bool ?? false) {
            status["startTime"] = .string(now.description)
        }
        // Pods that were counted and then deleted still count.
        let succeeded = max(pods.count { $0.phase == "Succeeded" }, job.status["succeeded"]?.integer ?? 0)
        set("succeeded", succeeded)
        set("failed", max(failedPods.count, job.status["failed"]?.integer ?? 0))
        set("active", active.count)
    }

    static func isFinished(_ job: JSONValue) -> Bool {
        job.hasTrueCondition("Complete") || job.hasTrueCondition("Failed")
    }

    static func finishTime(_ job: JSONValue) -> Timestamp? {
        let condition = job.hasTrueCondition("Complete") ? job.condition("Complete") : job.condition("Failed")
        return condition?["lastTransitionTime"]?.time
    }

    private var succeeded: Int { status["succeeded"]?.integer ?? 0 }
    private var failed: Int { status["failed"]?.integer ?? 0 }
    private var startTime: Timestamp? { status["startTime"]?.time }

    private mutating func set(_ name: String, _ number: Int) {
        if number > 0 || status[name] != nil { status[name] = number > 0 ? .integer(number) : nil }
    }

    mutating func count(active: Int) { set("active", active) }

    func decide() -> Decision {
        let limit = job.spec["backoffLimit"]?.integer ?? 6
        if failed > limit || hasRestartedTooOften(limit) {
            return .fail(
                reason: "BackoffLimitExceeded",
                message: "Job has reached the specified backoff limit"
            )
        }
        if job.spec["suspend"]?.bool ?? false { return .suspend }
        if let deadline, let startTime, startTime + deadline <= now {
            return .fail(
                reason: "DeadlineExceeded",
                message: "Job was active longer than specified deadline"
            )
        }
        let parallelism = job.spec["parallelism"]?.integer ?? 1
        guard let completions = job.spec["completions"]?.integer else {
            // A queue of work: the first success means that it is empty, and the others may finish.
            if succeeded > 0, active.isEmpty { return .complete }
            let wanted = succeeded > 0 ? min(active.count, parallelism) : parallelism
            return .run(change: wanted - active.count)
        }
        if succeeded >= completions { return .complete }
        return .run(change: min(completions - succeeded, parallelism) - active.count)
    }

    private var deadline: Duration? { job.spec["activeDeadlineSeconds"]?.integer.map { .seconds($0) } }

    /// With `restartPolicy: OnFailure` containers fail within their pod; their restarts count then.
    private func hasRestartedTooOften(_ limit: Int) -> Bool {
        guard job.spec[path: ["template", "spec", "restartPolicy"]] == "OnFailure" else { return false }
        let restarts = pods.filter { $0.phase == "Running" || $0.phase == "Pending" }.reduce(0) { sum, pod in
            let lists = [pod.status["initContainerStatuses"], pod.status["containerStatuses"]]
            return sum + lists.flatMap { $0?.array ?? [] }.reduce(0) { $0 + ($1["restartCount"]?.integer ?? 0) }
        }
        return limit == 0 ? restarts > 0 : restarts >= limit
    }

    // MARK: Ends

    mutating func fail(_ reason: String, _ message: String) {
        set("failed", failed + active.count)
        set("active", 0)
        append("Failed", reason, message)
    }

    mutating func complete() {
        append("Complete", nil, nil)
        status["completionTime"] = .string(now.description)
        set("active", active.count)
    }

    /// - Returns: Whether it was not suspended before.
    mutating func suspend() -> Bool {
        set("active", 0)
        status["startTime"] = nil
        return setSuspended("True", "JobSuspended", "Job suspended")
    }

    /// - Returns: Whether it was suspended before.
    mutating func resume() -> Bool {
        guard job.hasTrueCondition("Suspended") else { return false }
        status["startTime"] = .string(now.description)
        return setSuspended("False", "JobResumed", "Job resumed")
    }

    private mutating func setSuspended(_ value: String, _ reason: String, _ message: String) -> Bool {
        guard job.condition("Suspended")?["status"]?.string != value else { return false }
        var conditions = status["conditions"]?.array ?? []
        conditions.removeAll { $0["type"] == "Suspended" }
        status["conditions"] = .array(conditions)
        append("Suspended", reason, message, value)
        return true
    }

    private mutating func append(_ type: String, _ reason: String?, _ message: String?, _ value: String = "True") {
        var condition: JSONValue = [
            "type": .string(type), "status": .string(value), "lastProbeTime": .string(now.description),
            "lastTransitionTime": .string(now.description),
        ]
        if let reason { condition["reason"] = .string(reason) }
        if let message { condition["message"] = .string(message) }
        status["conditions"] = .array((status["conditions"]?.array ?? []) + [condition])
    }

    // MARK: Time

    /// How long pods that replace failed ones have to wait; zero and less when they need not.
    func wait(firstWait: Int, longestWait: Int) -> Duration {
        let ends = failedPods.map { Self.endTime($0) }
        guard let last = ends.max() else { return .zero }
        let lastSuccess = pods.filter { $0.phase == "Succeeded" }.map { Self.endTime($0) }.max()
        let count = ends.count { failure in lastSuccess.map { failure > $0 } ?? true }
        guard count > 0 else { return .zero }
        let seconds = count > 6 ? longestWait : min(firstWait << (count - 1), longestWait)
        return last + .seconds(seconds) - now
    }

    func nextLook(firstWait: Int, longestWait: Int) -> Duration? {
        var waits: [Duration] = []
        guard !Self.isFinished(["status": status]) else {
            return job.spec["ttlSecondsAfterFinished"]?.integer.map { .seconds($0) }
        }
        if let deadline, let startTime { waits.append(max(.zero, startTime + deadline - now)) }
        let wait = wait(firstWait: firstWait, longestWait: longestWait)
        if wait > .zero, !(job.spec["suspend"]?.bool ?? false) { waits.append(wait) }
        return waits.min()
    }

    private static func endTime(_ pod: JSONValue) -> Timestamp {
        let ends = (pod.status["containerStatuses"]?.array ?? []).compactMap {
            $0[path: ["state", "terminated", "finishedAt"]]?.time
        }
        let transition = pod.condition("Ready")?["lastTransitionTime"]?.time
        return ends.max() ?? transition ?? pod.created ?? Timestamp(microseconds: 0)
    }
}
