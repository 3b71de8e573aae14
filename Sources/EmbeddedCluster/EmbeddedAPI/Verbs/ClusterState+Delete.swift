import JSON
import Kubernetes

/// What is asked of a deletion, from the query and the `DeleteOptions` in the body.
struct DeleteChoices: Sendable {
    var gracePeriodSeconds: Int?
    /// `Foreground`, `Background` or `Orphan`.
    var policy: String?
    var uid: String?
    var resourceVersion: String?

    init(_ call: APICall) throws(APIStatus) {
        let body = call.verb == .delete || call.verb == .deletecollection ? call.body : nil
        try self.init(
            options: body,
            gracePeriodSeconds: call.gracePeriodSeconds,
            policy: call.propagationPolicy
        )
    }

    init(options: JSONValue?, gracePeriodSeconds: Int? = nil, policy: String? = nil) throws(APIStatus) {
        self.gracePeriodSeconds = options?["gracePeriodSeconds"]?.integer ?? gracePeriodSeconds
        self.policy = options?["propagationPolicy"]?.string ?? policy
        uid = options?["preconditions"]?["uid"]?.string
        resourceVersion = options?["preconditions"]?["resourceVersion"]?.string
        let type = ResourceType(group: "meta.k8s.io", version: "v1", kind: "DeleteOptions", plural: "deleteoptions")
        let orphans = options?["orphanDependents"]?.bool
        if let policy = self.policy {
            guard orphans == nil else {
                let detail = "orphanDependents and deletionPropagation cannot be both set"
                throw .invalid(type, "", [.invalid("propagationPolicy", .string(policy), detail)])
            }
            guard ["Foreground", "Background", "Orphan"].contains(policy) else {
                let allowed = ["Foreground", "Background", "Orphan", "nil"]
                throw .invalid(type, "", [.notSupported("propagationPolicy", .string(policy), allowed)])
            }
        } else if let orphans {
            self.policy = orphans ? "Orphan" : "Background"
        }
    }
}

extension ClusterState {
    mutating func delete(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        guard let old = object(operation.stored, operation.key) else { throw operation.notFound }
        let choices = try DeleteChoices(operation.call)
        try check(choices, old, operation)
        switch operation.stored {
        case .namespace: return try deleteNamespace(old, choices, operation)
        case .customResourceDefinition: return deleteDefinition(old, operation)
        default: return delete(old, choices, operation)
        }
    }

    private func check(_ choices: DeleteChoices, _ object: JSONValue, _ operation: Operation) throws(APIStatus) {
        // Deletions name the kind where other refusals name the resource.
        var type = operation.type
        type.plural = type.kind
        if let uid = choices.uid, uid != object.uid {
            throw .conflict(
                type,
                object.name,
                "the UID in the precondition (\(uid)) does not match the UID in record (\(object.uid)). "
                    + "The object might have been deleted and then recreated"
            )
        }
        if let version = choices.resourceVersion, version != object.resourceVersion {
            throw .conflict(
                type,
                object.name,
                "the ResourceVersion in the precondition (\(version)) does not match the ResourceVersion in record "
                    + "(\(object.resourceVersion)). The object might have been modified"
            )
        }
    }

    /// Deletes an object at once, or marks it when something holds it back.
    mutating func delete(_ old: JSONValue, _ choices: DeleteChoices, _ operation: Operation) -> APIAnswer {
        let rules = KindRules.of(operation.definition)
        var object = old
        var grace: Int?
        if operation.stored == .pod {
            guard let period = shorten(&object, choices, operation) else { return operation.answer(old) }
            grace = period
        }
        object.setFinalizers(finalizers(of: object, choices.policy, rules))
        if grace == nil {
            guard !object.finalizers.isEmpty else {
                remove(old, operation)
                return rules.answersDeleted ? operation.answer(old) : gone(old, operation)
            }
            mark(&object, at: operation.now, graceSeconds: 0)
        }
        object = object == old ? old : store(object, operation)
        if object.finalizers.isEmpty, grace == 0 { remove(object, operation) }
        return operation.answer(object)
    }

    /// Sets a pod's time of deletion, or brings it forward.
    ///
    /// - Returns: The grace period in seconds; nil when the pod is being deleted already and not to go sooner.
    private func shorten(_ pod: inout JSONValue, _ choices: DeleteChoices, _ operation: Operation) -> Int? {
        if pod.isBeingDeleted {
            let running = pod.meta("deletionGracePeriodSeconds")?.integer ?? 0
            guard let asked = choices.gracePeriodSeconds.map({ max($0, 0) }), asked < running,
                let time = pod.meta("deletionTimestamp")?.string.flatMap(Timestamp.init)
            else { return nil }
            let sooner = time - .seconds(running) + .seconds(asked)
            pod.setMeta("deletionTimestamp", .string(sooner.description))
            pod.setMeta("deletionGracePeriodSeconds", .integer(asked))
            return asked
        }
        var period = choices.gracePeriodSeconds ?? pod["spec"]?["terminationGracePeriodSeconds"]?.integer ?? 30
        let phase = pod["status"]?["phase"]?.string ?? ""
        if period < 0 || (pod["spec"]?["nodeName"]?.string ?? "").isEmpty || phase == "Succeeded" || phase == "Failed" {
            period = 0
        }
        mark(&pod, at: operation.now, graceSeconds: period)
        return period
    }

