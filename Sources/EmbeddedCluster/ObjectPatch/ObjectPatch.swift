package import JSON

/// The three formats of patches that change an object by telling the difference.
package enum ObjectPatch {
    /// JSON merge patch: objects are merged, null removes, anything else replaces.
    ///
    /// - SeeAlso: RFC 7396.
    package static func merge(_ patch: JSONValue, into target: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var result = target.object ?? JSONObject()
        for (key, change) in changes {
            if change.isNull {
                result.remove(key)
            } else if case .object = change {
                result.set(key, merge(change, into: result[key] ?? .null))
            } else {
                result.set(key, change)
            }
        }
        return .object(result)
    }
}
