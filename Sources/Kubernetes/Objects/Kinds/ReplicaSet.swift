package import JSON

/// A ReplicaSet: so many pods of one template.
package struct ReplicaSet: ObjectView, TypedObject {
    package static let resource = ResourceType.replicaSet
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// Pods wanted; 1 when nothing is said.
    package var replicas: Int { self["spec", "replicas"]?.integer ?? 1 }
    /// The generation that the status speaks of.
    package var observedGeneration: Int { self["status", "observedGeneration"]?.integer ?? 0 }
    /// Pods there are.
    package var statusReplicas: Int { self["status", "replicas"]?.integer ?? 0 }
    /// Pods that take traffic.
    package var readyReplicas: Int { self["status", "readyReplicas"]?.integer ?? 0 }
    /// Pods ready for as long as `minReadySeconds`.
    package var availableReplicas: Int { self["status", "availableReplicas"]?.integer ?? 0 }
    /// The hash that tells its pods from those of the Deployment's other ReplicaSets.
    package var podTemplateHash: String { metadata.labels["pod-template-hash"] ?? "" }
    /// The Deployment's count of its revisions; 0 when there is none.
    package var revision: Int { metadata.annotations["deployment.kubernetes.io/revision"].flatMap { Int($0) } ?? 0 }
    /// The pod template.
    package var template: JSONValue { self["spec", "template"] ?? [:] }
    /// `ReplicaFailure`, when pods cannot be made.
    package var conditions: Conditions { Conditions(self["status", "conditions"]) }
}
