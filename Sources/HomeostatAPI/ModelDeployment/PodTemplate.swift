internal import JSON

/// What is said of the pod template beside what the API server checks when pods are made.
///
/// All of a pod's fields are kept; the schema names the few that matter here, because the whole PodTemplateSpec would
/// take the CRD beyond what `kubectl apply` can carry in an annotation.
package enum PodTemplate {
    /// The name of the container that serves the model.
    package static let servingContainer = "model"

    package static var schema: Schema {
        var schema = JSONValue.schema
        schema.properties = [
            Schema.Property("metadata", metadata),
            Schema.Property("spec", spec, isRequired: true),
        ]
        return schema
    }

    private static var metadata: Schema {
        var schema = JSONValue.schema.with("Labels and annotations of the pods. The operator adds its own.", [])
        schema.properties = [
            Schema.Property("labels", [String: String].schema.with("Labels of the pods.", [])),
            Schema.Property("annotations", [String: String].schema.with("Annotations of the pods.", [])),
        ]
        return schema
    }

    private static var spec: Schema {
        var container = JSONValue.schema
        container.properties = [
            Schema.Property(
                "name",
                String.schema.with("The name of the container.", [.pattern(.dnsLabel("model")), .maxLength(63)]),
                isRequired: true
            ),
            Schema.Property(
                "image",
                String.schema.with("The image of the container.", [.minLength(1), .maxLength(4096)]),
                isRequired: true
            ),
        ]
        var containers = Schema(.array).with(
            "The containers of the pods.",
            [.listMap(["name"]), .minItems(1), .maxItems(100)]
        )
        containers.items = [container]
        var schema = JSONValue.schema.with("A PodSpec; all of its fields are kept.", [])
        schema.properties = [Schema.Property("containers", containers, isRequired: true)]
        schema.rules = [
            Rule(
                .not(
                    .member(
                        "containers",
                        .items(.not(.isText("name", servingContainer)))
                    )
                ),
                "no container is named \"\(servingContainer)\"; give that name to the one that serves"
            )
        ]
        return schema
    }
}
