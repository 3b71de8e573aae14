import JSON
import Kubernetes
import ObjectSchema

extension ClusterState {
    private static let scaleType = ResourceType(
        group: "autoscaling",
        version: "v1",
        kind: "Scale",
        plural: "scales"
    )

    // MARK: Scale

    /// The `Scale` object of another object, which is in the stored version.
    func scale(of stored: JSONValue, _ operation: Operation) throws(APIStatus) -> JSONValue {
        guard let scale = operation.definition.scale else { throw .unknownResource }
        let object = operation.definition.fromStored(stored)
        let path = JSONValue.keys(of: scale.specReplicasPath)
        let replicas = object[path: path]?.integer
        if replicas == nil, operation.definition.isCustom, operation.call.verb == .get {
            let detail = "the spec replicas field \"\(scale.specReplicasPath)\" does not exist"
            throw APIStatus(
                code: 500,
                reason: "InternalError",
                message: "Internal error occurred: \(detail)",
                causes: [.init(reason: "", message: detail, field: "")]
            )
        }
        var metadata: JSONValue = ["name": .string(object.name)]
        for field in ["namespace", "uid", "resourceVersion", "creationTimestamp"] {
            metadata[field] = object.meta(field)
        }
        var status: JSONValue = [
            "replicas": .integer(object[path: JSONValue.keys(of: scale.statusReplicasPath)]?.integer ?? 0)
        ]
        if let place = scale.labelSelectorPath, let selector = object[path: JSONValue.keys(of: place)] {
            var text = selector.string ?? ""
            if selector.object != nil { text = try LabelSelector(object: selector).description }
            if !text.isEmpty { status["selector"] = .string(text) }
        }
        return [
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
            "spec": replicas.map { $0 == 0 ? [:] : ["replicas": .integer($0)] } ?? [:], "status": status,
        ]
    }

    mutating func changeScale(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        guard let place = operation.definition.scale, let old = object(operation.stored, operation.key) else {
            throw operation.notFound
        }
        let proposed: JSONValue
        if operation.call.verb == .patch {
            proposed = try ObjectWork.patched(try scale(of: old, operation), operation, schema: .any)
        } else {
            proposed = operation.call.body ?? .null
        }
        guard proposed.object != nil, proposed["kind"]?.string ?? "Scale" == "Scale" else {
            throw .badRequest("the object provided is unrecognized (must be of type Scale)")
        }
        if proposed.name != operation.call.name { try checkName(proposed, operation) }
        let replicas = proposed["spec"]?["replicas"]?.integer ?? 0
        guard replicas >= 0 else {
            throw .invalid(
                Self.scaleType,
                operation.call.name,
                [.invalid("spec.replicas", .integer(replicas), "must be greater than or equal to 0")]
            )
        }
        try checkVersion(proposed, old: old, operation)
        var seen = operation.definition.fromStored(old)
        seen[path: JSONValue.keys(of: place.specReplicasPath)] = .integer(replicas)
        var inner = operation
        inner.call.subresource = nil
        let written = try change(
            old,
            to: operation.definition.toStored(seen),
            KindRules.of(operation.definition),
            inner
        )
        return APIAnswer(try scale(of: written, operation))
    }

    // MARK: Pods

