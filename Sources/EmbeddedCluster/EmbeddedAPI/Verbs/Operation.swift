import JSON
import Kubernetes

/// A call on its way: what is asked, of which resource, and when.
struct Operation: Sendable {
    var call: APICall
    var definition: ResourceDefinition
    var now: Timestamp
    /// Whether managedFields were settled already, by a server-side apply.
    var isManaged = false

    /// The resource as the client named it.
    var type: ResourceType { definition.type }
    /// The resource under which objects are kept.
    var stored: ResourceType { definition.stored }
    var key: ObjectKey { ObjectKey(namespace: type.isNamespaced ? call.namespace : "", name: call.name) }

    /// Who is entered into managedFields.
    var manager: String {
        guard call.fieldManager.isEmpty else { return call.fieldManager }
        let name = call.userAgent.prefix { $0 != "/" }
        return name.isEmpty ? "unknown" : String(name.unicodeScalars.prefix(128).map(Character.init))
    }

    var conflict: APIStatus { .modified(type, call.name) }
    var notFound: APIStatus { .notFound(type, call.name) }

    func badRequest(_ message: String) -> APIStatus { .badRequest(message) }

    func answer(_ object: JSONValue, code: Int = 200) -> APIAnswer {
        APIAnswer(code: code, definition.fromStored(object))
    }
}
