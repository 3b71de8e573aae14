package import JSON

/// A change to an object, in one of the three forms that carry no ownership of fields.
///
/// For server-side apply see ``ResourceClient/apply(_:_:fieldManager:force:subresource:dryRun:)``.
package enum Patch: Sendable {
    /// RFC 6902: operations in order; all or none are carried out.
    case json([JSONPatchOperation])
    /// RFC 7386: members replace, null removes, arrays are replaced whole.
    case merge(JSONValue)
    /// Kubernetes' own: lists with merge keys are merged. Built-in kinds only.
    case strategicMerge(JSONValue)

    var contentType: String {
        switch self {
        case .json: "application/json-patch+json"
        case .merge: "application/merge-patch+json"
        case .strategicMerge: "application/strategic-merge-patch+json"
        }
    }

    /// Whether carrying it out twice does no more than once.
    var isRepeatable: Bool {
        if case .json = self { false } else { true }
    }

    var bytes: [UInt8] {
        switch self {
        case .json(let operations): JSONValue.array(operations.map(\.value)).bytes()
        case .merge(let value), .strategicMerge(let value): value.bytes()
        }
    }
}

/// One operation of a JSON patch (RFC 6902).
///
/// Paths are JSON pointers (RFC 6901).
package struct JSONPatchOperation: Sendable, Hashable {
    /// The operation as it is sent.
    package let value: JSONValue

    private init(_ members: JSONObject) { value = .object(members) }

    /// Adds a member, replaces it if it is there, or inserts an element (`-` for the end).
    package static func add(_ path: String, _ value: JSONValue) -> JSONPatchOperation {
        JSONPatchOperation(["op": "add", "path": .string(path), "value": value])
    }

    /// Removes what must be there.
    package static func remove(_ path: String) -> JSONPatchOperation {
        JSONPatchOperation(["op": "remove", "path": .string(path)])
    }

    /// Replaces what must be there.
    package static func replace(_ path: String, _ value: JSONValue) -> JSONPatchOperation {
        JSONPatchOperation(["op": "replace", "path": .string(path), "value": value])
    }

    /// Refuses the whole patch unless the value there equals this one.
    package static func test(_ path: String, _ value: JSONValue) -> JSONPatchOperation {
        JSONPatchOperation(["op": "test", "path": .string(path), "value": value])
    }

    /// Moves a value.
    package static func move(from: String, to path: String) -> JSONPatchOperation {
        JSONPatchOperation(["op": "move", "from": .string(from), "path": .string(path)])
    }

    /// Copies a value.
    package static func copy(from: String, to path: String) -> JSONPatchOperation {
        JSONPatchOperation(["op": "copy", "from": .string(from), "path": .string(path)])
    }

    /// The JSON pointer to a path of keys, as `/metadata/annotations/homeostat.dev~1request`.
    package static func pointer(_ path: String...) -> String {
        path.map { "/" + $0.replacing("~", with: "~0").replacing("/", with: "~1") }.joined()
    }
}
