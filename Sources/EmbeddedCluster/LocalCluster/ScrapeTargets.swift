import JSON

/// Pods as Prometheus's HTTP service discovery reads them, with the labels that its discovery of Kubernetes gives.
enum ScrapeTargets {
    static func of(_ pods: [JSONValue]) -> JSONValue {
        .array(
            pods.compactMap { pod in
                guard let address = pod[path: ["status", "podIP"]]?.string else { return nil }
                var labels: JSONObject = [
                    "__meta_kubernetes_namespace": pod[path: ["metadata", "namespace"]] ?? "",
                    "__meta_kubernetes_pod_name": pod[path: ["metadata", "name"]] ?? "",
                    "__meta_kubernetes_pod_ip": .string(address),
                    "__meta_kubernetes_pod_phase": pod[path: ["status", "phase"]] ?? "",
                    "__meta_kubernetes_pod_node_name": pod[path: ["spec", "nodeName"]] ?? "",
                    "__meta_kubernetes_pod_container_init": "false",
                ]
                for kind in ["label", "annotation"] {
                    for (key, value) in pod[path: ["metadata", "\(kind)s"]]?.object ?? [:] {
                        labels["__meta_kubernetes_pod_\(kind)_\(name(key))"] = value
                    }
                }
                return ["targets": [.string(address)], "labels": .object(labels)]
            }
        )
    }

    /// A key as the name of a label: what such names cannot hold becomes `_`.
    static func name(_ key: String) -> String {
        String(
            decoding: key.utf8.map { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    byte
                default: UInt8(ascii: "_")
                }
            },
            as: UTF8.self
        )
    }
}
