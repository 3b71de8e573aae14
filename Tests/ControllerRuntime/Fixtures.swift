import JSON
import Kubernetes

@testable import ControllerRuntime

extension DynamicObject {
    /// An object at a version.
    static func fixture(
        _ name: String,
        version: Int,
        uid: String? = nil,
        namespace: String = "shop",
        generation: Int = 1,
        labels: [String: String] = [:],
        spec: JSONValue = [:]
    ) -> DynamicObject {
        var metadata = ObjectMeta(name: name, namespace: namespace, labels: labels)
        metadata.resourceVersion = "\(version)"
        metadata.uid = uid ?? "uid-\(name)"
        metadata.generation = generation
        return DynamicObject(
            metadata: metadata,
            fields: ["apiVersion": "example.com/v1", "kind": "Widget", "spec": spec]
        )
    }
}

extension ObjectKey {
    static func shop(_ name: String) -> ObjectKey { ObjectKey(namespace: "shop", name: name) }
}
