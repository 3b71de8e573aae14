package import EmbeddedAPI
package import Kubernetes
import JSON

/// Rolls deployments out through replica sets.
package struct DeploymentController: ClusterController {
    package let name = "deployment"

    package init() {}

    package func keys(for change: Change, in cluster: Cluster) -> [ObjectKey] {
        switch change.resource {
        case .deployment: return change.new == nil ? [] : [change.key]
        case .replicaSet: return cluster.governors(of: change, .deployment)
        case .pod:
            // Recreate waits for the last old pod to be gone.
            guard change.new == nil || change.new?.isOver == true, let owner = change.old?.controllingOwner,
                owner.kind == ResourceType.replicaSet.kind,
                let set = cluster.get(.replicaSet, ObjectKey(namespace: change.key.namespace, name: owner.name)),
                let deployment = set.controllingOwner, deployment.kind == ResourceType.deployment.kind
            else { return [] }
            return [ObjectKey(namespace: change.key.namespace, name: deployment.name)]
        default: return []
        }
    }

    package func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration? {
        guard let deployment = cluster.get(.deployment, key) else { return nil }
        var rollout = Rollout(cluster: cluster, deployment: deployment, now: now)
        return try rollout.advance()
    }
}

/// One step of a deployment's rollout, with the objects as they are after each write.
private struct Rollout {
    let cluster: Cluster
    var deployment: JSONValue
    let now: Timestamp
    private var newSet: JSONValue?
    private var oldSets: [JSONValue] = []
    private let component = "deployment-controller"

    init(cluster: Cluster, deployment: JSONValue, now: Timestamp) {
        self.cluster = cluster
        self.deployment = deployment
        self.now = now
    }

    private var plan: RolloutPlanner { RolloutPlanner(deployment, newSet: newSet, oldSets: oldSets) }
    private var isPaused: Bool { deployment.spec["paused"]?.bool ?? false }

    mutating func advance() throws(APIStatus) -> Duration? {
        let selector = try LabelSelector(object: deployment.spec["selector"])
        let sets = try cluster.claim(.replicaSet, for: deployment, .deployment, selector, by: component)
        let ordered = sets.sorted(by: isOlder)
        newSet = ordered.first { PodTemplateHash.areEqual($0.spec["template"], deployment.spec["template"]) }
        oldSets = ordered.filter { $0.uid != newSet?.uid }
        if deployment.isBeingDeleted {
            try writeStatus(status.counted())
            return nil
        }
        try notePause()
        if isPaused || plan.isScaled {
            try syncRevision()
            for scaling in plan.proportionalScalings() { try scale(scaling) }
            if isPaused { try cleanUp() }
            try writeStatus(status.counted())
            return nil
        }
        let isRecreate = plan.strategy == .recreate
        if !isRecreate || newSet != nil { try syncRevision() }
        if newSet == nil, !isRecreate { try makeNewSet() }
        var steps = plan.step()
        if isRecreate {
            if hasOldPods {
                // Nothing new before the last old pod is gone.
                steps.removeAll { $0.name == newSet?.name && $0.replicas > 0 }
            } else if newSet == nil, steps.isEmpty {
                try makeNewSet()
                steps = plan.step()
            }
        }
        for step in steps { try scale(step) }
        if steps.isEmpty, RolloutStatus.isComplete(deployment, deployment.status) { try cleanUp() }
        try writeStatus(status.progressed())
        return RolloutStatus.nextJudgement(deployment, now: now)
    }

    private var status: RolloutStatus {
        let failures = ([newSet].compactMap { $0 } + oldSets).compactMap { $0.condition("ReplicaFailure") }
        return RolloutStatus(deployment: deployment, plan: plan, failures: failures, now: now)
    }

    private mutating func writeStatus(_ status: JSONValue) throws(APIStatus) {
        deployment = try cluster.updateStatus(.deployment, deployment, status, by: component)
    }

    private mutating func setProgressing(_ status: String, _ reason: String, _ message: String) throws(APIStatus) {
        var conditions = deployment.status["conditions"]?.array ?? []
        RolloutStatus.set(
            RolloutStatus.condition("Progressing", status, reason, message, now),
            in: &conditions
        )
        var status = deployment.status
        status["conditions"] = .array(conditions)
        try writeStatus(status)
    }

    /// The pause and its end restart the clock of the progress deadline.
    private mutating func notePause() throws(APIStatus) {
        guard RolloutStatus.progressDeadline(deployment) != nil else { return }
        let reason = deployment.condition("Progressing")?["reason"]?.string
        guard reason != "ProgressDeadlineExceeded" else { return }
        if isPaused, reason != "DeploymentPaused" {
            try setProgressing("Unknown", "DeploymentPaused", "Deployment is paused")
        } else if !isPaused, reason == "DeploymentPaused" {
            try setProgressing("Unknown", "DeploymentResumed", "Deployment is resumed")
        }
    }

    // MARK: Revisions

    private var nextRevision: Int { (oldSets.map { Revisions.number($0) }.max() ?? 0) + 1 }

    /// Gives the current replica set, if there is one, its revision and what else the deployment hands down.
    private mutating func syncRevision() throws(APIStatus) {
        guard let current = newSet else { return }
        let annotations = Revisions.annotations(of: current, deployment: deployment, number: nextRevision)
        var changed = current
        if annotations != current.annotations { changed[path: ["metadata", "annotations"]] = .object(annotations) }
        let minReady = deployment.spec["minReadySeconds"]?.integer ?? 0
        if minReady != current.spec["minReadySeconds"]?.integer ?? 0 {
            changed[path: ["spec", "minReadySeconds"]] = .integer(minReady)
        }
        if changed != current { newSet = try cluster.update(.replicaSet, changed, by: component) }
        try showRevision(newSet?.annotations[Revisions.revision]?.string)
        if RolloutStatus.progressDeadline(deployment) != nil, deployment.condition("Progressing") == nil {
            try setProgressing("True", "FoundNewReplicaSet", "Found new replica set \"\(current.name)\"")
        }
    }

