package import JSON
internal import Kubernetes
internal import YAML

/// The definitions of Homeostat's kinds, for `kubectl apply` and for the files in `CRDs/`.
package enum CustomResourceDefinitions {
    /// What a definition may be at most: client-side apply keeps the object in an annotation, and annotations are
    /// limited to this many bytes.
    package static let limitBytes = 262_144

    /// A definition and the name of its file.
    package struct Definition: Sendable {
        /// As `homeostat.dev_modeldeployments.yaml`.
        package var file: String
        /// The CustomResourceDefinition of `apiextensions.k8s.io/v1`.
        package var value: JSONValue

        /// The definition as YAML, with a line that says where it comes from.
        package var yaml: String {
            "# Made from the Swift types by \"homeostat crds\"; change those.\n" + YAML.write(value)
        }

        /// The definition for API servers before 1.25, which have no CEL.
        ///
        /// They drop the rules by themselves, but tools that check an object against the server's own schema before
        /// they send it, as `kubectl` and `helm` do, refuse it for the field they do not know.
        package var withoutCEL: Definition {
            Definition(file: file, value: CustomResourceDefinitions.withoutCEL(value))
        }
    }

    /// All definitions.
    package static let all: [Definition] = [modelDeployment]

    private static func withoutCEL(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(
                JSONObject(
                    members.filter { $0.key != "x-kubernetes-validations" }.map { ($0.key, withoutCEL($0.value)) }
                )
            )
        case .array(let elements): .array(elements.map(withoutCEL))
        case .null, .bool, .integer, .double, .string: value
        }
    }

    private static let modelDeployment = definition(
        of: ModelDeployment.resource,
        shortNames: ["mdep"],
        description: "ModelDeployment says which version of a model serves, and how a new one takes over.",
        spec: ModelDeploymentSpec.schema.with("What is wanted.", []),
        status: ModelDeploymentStatus.schema.with("What is, as the operator sees it.", []),
        scale: [
            "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        ],
        columns: [
            Column("Phase", ".status.phase", "Where it is, in one word."),
            Column("Step", ".status.step.text", "The present step of the rollout."),
            Column("Weight", ".status.weights.observed", "The canary's percentage of requests.", type: "integer"),
            Column("Stable", ".status.stable.version", "The version that serves."),
            Column("Canary", ".status.canary.version", "The version that is rolled out."),
            Column("Ready", ".status.conditions[?(@.type==\"Ready\")].status", "Whether what is wanted serves."),
            Column("Reason", ".status.reason", "Why it is where it is."),
            Column("Age", ".metadata.creationTimestamp", "Since when it exists.", type: "date"),
            Column("Replicas", ".status.replicas", "Pods of the stable track.", type: "integer", isWide: true),
            Column("Model", ".spec.model.name", "The name of the model.", isWide: true),
            Column("Message", ".status.message", "Why it is where it is, with the numbers.", isWide: true),
        ]
    )

    private struct Column {
        var value: JSONValue

        init(_ name: String, _ path: String, _ description: String, type: String = "string", isWide: Bool = false) {
            value = [
                "name": .string(name), "type": .string(type), "jsonPath": .string(path),
                "description": .string(description),
            ]
            if isWide { value["priority"] = 1 }
        }
    }

    private static func definition(
        of resource: ResourceType,
        shortNames: [String],
        description: String,
        spec: Schema,
        status: Schema,
        scale: JSONValue,
        columns: [Column]
    ) -> Definition {
        var root = Schema(.object).with(description, [])
        root.properties = [
            Schema.Property("apiVersion", String.schema.with("The version of this schema.", [])),
            Schema.Property("kind", String.schema.with("The kind of the object.", [])),
            Schema.Property("metadata", Schema(.object)),
            Schema.Property("spec", spec, isRequired: true),
            Schema.Property("status", status),
        ]
        let version: JSONValue = [
            "name": .string(resource.version), "served": true, "storage": true,
            "schema": ["openAPIV3Schema": .object(root.openAPI)],
            "subresources": ["status": [:], "scale": scale],
            "additionalPrinterColumns": .array(columns.map(\.value)),
        ]
        return Definition(
            file: "\(resource.group)_\(resource.plural).yaml",
            value: [
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": ["name": .string(resource.description)],
                "spec": [
                    "group": .string(resource.group),
                    "scope": .string(resource.isNamespaced ? "Namespaced" : "Cluster"),
                    "names": [
                        "kind": .string(resource.kind), "listKind": .string(resource.kind + "List"),
                        "plural": .string(resource.plural), "singular": .string(resource.kind.lowercased()),
                        "shortNames": .array(shortNames.map { .string($0) }), "categories": ["mlops"],
                    ],
                    "versions": [version],
                ],
            ]
        )
    }
}
