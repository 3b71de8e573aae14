package import JSON
package import Kubernetes

/// Which version of a model serves, and how a new one takes over.
package struct ModelDeployment: TypedObject, Hashable {
    package static let resource = ResourceType(
        group: "homeostat.dev",
        version: "v1alpha1",
        kind: "ModelDeployment",
        plural: "modeldeployments"
    )

    package var metadata: ObjectMeta
    package var spec: ModelDeploymentSpec
    package var status: ModelDeploymentStatus
    /// Members beside `metadata`, `spec` and `status`.
    package var other = JSONObject()

    package init(
        metadata: ObjectMeta = ObjectMeta(),
        spec: ModelDeploymentSpec = ModelDeploymentSpec(),
        status: ModelDeploymentStatus = ModelDeploymentStatus()
    ) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    /// Reads an object as far as it can be read.
    ///
    /// A field of another shape than the schema's is left at its default, and ``validate()`` tells of it: one bad field
    /// must not hide the whole object from the controller that could report it.
    package init(from reader: inout JSONReader) throws(JSONError) {
        var object = ModelDeployment()
        try reader.object { (key, reader) throws(JSONError) in
            if key.matches("metadata") {
                do throws(JSONError) {
                    object.metadata = try ObjectMeta(from: &reader)
                } catch { throw error.inside("metadata") }
            } else if key.matches("spec") {
                object.spec = try Self.member("spec", from: &reader)
            } else if key.matches("status") {
                object.status = try Self.member("status", from: &reader)
            } else if key.matches("apiVersion") || key.matches("kind") {
                try reader.skip()
            } else {
                let name = try key.string()
                object.other.set(name, try reader.value())
            }
        }
        self = object
    }

    private static func member<Value: APIObject>(
        _ name: String,
        from reader: inout JSONReader
    ) throws(JSONError) -> Value {
        let start = reader.offset
        let json = try reader.value()
        if json.isNull { return Value() }
        guard let value = Value(json: json) else {
            throw JSONError(.wrongType, "expected an object", offset: start, path: name)
        }
        return value
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("apiVersion", Self.resource.apiVersion)
            writer.member("kind", Self.resource.kind)
            writer.key("metadata")
            metadata.write(to: &writer)
            writer.member("spec", spec.json)
            if status != ModelDeploymentStatus() { writer.member("status", status.json) }
            for member in other { writer.member(member.key, member.value) }
        }
    }

    private static let specSchema = ModelDeploymentSpec.schema

    /// Everything that is wrong with the spec, as the schema and its rules say; empty for a good one.
    ///
    /// The API server refuses nearly all of it, but an object may be older than the schema, and API servers before 1.25
    /// do not run CEL.
    package func validate() -> [FieldError] { Self.specSchema.errors(in: spec.json).map { $0.inside("spec") } }
}