    /// Gives a pod its node.
    mutating func bind(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        guard let old = object(.pod, operation.key) else { throw operation.notFound }
        let body = operation.call.body ?? .null
        let node = body["target"]?["name"]?.string ?? ""
        var type = operation.type
        type.plural = "pods/binding"
        guard !node.isEmpty else {
            let binding = ResourceType(version: "v1", kind: "Binding", plural: "bindings")
            throw .invalid(binding, operation.call.name, [.required("target.name")])
        }
        guard body.uid.isEmpty || body.uid == old.uid else {
            throw .conflict(
                type,
                old.name,
                "Precondition failed: UID in precondition: \(body.uid), UID in object meta: \(old.uid)"
            )
        }
        guard !old.isBeingDeleted else {
            throw .conflict(type, old.name, "pod \(old.name) is being deleted, cannot be assigned to a host")
        }
        if let held = old["spec"]?["nodeName"]?.string, !held.isEmpty {
            throw .conflict(type, old.name, "pod \(old.name) is already assigned to node \"\(held)\"")
        }
        var pod = old
        pod[path: ["spec", "nodeName"]] = .string(node)
        for (key, value) in body.meta("annotations")?.object ?? [:] {
            pod[path: ["metadata", "annotations", key]] = value
        }
        var conditions = pod["status"]?["conditions"]?.array ?? []
        let earlier = conditions.first { $0["type"] == "PodScheduled" }
        conditions.removeAll { $0["type"] == "PodScheduled" }
        let since = earlier?["status"] == "True" ? earlier?["lastTransitionTime"] : nil
        conditions.append([
            "type": "PodScheduled", "status": "True", "lastProbeTime": .null,
            "lastTransitionTime": since ?? .string(operation.now.description),
        ])
        pod[path: ["status", "conditions"]] = .array(conditions)
        _ = store(ObjectWork.managed(pod, old: old, operation), operation)
        return Self.done
    }

    /// Deletes a pod, unless a disruption budget forbids it.
    mutating func evict(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        guard let pod = object(.pod, operation.key) else { throw operation.notFound }
        let body = operation.call.body ?? .null
        guard body.name.isEmpty || body.name == operation.call.name else {
            throw .badRequest("name in URL does not match name in Eviction object")
        }
        var inner = operation
        inner.call.subresource = nil
        inner.call.verb = .delete
        inner.call.body = body["deleteOptions"]
        let choices = try DeleteChoices(inner.call)
        let phase = pod["status"]?["phase"]?.string ?? ""
        let isOver = phase == "Succeeded" || phase == "Failed"
        if !isOver { try takeFromBudget(pod, operation) }
        _ = delete(pod, choices, inner)
        return Self.done
    }

    private mutating func takeFromBudget(_ pod: JSONValue, _ operation: Operation) throws(APIStatus) {
        let budgets = ResourceType(
            group: "policy",
            version: "v1",
            kind: "PodDisruptionBudget",
            plural: "poddisruptionbudgets"
        )
        var found: [JSONValue] = []
        for entry in table(budgets).all(prefix: "\(pod.namespace)/") {
            guard let selector = entry.object["spec"]?["selector"] else { continue }
            if try LabelSelector(object: selector).matches(pod.labels) { found.append(entry.object) }
        }
        guard let budget = found.first else { return }
        guard found.count == 1 else {
            throw APIStatus(
                code: 500,
                reason: "",
                message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not "
                    + "support."
            )
        }
        let status = budget["status"] ?? [:]
        let name = budget.name
        if status["observedGeneration"]?.integer ?? 0 < budget.meta("generation")?.integer ?? 0 {
            throw Self.tooManyDisruptions(
                "The disruption budget \(name) is still being processed by the server."
            )
        }
        let allowed = status["disruptionsAllowed"]?.integer ?? 0
        guard allowed > 0 else {
            throw Self.tooManyDisruptions(
                "The disruption budget \(name) needs \(status["desiredHealthy"]?.integer ?? 0) healthy pods and has "
                    + "\(status["currentHealthy"]?.integer ?? 0) currently"
            )
        }
        guard !operation.call.isDryRun, let type = catalog.stored(budgets) else { return }
        var changed = budget
        changed[path: ["status", "disruptionsAllowed"]] = .integer(allowed - 1)
        changed[path: ["status", "disruptedPods", pod.name]] = .string(operation.now.description)
        commit(type, budget.key, changed)
    }

    private static func tooManyDisruptions(_ detail: String) -> APIStatus {
        APIStatus(
            code: 429,
            reason: "TooManyRequests",
            message: "Cannot evict pod as it would violate the pod's disruption budget.",
            causes: [.init(reason: "DisruptionBudget", message: detail, field: "")]
        )
    }

    private static let done = APIAnswer(
        code: 201,
        ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201]
    )
}
