import JSON
import Kubernetes

extension ClusterState {
    mutating func delete(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        guard let old = object(operation.stored, operation.key) else { throw operation.notFound }
        remove(old, operation)
        return gone(old, operation)
    }

    mutating func remove(_ object: JSONValue, _ operation: Operation) {
        guard !operation.call.isDryRun else { return }
        commit(operation.stored, object.key, nil)
    }

    /// Whether nothing holds an object back whose deletion was asked for.
    func isReadyToGo(_ object: JSONValue, _ operation: Operation) -> Bool {
        object.finalizers.isEmpty && object.meta("deletionGracePeriodSeconds")?.integer ?? 0 == 0
            && (object["spec"]?["finalizers"]?.array ?? []).isEmpty
    }

    private func gone(_ object: JSONValue, _ operation: Operation) -> APIAnswer {
        var details: JSONValue = ["name": .string(object.name)]
        if !operation.type.group.isEmpty { details["group"] = .string(operation.type.group) }
        details["kind"] = .string(operation.type.plural)
        details["uid"] = .string(object.uid)
        return APIAnswer([
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": details,
        ])
    }

    mutating func deleteCollection(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        var operation = operation
        operation.call.limit = nil
        let found = try prepareList(operation).answer()
        for item in found.body["items"]?.array ?? [] {
            operation.call.name = item.name
            operation.call.namespace = item.namespace
            do {
                _ = try delete(operation)
            } catch {
                guard error.code == 404 else { throw error }
            }
        }
        return found
    }
}