    private func mark(_ object: inout JSONValue, at now: Timestamp, graceSeconds: Int) {
        object.setMeta("deletionGracePeriodSeconds", .integer(graceSeconds))
        guard !object.isBeingDeleted else { return }
        object.setMeta("deletionTimestamp", .string((now + .seconds(graceSeconds)).description))
        if let generation = object.meta("generation")?.integer, generation > 0 {
            object.setMeta("generation", .integer(generation + 1))
        }
    }

    /// The finalizers that an object has once it is to be deleted with a policy.
    private func finalizers(of object: JSONValue, _ policy: String?, _ rules: KindRules) -> [String] {
        let own = object.finalizers
        var isOrphaning = false
        var isForeground = false
        switch policy {
        case "Orphan": isOrphaning = true
        case "Foreground": isForeground = true
        case nil:
            isOrphaning = own.contains("orphan")
            isForeground = own.contains("foregroundDeletion")
            if !isOrphaning, !isForeground { isOrphaning = rules.orphansByDefault }
        default: break
        }
        var finalizers = own.filter { $0 != "orphan" && $0 != "foregroundDeletion" }
        if isOrphaning { finalizers.append("orphan") }
        if isForeground { finalizers.append("foregroundDeletion") }
        return Set(finalizers) == Set(own) ? own : finalizers
    }

    private mutating func deleteNamespace(
        _ old: JSONValue,
        _ choices: DeleteChoices,
        _ operation: Operation
    ) throws(APIStatus) -> APIAnswer {
        guard !["default", "kube-system", "kube-public"].contains(old.name) else {
            throw .forbidden(operation.type, old.name, "this namespace may not be deleted")
        }
        guard old.isBeingDeleted else {
            var object = old
            object.setFinalizers(finalizers(of: old, choices.policy, KindRules()))
            object.setMeta("deletionTimestamp", .string(operation.now.description))
            object[path: ["status", "phase"]] = "Terminating"
            return operation.answer(store(object, operation))
        }
        guard (old["spec"]?["finalizers"]?.array ?? []).isEmpty else { return operation.answer(old) }
        return delete(old, choices, operation)
    }

    private mutating func deleteDefinition(_ old: JSONValue, _ operation: Operation) -> APIAnswer {
        guard !old.isBeingDeleted else { return operation.answer(old) }
        let object = store(CustomResources.terminating(old, at: operation.now), operation)
        guard !operation.call.isDryRun else { return operation.answer(object) }
        if let definition = catalog.custom(of: old.name) {
            var each = Operation(
                call: APICall(.delete, definition.type),
                definition: definition,
                now: operation.now
            )
            for entry in table(definition.stored).all {
                each.call.name = entry.object.name
                each.call.namespace = entry.object.namespace
                if let choices = try? DeleteChoices(options: nil) { _ = delete(entry.object, choices, each) }
            }
        }
        sweepDefinition(named: old.name)
        return operation.answer(object)
    }

    /// Removes a custom resource definition that is to go, once the last of its objects is gone.
    private mutating func sweepDefinition(named name: String) {
        guard let object = object(.customResourceDefinition, ObjectKey(name: name)), object.isBeingDeleted else {
            return
        }
        if let definition = catalog.custom(of: name), table(definition.stored).count > 0 { return }
        let left = object.finalizers.filter { $0 != CustomResources.finalizer }
        if left.isEmpty {
            commit(.customResourceDefinition, object.key, nil)
        } else if left.count < object.finalizers.count {
            var object = object
            object.setFinalizers(left)
            commit(.customResourceDefinition, object.key, object)
        }
    }

    mutating func remove(_ object: JSONValue, _ operation: Operation) {
        guard !operation.call.isDryRun else { return }
        commit(operation.stored, object.key, nil)
        if operation.definition.isCustom { sweepDefinition(named: operation.stored.description) }
    }

    /// Whether nothing holds an object back whose deletion was asked for.
    func isReadyToGo(_ object: JSONValue) -> Bool {
        object.finalizers.isEmpty && object.meta("deletionGracePeriodSeconds")?.integer ?? 0 == 0
            && (object["kind"] != "Namespace" || (object["spec"]?["finalizers"]?.array ?? []).isEmpty)
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
        let found = try prepareList(operation).answer()
        operation.call.verb = .delete
        for item in found.body["items"]?.array ?? [] {
            operation.call.name = item.name
            operation.call.namespace = item.namespace
            do {
                _ = try delete(operation)
            } catch {
                // Another one's deletion may have taken it along.
                guard error.code == 404 else { throw error }
            }
        }
        return found
    }
}
