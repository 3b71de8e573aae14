import JSON
import Kubernetes

extension ClusterState {
    /// Does everything but watches and lists.
    mutating func perform(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        let verb = operation.call.verb
        switch operation.call.subresource ?? "" {
        case "": return try performOnObject(operation)
        case "status" where operation.definition.hasStatus:
            switch verb {
            case .get: return try get(operation)
            case .update: return try update(operation)
            case .patch: return try patch(operation)
            default: break
            }
        case "scale" where operation.definition.scale != nil:
            switch verb {
            case .get: return try get(operation)
            case .update, .patch: return try changeScale(operation)
            default: break
            }
        case "finalize" where operation.stored == .namespace:
            if verb == .update { return try update(operation) }
        case "binding" where operation.stored == .pod:
            if verb == .create { return try bind(operation) }
        case "eviction" where operation.stored == .pod:
            if verb == .create { return try evict(operation) }
        default: throw .unknownResource
        }
        throw .methodNotAllowed
    }

    /// A binding that is posted to the collection of bindings names its pod itself.
    private mutating func bindNamed(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        guard operation.call.verb == .create, let pods = catalog[.pod] else { throw .methodNotAllowed }
        var inner = Operation(call: operation.call, definition: pods, now: operation.now)
        inner.call.name = operation.call.body?.name ?? ""
        return try bind(inner)
    }

    private mutating func performOnObject(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        let isNamed = !operation.call.name.isEmpty
        if operation.stored.plural == "bindings", operation.stored.group.isEmpty { return try bindNamed(operation) }
        guard operation.definition.verbs.contains(operation.call.verb.rawValue),
            operation.definition.verbs.count > 1
        else { throw .methodNotAllowed }
        switch operation.call.verb {
        case .get where isNamed: return try get(operation)
        case .create where !isNamed: return try create(operation)
        case .update where isNamed: return try update(operation)
        case .patch where isNamed: return try patch(operation)
        case .delete where isNamed: return try delete(operation)
        case .deletecollection where !isNamed: return try deleteCollection(operation)
        case .list: return try prepareList(operation).answer()
        default: throw .methodNotAllowed
        }
    }
}
