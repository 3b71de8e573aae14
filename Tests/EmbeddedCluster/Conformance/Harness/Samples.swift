import JSON

/// Objects that cases begin with.
enum Sample {
    static func configMap(_ name: String, _ data: JSONValue = [:], labels: JSONValue = [:]) -> JSONValue {
        [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name), "labels": labels],
            "data": data,
        ]
    }

    /// A pod that no node takes; with `node` it is on one that does not exist.
    ///
    /// - Parameter scheduler: Nobody, unless told: a real cluster's would give it to a real node.
    static func pod(
        _ name: String,
        labels: JSONValue = [:],
        node: String? = nil,
        scheduler: String? = "nobody"
    ) -> JSONValue {
        var pod: JSONValue = [
            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name), "labels": labels],
            "spec": [
                "containers": [["name": "main", "image": "example.com/main:1"]],
                "automountServiceAccountToken": false,
            ],
        ]
        if let node { pod["spec"]?["nodeName"] = .string(node) }
        if let scheduler { pod["spec"]?["schedulerName"] = .string(scheduler) }
        return pod
    }

    /// A deployment without replicas, unless told.
    static func deployment(_ name: String, replicas: Int? = 0) -> JSONValue {
        var deployment: JSONValue = [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": .string(name)],
            "spec": [
                "selector": ["matchLabels": ["app": .string(name)]],
                "template": [
                    "metadata": ["labels": ["app": .string(name)]],
                    "spec": ["containers": [["name": "main", "image": "example.com/main:1"]]],
                ],
            ],
        ]
        if let replicas { deployment["spec"]?["replicas"] = .integer(replicas) }
        return deployment
    }

    static func service(_ name: String, _ spec: JSONValue = [:]) -> JSONValue {
        var spec = spec
        if spec["ports"] == nil { spec["ports"] = [["port": 80]] }
        return ["apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(name)], "spec": spec]
    }

    static func owned(_ name: String, by owners: Answer..., controls: Bool? = nil, blocks: Bool? = nil) -> JSONValue {
        var object = configMap(name)
        object["metadata"]?["ownerReferences"] = .array(
            owners.map { owner in
                var reference: JSONValue = [
                    "apiVersion": "v1", "kind": "ConfigMap", "name": .string(owner.name), "uid": .string(owner.uid),
                ]
                if let controls { reference["controller"] = .bool(controls) }
                if let blocks { reference["blockOwnerDeletion"] = .bool(blocks) }
                return reference
            }
        )
        return object
    }

    /// A kind `Widget` in the group of a case.
    static func definition(
        _ api: API,
        schema: JSONValue = widgetSchema,
        version change: JSONValue = [:],
        scope: String = "Namespaced"
    ) -> JSONValue {
        var version: JSONObject = [
            "name": "v1", "served": true, "storage": true, "schema": ["openAPIV3Schema": schema],
        ]
        for (key, value) in change.object ?? [:] { version[key] = value }
        return [
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": ["name": .string("widgets.\(api.group)")],
            "spec": [
                "group": .string(api.group), "scope": .string(scope),
                "names": [
                    "kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget",
                    "shortNames": ["wd"], "categories": ["all"],
                ],
                "versions": [.object(version)],
            ],
        ]
    }

    static let widgetSchema: JSONValue = [
        "type": "object",
        "properties": [
            "spec": [
                "type": "object",
                "properties": [
                    "size": ["type": "integer", "minimum": 1, "maximum": 10],
                    "colour": ["type": "string", "enum": ["red", "green"], "default": "red"],
                    "name": ["type": "string", "maxLength": 5, "pattern": "^[a-z]+$"],
                    "replicas": ["type": "integer"],
                    "tags": ["type": "array", "items": ["type": "string"], "maxItems": 2],
                    "free": ["type": "object", "x-kubernetes-preserve-unknown-fields": true],
                    "either": ["x-kubernetes-int-or-string": true],
                    "parts": [
                        "type": "array",
                        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                        "items": [
                            "type": "object", "required": ["id"],
                            "properties": ["id": ["type": "string"], "n": ["type": "integer"]],
                        ],
                    ],
                ],
            ],
            "status": [
                "type": "object",
                "properties": [
                    "replicas": ["type": "integer"], "selector": ["type": "string"], "phase": ["type": "string"],
                ],
            ],
        ],
    ]

    static func widget(_ api: API, _ name: String, _ spec: JSONValue = [:]) -> JSONValue {
        [
            "apiVersion": .string("\(api.group)/v1"), "kind": "Widget", "metadata": ["name": .string(name)],
            "spec": spec,
        ]
    }
}
