import JSON
import Kubernetes

extension ClusterState {
    // MARK: Create

    mutating func create(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        var operation = operation
        var object = try body(of: operation)
        try take(&object, into: &operation)
        object = operation.definition.toStored(object)
        if object.name.isEmpty, let base = object.meta("generateName")?.string, !base.isEmpty {
            object.setMeta("name", .string(freeName(base, operation)))
        }
        operation.call.name = object.name
        guard operation.call.resourceVersion ?? object.resourceVersion == "" else {
            throw APIStatus(
                code: 500,
                reason: "InternalError",
                message: "resourceVersion should not be set on objects to be created"
            )
        }
        if operation.type.isNamespaced { try checkNamespace(operation) }
        let rules = KindRules.of(operation.definition)
        try prepare(&object, rules, operation)
        object = manage(object, old: nil, operation)
        try validate(object, rules, operation)
        guard self.object(operation.stored, operation.key) == nil else {
            throw .alreadyExists(operation.type, operation.call.name)
        }
        return operation.answer(store(object, operation), code: 201)
    }

    /// Checks that the body is an object of the resource.
    func body(of operation: Operation) throws(APIStatus) -> JSONValue {
        let type = operation.type
        guard var object = operation.call.body, case .object = object else {
            throw .badRequest("the body of the request must be an object")
        }
        let version = object["apiVersion"]?.string ?? ""
        let kind = object["kind"]?.string ?? ""
        if version.isEmpty { object["apiVersion"] = .string(type.apiVersion) }
        if kind.isEmpty { object["kind"] = .string(type.kind) }
        guard version.isEmpty || version == type.apiVersion else {
            throw .badRequest(
                "the API version in the data (\(version)) does not match the expected API version "
                    + "(\(type.apiVersion))"
            )
        }
        guard kind.isEmpty || kind == type.kind else {
            throw .badRequest(
                "\(kind) in version \"\(type.version)\" cannot be handled as a \(type.kind): no kind \"\(kind)\" is "
                    + "registered for version \"\(type.apiVersion)\""
            )
        }
        guard object["metadata"].map({ $0.object != nil || $0.isNull }) ?? true else {
            throw .badRequest("metadata must be an object")
        }
        if object["metadata"]?.object == nil { object["metadata"] = [:] }
        return object
    }

    /// Brings the namespace of the object and that of the call together.
    private func take(_ object: inout JSONValue, into operation: inout Operation) throws(APIStatus) {
        guard operation.type.isNamespaced else {
            object.setMeta("namespace", nil)
            return
        }
        if operation.call.namespace.isEmpty { operation.call.namespace = object.namespace }
        guard !operation.call.namespace.isEmpty else {
            throw .badRequest("an empty namespace may not be set during creation")
        }
        guard object.namespace.isEmpty || object.namespace == operation.call.namespace else {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        }
        object.setMeta("namespace", .string(operation.call.namespace))
    }

    private mutating func freeName(_ base: String, _ operation: Operation) -> String {
        let stem = String(base.prefix(58))
        while true {
            let name = stem + chance.suffix()
            if object(operation.stored, ObjectKey(namespace: operation.key.namespace, name: name)) == nil {
                return name
            }
        }
    }

    private func checkNamespace(_ operation: Operation) throws(APIStatus) {
        let namespace = operation.call.namespace
        guard let object = object(.namespace, ObjectKey(name: namespace)) else {
            throw .notFound(.namespace, namespace)
        }
        guard object.isBeingDeleted || object["status"]?["phase"] == "Terminating" else { return }
        var status = APIStatus.forbidden(
            operation.type,
            operation.call.name,
            "unable to create new content in namespace \(namespace) because it is being terminated"
        )
        status.causes = [
            .init(
                reason: "NamespaceTerminating",
                message: "namespace \(namespace) is being terminated",
                field: "metadata.namespace"
            )
        ]
        throw status
    }

