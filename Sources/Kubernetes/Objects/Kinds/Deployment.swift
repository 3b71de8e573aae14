package import JSON

/// A Deployment: pods of one template, replaced step by step.
package struct Deployment: ObjectView, TypedObject {
    package static let resource = ResourceType.deployment
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// Pods wanted; 1 when nothing is said.
    package var replicas: Int {
        get { self["spec", "replicas"]?.integer ?? 1 }
        set { self["spec", "replicas"] = .integer(newValue) }
    }
    /// The labels that its pods must have.
    package var matchLabels: [String: String] { JSONValue.strings(self["spec", "selector", "matchLabels"]) }
    /// The pod template.
    package var template: JSONValue {
        get { self["spec", "template"] ?? [:] }
        set { self["spec", "template"] = newValue }
    }
    /// Whether a changed template is held back.
    package var isPaused: Bool { self["spec", "paused"]?.bool ?? false }

    /// The generation that the status speaks of.
    package var observedGeneration: Int { self["status", "observedGeneration"]?.integer ?? 0 }
    /// Pods there are, of any template.
    package var statusReplicas: Int { self["status", "replicas"]?.integer ?? 0 }
    /// Pods of the newest template.
    package var updatedReplicas: Int { self["status", "updatedReplicas"]?.integer ?? 0 }
    /// Pods that take traffic.
    package var readyReplicas: Int { self["status", "readyReplicas"]?.integer ?? 0 }
    /// Pods ready for as long as `minReadySeconds`.
    package var availableReplicas: Int { self["status", "availableReplicas"]?.integer ?? 0 }
    /// `Available`, `Progressing`, `ReplicaFailure`.
    package var conditions: Conditions { Conditions(self["status", "conditions"]) }

    /// Whether the newest specification is carried out whole: every pod is of its template and available.
    package var isRolledOut: Bool {
        observedGeneration >= metadata.generation && updatedReplicas == replicas && statusReplicas == replicas
            && availableReplicas >= replicas
    }
}