    private mutating func showRevision(_ revision: String?) throws(APIStatus) {
        guard let revision, deployment.annotations[Revisions.revision]?.string != revision else { return }
        // With the status, since a deployment's annotations otherwise make a new generation.
        deployment = try cluster.patchMetadata(
            .deployment,
            deployment,
            ["annotations": [Revisions.revision: .string(revision)]],
            subresource: "status",
            by: component
        )
    }

    /// Makes the replica set of the current template; one that a crash left behind is found under the same name.
    private mutating func makeNewSet() throws(APIStatus) {
        let template = deployment.spec["template"] ?? [:]
        let hash = PodTemplateHash.name(template, collisions: deployment.status["collisionCount"]?.integer)
        let set = replicaSet(template, hash)
        let count = set.spec["replicas"]?.integer ?? 0
        do throws(APIStatus) {
            newSet = try cluster.create(.replicaSet, set, by: component)
        } catch {
            try resolve(error, set)
            return
        }
        if count > 0 {
            record("ScalingReplicaSet", "Scaled up replica set \(set.name) to \(count)")
        }
        try showRevision(set.annotations[Revisions.revision]?.string)
        if RolloutStatus.progressDeadline(deployment) != nil {
            try setProgressing("True", "NewReplicaSetCreated", "Created new replica set \"\(set.name)\"")
        }
    }

    private func replicaSet(_ template: JSONValue, _ hash: String) -> JSONValue {
        var template = template
        template[path: ["metadata", "labels", PodTemplateHash.label]] = .string(hash)
        var selector = deployment.spec["selector"] ?? [:]
        selector[path: ["matchLabels", PodTemplateHash.label]] = .string(hash)
        let name = "\(deployment.name)-\(hash)"
        var start = plan
        start.newSet = RolloutPlanner.ReplicaSet(name: name, replicas: 0)
        var annotations = Revisions.annotations(of: nil, deployment: deployment, number: nextRevision)
        Revisions.size(&annotations, plan)
        var spec: JSONValue = [
            "replicas": .integer(start.newReplicas), "selector": selector, "template": template,
        ]
        if let minReady = deployment.spec["minReadySeconds"] { spec["minReadySeconds"] = minReady }
        return [
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": [
                "name": .string(name), "namespace": .string(deployment.namespace),
                "labels": template[path: ["metadata", "labels"]] ?? [:], "annotations": .object(annotations),
                "ownerReferences": [Owner.controller(.deployment, deployment)],
            ],
            "spec": spec,
        ]
    }

    private mutating func resolve(_ refusal: APIStatus, _ set: JSONValue) throws(APIStatus) {
        if refusal.causes.contains(where: { $0.reason == "NamespaceTerminating" }) { return }
        if refusal.reason == "AlreadyExists" {
            // Another template has the same name: the next attempt mixes the number of collisions in.
            var status = deployment.status
            status["collisionCount"] = .integer((status["collisionCount"]?.integer ?? 0) + 1)
            try writeStatus(status)
            throw refusal
        }
        let message = "Failed to create new replica set \"\(set.name)\": \(refusal.message)"
        if RolloutStatus.progressDeadline(deployment) != nil {
            try setProgressing("False", "ReplicaSetCreateError", message)
        }
        record("ReplicaSetCreateError", message, isWarning: true)
        throw refusal
    }

    // MARK: Steps

    private var hasOldPods: Bool {
        oldSets.contains { set in cluster.controlled(.pod, byUID: set.uid).contains { !$0.isOver } }
    }

    private mutating func scale(_ scaling: RolloutPlanner.Scaling) throws(APIStatus) {
        guard let set = ([newSet].compactMap { $0 } + oldSets).first(where: { $0.name == scaling.name }) else { return }
        var changed = set
        var annotations = set.annotations
        Revisions.size(&annotations, plan)
        if annotations != set.annotations { changed[path: ["metadata", "annotations"]] = .object(annotations) }
        let before = set.spec["replicas"]?.integer ?? 1
        if before != scaling.replicas { changed[path: ["spec", "replicas"]] = .integer(scaling.replicas) }
        guard changed != set else { return }
        changed = try cluster.update(.replicaSet, changed, by: component)
        if before != scaling.replicas {
            let direction = before < scaling.replicas ? "up" : "down"
            record("ScalingReplicaSet", "Scaled \(direction) replica set \(set.name) to \(scaling.replicas)")
        }
        if newSet?.uid == changed.uid {
            newSet = changed
        } else {
            oldSets = oldSets.map { $0.uid == changed.uid ? changed : $0 }
        }
    }

    /// Forgets the oldest revisions beyond `revisionHistoryLimit`.
    private func cleanUp() throws(APIStatus) {
        guard let limit = deployment.spec["revisionHistoryLimit"]?.integer, limit < Int(Int32.max) else { return }
        let alive = oldSets.filter { !$0.isBeingDeleted }
        for set in alive.prefix(max(0, alive.count - limit)) {
            guard set.spec["replicas"]?.integer ?? 1 == 0, set.status["replicas"]?.integer ?? 0 == 0,
                set.status["observedGeneration"]?.integer ?? 0 >= set.generation
            else { continue }
            try cluster.delete(.replicaSet, set, mustBeUnchanged: true, by: component)
        }
    }

    private func record(_ reason: String, _ message: String, isWarning: Bool = false) {
        cluster.record(.deployment, deployment, isWarning: isWarning, reason, message, by: component, now: now)
    }
}
