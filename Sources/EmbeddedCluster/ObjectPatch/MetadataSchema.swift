import ObjectSchema

/// How `metadata` is owned, for schemas that leave it open as those of custom resources do.
enum MetadataSchema {
    private static let text = Schema(Schema.Definition(.string))

    private static let metadata: Schema = {
        var texts = Schema.Definition(.map)
        texts.element = text
        var finalizers = Schema.Definition(.list)
        finalizers.element = text
        finalizers.listType = .set
        var reference = Schema.Definition(.object)
        reference.fields = ["apiVersion", "kind", "name", "uid"].map { ($0, text) }
        reference.fields += ["controller", "blockOwnerDeletion"].map { ($0, Schema(Schema.Definition(.boolean))) }
        var references = Schema.Definition(.list)
        references.element = Schema(reference)
        references.listType = .map(keys: ["uid"])
        var definition = Schema.Definition(.object)
        let count = Schema(Schema.Definition(.integer))
        definition.fields = [
            ("name", text), ("generateName", text), ("namespace", text), ("selfLink", text), ("uid", text),
            ("resourceVersion", text), ("generation", count), ("creationTimestamp", text), ("deletionTimestamp", text),
            ("deletionGracePeriodSeconds", count), ("labels", Schema(texts)), ("annotations", Schema(texts)),
            ("ownerReferences", Schema(references)), ("finalizers", Schema(finalizers)), ("clusterName", text),
            ("managedFields", Schema(Schema.Definition(.list))),
        ]
        return Schema(definition)
    }()

    /// The schema with all that every object has.
    static func completed(_ schema: Schema) -> Schema {
        if schema.shape == .object, schema.field("metadata")?.names("labels") == true { return schema }
        var definition = schema.definition
        definition.fields.removeAll { ["metadata", "apiVersion", "kind"].contains($0.name) }
        definition.fields += [("apiVersion", text), ("kind", text), ("metadata", metadata)]
        if schema.shape == .any {
            // Fields of which nothing is known are keys of a map.
            definition.shape = .map
            definition.element = .any
        }
        return Schema(definition)
    }
}
