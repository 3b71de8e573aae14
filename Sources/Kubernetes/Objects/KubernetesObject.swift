package import JSON

/// An object that the API server stores, in whatever form a program wants to hold it.
///
/// Conformers read themselves from JSON in one pass and write themselves back with every field they were read with.
package protocol KubernetesObject: Sendable {
    var metadata: ObjectMeta { get }

    /// Reads one object.
    ///
    /// - Throws: ``JSONError`` with the offset when a field has the wrong type.
    init(from reader: inout JSONReader) throws(JSONError)

    /// Writes the object, with `apiVersion` and `kind`.
    func write(to writer: inout JSONWriter)
}

/// An object whose kind is known from its Swift type.
package protocol TypedObject: KubernetesObject {
    static var resource: ResourceType { get }
}

extension KubernetesObject {
    package var key: ObjectKey { metadata.key }

    /// Parses one object.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try JSONReader.read(bytes) { (reader) throws(JSONError) in try Self(from: &reader) }
    }

    /// The object as JSON text.
    package func bytes() -> [UInt8] {
        var writer = JSONWriter(reserving: 1024)
        write(to: &writer)
        return writer.bytes
    }
}

/// An object held as its metadata and a tree of everything else, so that fields nobody knows survive.
///
/// Typed kinds conform to this and add computed properties over ``fields``.
package protocol ObjectView: KubernetesObject, Hashable {
    var metadata: ObjectMeta { get set }
    /// Everything but `metadata`; with `apiVersion` and `kind`, unless the object came as an item of a list.
    var fields: JSONObject { get set }

    init(metadata: ObjectMeta, fields: JSONObject)
}

extension ObjectView {
    package init(from reader: inout JSONReader) throws(JSONError) {
        var metadata = ObjectMeta()
        var fields = JSONObject()
        try reader.object { (key, reader) throws(JSONError) in
            if key.matches("metadata") {
                do throws(JSONError) {
                    metadata = try ObjectMeta(from: &reader)
                } catch { throw error.inside("metadata") }
            } else {
                let name = try key.string()
                fields.set(name, try reader.value())
            }
        }
        self.init(metadata: metadata, fields: fields)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            for member in fields where member.key == "apiVersion" || member.key == "kind" {
                writer.member(member.key, member.value)
            }
            writer.key("metadata")
            metadata.write(to: &writer)
            for member in fields where member.key != "apiVersion" && member.key != "kind" {
                writer.member(member.key, member.value)
            }
        }
    }

    /// The object as a tree.
    package var value: JSONValue {
        var writer = JSONWriter()
        metadata.write(to: &writer)
        var members = fields
        // What the writer wrote is JSON, so parsing it back cannot fail.
        members.set("metadata", (try? JSONValue(parsing: writer.bytes)) ?? [:])
        return .object(members)
    }

    /// A value at a path of keys below the root, `metadata` excepted.
    package subscript(_ path: String...) -> JSONValue? {
        get { JSONValue.object(fields)[path: path] }
        set {
            var tree = JSONValue.object(fields)
            fields = JSONObject()  // so that the tree is held once and is changed in place
            tree[path: path] = newValue
            fields = tree.object ?? JSONObject()
        }
    }
}

extension ObjectView where Self: TypedObject {
    /// A new object of this kind.
    package init(metadata: ObjectMeta, spec: JSONValue? = nil) {
        var fields: JSONObject = [
            "apiVersion": .string(Self.resource.apiVersion), "kind": .string(Self.resource.kind),
        ]
        if let spec { fields.set("spec", spec) }
        self.init(metadata: metadata, fields: fields)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            // Items of a list come without these two, and the API server wants them back.
            writer.member("apiVersion", Self.resource.apiVersion)
            writer.member("kind", Self.resource.kind)
            writer.key("metadata")
            metadata.write(to: &writer)
            for member in fields where member.key != "apiVersion" && member.key != "kind" {
                writer.member(member.key, member.value)
            }
        }
    }
}

/// An object of any kind.
package struct DynamicObject: ObjectView {
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    package var apiVersion: String { fields["apiVersion"]?.string ?? "" }
    package var kind: String { fields["kind"]?.string ?? "" }
}

extension JSONValue {
    /// The members of an object that are strings.
    static func strings(_ value: JSONValue?) -> [String: String] {
        var strings: [String: String] = [:]
        for member in value?.object ?? [:] { strings[member.key] = member.value.string }
        return strings
    }
}
