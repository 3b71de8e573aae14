package import JSON

/// What tells a written object and its version: of the answer to a write, enough for whoever needs no more.
///
/// Everything else is skipped unread.
package struct WrittenObject: KubernetesObject {
    /// Name, namespace, uid and version; nothing else.
    package let metadata: ObjectMeta

    package init(from reader: inout JSONReader) throws(JSONError) {
        var metadata = ObjectMeta()
        try reader.object { (key, reader) throws(JSONError) in
            guard key.matches("metadata") else { return try reader.skip() }
            try reader.object { (key, reader) throws(JSONError) in
                if key.matches("name") {
                    metadata.name = try reader.string()
                } else if key.matches("namespace") {
                    metadata.namespace = try reader.string()
                } else if key.matches("uid") {
                    metadata.uid = try reader.string()
                } else if key.matches("resourceVersion") {
                    metadata.resourceVersion = try reader.string()
                } else {
                    try reader.skip()
                }
            }
        }
        self.metadata = metadata
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.key("metadata")
            metadata.write(to: &writer)
        }
    }
}
