import JSON
import Kubernetes

/// The one place where objects meet what their schema and their patches say.
enum ObjectWork {
    /// Applies a patch to an object, both in the version of the call.
    static func patched(_ object: JSONValue, _ operation: Operation) throws(APIStatus) -> JSONValue {
        guard let patch = operation.call.body else { throw .badRequest("the patch is empty") }
        switch operation.call.patchFormat {
        case .merge, .strategic: return merged(patch, into: object)
        default: throw .unsupportedMediaType([])
        }
    }

    private static func merged(_ patch: JSONValue, into object: JSONValue) -> JSONValue {
        guard case .object(let members) = patch else { return patch }
        var merged = object.object ?? JSONObject()
        for (key, value) in members {
            merged[key] = value.isNull ? nil : self.merged(value, into: merged[key] ?? .null)
        }
        return .object(merged)
    }
}
