import EmbeddedAPI
import JSON
import Kubernetes

/// Makes and removes the pods of one object, and writes the events about it.
struct PodMaker {
    var cluster: Cluster
    /// The resource and the object that the pods are made for.
    var resource: ResourceType
    var owner: JSONValue
    var component: String
    var now: Timestamp

    /// Makes pods: one, then two, then four, so that a refusal costs few calls.
    ///
    /// - Returns: How many were made, and what the API refused; a refusal because the namespace goes away is none.
    func create(_ count: Int, template: JSONValue) -> (made: Int, refusal: APIStatus?) {
        var made = 0
        var batch = 1
        while made < count {
            let size = min(batch, count - made)
            var refusal: APIStatus?
            var isNamespaceLeaving = false
            for _ in 0..<size {
                do throws(APIStatus) {
                    let pod = try cluster.create(.pod, pod(template), by: component)
                    made += 1
                    record("SuccessfulCreate", "Created pod: \(pod.name)")
                } catch {
                    if error.causes.contains(where: { $0.reason == "NamespaceTerminating" }) {
                        isNamespaceLeaving = true
                    } else {
                        record(isWarning: true, "FailedCreate", "Error creating: \(error.message)")
                        refusal = error
                    }
                }
            }
            if refusal != nil || isNamespaceLeaving { return (made, refusal) }
            batch *= 2
        }
        return (made, nil)
    }

    /// - Returns: How many were removed, and what the API refused first.
    func delete(_ pods: [JSONValue]) -> (removed: Int, refusal: APIStatus?) {
        var removed = 0
        var refusal: APIStatus?
        for pod in pods {
            do throws(APIStatus) {
                try cluster.delete(.pod, pod, by: component)
                removed += 1
                record("SuccessfulDelete", "Deleted pod: \(pod.name)")
            } catch {
                if error.reason == "Conflict" { continue }  // another pod of this name: not ours any more
                record(isWarning: true, "FailedDelete", "Error deleting: \(error.message)")
                refusal = refusal ?? error
            }
        }
        return (removed, refusal)
    }

    private func record(isWarning: Bool = false, _ reason: String, _ message: String) {
        cluster.record(resource, owner, isWarning: isWarning, reason, message, by: component, now: now)
    }

    private func pod(_ template: JSONValue) -> JSONValue {
        var metadata: JSONValue = [
            "generateName": .string(owner.name + "-"), "namespace": .string(owner.namespace),
        ]
        for field in ["labels", "annotations", "finalizers"] {
            if let value = template[path: ["metadata", field]] { metadata[field] = value }
        }
        metadata["ownerReferences"] = [Owner.controller(resource, owner)]
        return ["apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] ?? [:]]
    }
}