    /// Gives a new object what only the server gives.
    private mutating func prepare(
        _ object: inout JSONValue,
        _ rules: KindRules,
        _ operation: Operation
    ) throws(APIStatus) {
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"] {
            object.setMeta(field, nil)
        }
        object.setMeta("uid", .string(chance.uid()))
        object.setMeta("creationTimestamp", .string(operation.now.description))
        if rules.hasGeneration { object.setMeta("generation", 1) }
        try admitNew(&object, operation)
    }

    // MARK: Update

    mutating func update(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        var operation = operation
        var object = try body(of: operation)
        if object.name.isEmpty { object.setMeta("name", .string(operation.call.name)) }
        guard object.name == operation.call.name else {
            throw .badRequest(
                "the name of the object (\(object.name)) does not match the name on the URL (\(operation.call.name))"
            )
        }
        try take(&object, into: &operation)
        object = operation.definition.toStored(object)
        let rules = KindRules.of(operation.definition)
        guard let old = self.object(operation.stored, operation.key) else {
            guard rules.mayCreateOnUpdate, operation.call.subresource == nil else { throw operation.notFound }
            operation.call.body = operation.definition.fromStored(object)
            return try create(operation)
        }
        guard rules.mayOverwrite || !object.resourceVersion.isEmpty else {
            throw .invalid(
                operation.type,
                object.name,
                [
                    .init(
                        reason: "FieldValueInvalid",
                        message: "Invalid value: 0x0: must be specified for an update",
                        field: "metadata.resourceVersion"
                    )
                ]
            )
        }
        return operation.answer(try change(old, to: object, rules, operation))
    }

    mutating func patch(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        guard let old = object(operation.stored, operation.key) else { throw operation.notFound }
        let seen = operation.definition.fromStored(old)
        let object = try ObjectWork.patched(seen, operation)
        guard object.name == operation.call.name else {
            throw .badRequest(
                "the name of the object (\(object.name)) does not match the name on the URL (\(operation.call.name))"
            )
        }
        let rules = KindRules.of(operation.definition)
        return operation.answer(try change(old, to: operation.definition.toStored(object), rules, operation))
    }

    /// Writes an object over another one of the same name, both in the stored version.
    mutating func change(
        _ old: JSONValue,
        to proposed: JSONValue,
        _ rules: KindRules,
        _ operation: Operation
    ) throws(APIStatus) -> JSONValue {
        var object = proposed
        if !object.resourceVersion.isEmpty, object.resourceVersion != "0",
            object.resourceVersion != old.resourceVersion
        {
            throw operation.conflict
        }
        if !object.uid.isEmpty, object.uid != old.uid {
            throw .conflict(
                operation.type,
                operation.call.name,
                "Precondition failed: UID in precondition: \(object.uid), UID in object meta: \(old.uid)"
            )
        }
        for field in [
            "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink",
            "resourceVersion",
        ] {
            object.setMeta(field, old.meta(field))
        }
        try admitChange(&object, old: old, operation)
        if rules.hasGeneration, object["spec"] != old["spec"] {
            object.setMeta("generation", .integer((old.meta("generation")?.integer ?? 0) + 1))
        }
        object = manage(object, old: old, operation)
        try validateChange(object, old: old, rules, operation)
        if object == old { return old }
        if object.isBeingDeleted, isReadyToGo(object, operation) {
            remove(object, operation)
            return object
        }
        return store(object, operation)
    }

    /// Writes the object, unless the call is a rehearsal.
    mutating func store(_ object: JSONValue, _ operation: Operation) -> JSONValue {
        guard !operation.call.isDryRun else { return object }
        return commit(operation.stored, object.key, object) ?? object
    }

    private func manage(_ object: JSONValue, old: JSONValue?, _ operation: Operation) -> JSONValue { object }

    private mutating func admitNew(_ object: inout JSONValue, _ operation: Operation) throws(APIStatus) {}

    private mutating func admitChange(
        _ object: inout JSONValue,
        old: JSONValue,
        _ operation: Operation
    ) throws(APIStatus) {
        let subresource = operation.call.subresource
        if subresource == "status" {
            let status = object["status"]
            object = old
            object["status"] = status
        } else if operation.definition.hasStatus {
            object["status"] = old["status"]
        }
    }

    private func validate(_ object: JSONValue, _ rules: KindRules, _ operation: Operation) throws(APIStatus) {
        var causes: [APIStatus.Cause] = []
        if object.name.isEmpty {
            causes.append(.required("metadata.name", "name or generateName is required"))
        } else {
            causes += rules.nameFaults(object.name).map { .invalid("metadata.name", .string(object.name), $0) }
        }
        guard causes.isEmpty else { throw .invalid(operation.type, object.name, causes) }
    }

    private func validateChange(
        _ object: JSONValue,
        old: JSONValue,
        _ rules: KindRules,
        _ operation: Operation
    ) throws(APIStatus) {}
}
