internal import ControllerRuntime
package import HomeostatAPI
package import JSON
package import Kubernetes

/// The children of a ModelDeployment as they shall be.
package struct ChildBuilder {
    private let object: ModelDeployment
    /// Which leader of the operator writes.
    let epoch: Int

    package init(_ object: ModelDeployment, epoch: Int) {
        self.object = object
        self.epoch = epoch
    }

    private var name: String { object.metadata.name }

    /// The Deployment of the revision that the specification asks for.
    ///
    /// Its template is never changed afterwards: another template is another revision, so no pod is ever restarted by a
    /// promotion.
    package func deployment(revision: String, replicas: Int) -> DynamicObject {
        let labels = ChildNames.labels(name, revision: revision)
        var template = object.spec.template
        merge(labels.merging(commonLabels) { own, _ in own }, into: &template, at: ["metadata", "labels"])
        addEnvironment(to: &template)
        let spec: JSONValue = [
            "replicas": .integer(replicas), "minReadySeconds": .integer(object.spec.minReadySeconds),
            // Pods of one revision are alike, so a rolling update never happens but by a person's restart.
            "revisionHistoryLimit": 1,
            "progressDeadlineSeconds": .integer(
                max(object.spec.progressDeadlineSeconds, object.spec.minReadySeconds + 1)
            ),
            "selector": ["matchLabels": Self.json(labels)], "template": template,
        ]
        return child(
            .deployment,
            ChildNames.deployment(name, revision: revision),
            labels: labels,
            annotations: [ChildNames.versionAnnotation: object.spec.model.version],
            spec: spec
        )
    }

    /// A Service over the pods of one revision, or of all when it is nil.
    package func service(_ service: TrackService, revision: String?) -> DynamicObject {
        child(
            .service,
            service.name(of: name),
            labels: ChildNames.labels(name),
            annotations: [:],
            spec: [
                "selector": Self.json(ChildNames.labels(name, revision: revision)), "ports": .array([port]),
                "type": "ClusterIP",
            ]
        )
    }

    package var port: JSONValue {
        [
            "name": "http", "protocol": "TCP", "port": .integer(object.spec.service.port),
            "targetPort": .integer(object.spec.service.effectiveTargetPort),
        ]
    }

    private var commonLabels: [String: String] {
        [
            "app.kubernetes.io/name": object.spec.model.name, "app.kubernetes.io/instance": name,
            "app.kubernetes.io/component": "model", "app.kubernetes.io/managed-by": "homeostat",
        ]
    }

    private func child(
        _ type: ResourceType,
        _ childName: String,
        labels: [String: String],
        annotations: [String: String],
        spec: JSONValue
    ) -> DynamicObject {
        var metadata = ObjectMeta(name: childName, namespace: object.metadata.namespace)
        metadata.labels = labels.merging(commonLabels) { own, _ in own }
        metadata.annotations = annotations
        metadata.annotations[ChildNames.epochAnnotation] = String(epoch)
        metadata.ownerReferences = [OwnerReference(controlledBy: object.metadata, ModelDeployment.resource)]
        return DynamicObject(
            metadata: metadata,
            fields: ["apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "spec": spec]
        )
    }

    /// Tells the serving container which model it serves; what the template sets itself wins.
    private func addEnvironment(to template: inout JSONValue) {
        let model = object.spec.model
        let values = [
            ("MODEL_NAME", model.name), ("MODEL_VERSION", model.version), ("MODEL_URI", model.uri ?? ""),
            ("MODEL_DIGEST", model.digest ?? ""),
        ]
        guard var containers = template[path: ["spec", "containers"]]?.array,
            let place = containers.firstIndex(where: { $0["name"]?.string == PodTemplate.servingContainer })
        else { return }
        var variables = containers[place]["env"]?.array ?? []
        for (name, value) in values
        where !value.isEmpty && !variables.contains(where: { $0["name"]?.string == name }) {
            variables.append(["name": .string(name), "value": .string(value)])
        }
        containers[place]["env"] = .array(variables)
        template[path: ["spec", "containers"]] = .array(containers)
    }

    private func merge(_ strings: [String: String], into value: inout JSONValue, at path: [String]) {
        var members = value[path: path]?.object ?? JSONObject()
        for (key, text) in strings.sorted(by: { $0.key < $1.key }) { members.set(key, .string(text)) }
        value[path: path] = .object(members)
    }

    static func json(_ strings: [String: String]) -> JSONValue {
        .object(JSONObject(strings.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
}
