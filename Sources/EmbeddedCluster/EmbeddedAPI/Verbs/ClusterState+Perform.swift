import JSON
import Kubernetes

extension ClusterState {
    /// Does everything but watches and lists.
    mutating func perform(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        switch operation.call.verb {
        case .get: return try get(operation)
        case .create: return try create(operation)
        case .update: return try update(operation)
        case .patch: return try patch(operation)
        case .delete: return try delete(operation)
        case .deletecollection: return try deleteCollection(operation)
        case .list: return try prepareList(operation).answer()
        case .watch: throw .methodNotAllowed(operation.type, "watch")
        }
    }

    func scale(of object: JSONValue, _ operation: Operation) throws(APIStatus) -> JSONValue { throw .unknownResource }

    func check(_ fields: FieldSelector, _ operation: Operation) throws(APIStatus) {}
}
