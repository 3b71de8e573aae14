package import EmbeddedAPI
package import Kubernetes
import JSON

/// Runs the pods of each job until enough of them have succeeded, or too many have failed.
package struct JobController: ClusterController {
    package let name = "job"
    private let component = "job-controller"
    /// The wait after a pod failed: 10 s, doubled for each further failure, at most 6 minutes.
    private static let firstWait = 10
    private static let longestWait = 360

    package init() {}

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        switch change.resource {
        case .job: change.new == nil ? [] : [change.key]
        case .pod: cluster.governors(of: change, .job)
        default: []
        }
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let job = cluster.get(.job, key) else { return nil }
        if JobState.isFinished(job) { return try expire(job, cluster, now) }
        let selector = try LabelSelector(object: job.spec["selector"])
        let pods = try cluster.claim(.pod, for: job, .job, selector, by: component)
        var state = JobState(job, pods, now: now)
        let maker = PodMaker(cluster: cluster, resource: .job, owner: job, component: component, now: now)
        var refusal: APIStatus?
        switch state.decide() {
        case .fail(let reason, let message):
            refusal = maker.delete(state.active).refusal
            if refusal == nil {
                state.fail(reason, message)
                record(job, isWarning: true, reason, message, cluster, now)
            }
        case .suspend:
            refusal = maker.delete(PodRanking.ordered(state.active)).refusal
            if state.suspend() { record(job, "Suspended", "Job suspended", cluster, now) }
        case .complete:
            if !state.active.isEmpty {
                let message = "Too many active pods running after completion count reached"
                record(job, isWarning: true, "TooManyActivePods", message, cluster, now)
            }
            state.complete()
            record(job, "Completed", "Job completed", cluster, now)
        case .run(let change):
            if state.resume() { record(job, "Resumed", "Job resumed", cluster, now) }
            refusal = run(change, &state, job, maker)
        }
        try cluster.updateStatus(.job, job, state.status, by: component)
        if let refusal { throw refusal }
        return state.nextLook(firstWait: Self.firstWait, longestWait: Self.longestWait)
    }

    private func run(_ change: Int, _ state: inout JobState, _ job: JSONValue, _ maker: PodMaker) -> APIStatus? {
        guard !job.isBeingDeleted, change != 0 else { return nil }
        if change < 0 {
            let (removed, refusal) = maker.delete(Array(PodRanking.ordered(state.active).prefix(-change)))
            state.count(active: state.active.count - removed)
            return refusal
        }
        guard state.wait(firstWait: Self.firstWait, longestWait: Self.longestWait) <= .zero else { return nil }
        let (made, refusal) = maker.create(change, template: job.spec["template"] ?? [:])
        state.count(active: state.active.count + made)
        return refusal
    }

    /// Deletes a finished job when its time is over.
    private func expire(_ job: JSONValue, _ cluster: Cluster, _ now: Timestamp) throws(APIStatus) -> Duration? {
        guard let seconds = job.spec["ttlSecondsAfterFinished"]?.integer, !job.isBeingDeleted,
            let finished = JobState.finishTime(job)
        else { return nil }
        let rest = finished + .seconds(seconds) - now
        guard rest <= .zero else { return rest }
        try cluster.delete(
            .job,
            job,
            propagation: "Foreground",
            mustBeUnchanged: true,
            by: "ttl-after-finished-controller"
        )
        return nil
    }

    private func record(
        _ job: JSONValue,
        isWarning: Bool = false,
        _ reason: String,
        _ message: String,
        _ cluster: Cluster,
        _ now: Timestamp
    ) {
        cluster.record(.job, job, isWarning: isWarning, reason, message, by: component, now: now)
    }
}
