import JSON
import Kubernetes

extension ClusterState {
    // MARK: Create

    mutating func create(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        var operation = operation
        if operation.definition.isCustom { try CustomResources.checkTaking(operation, self) }
        var object = try body(of: operation)
        try take(&object, into: &operation)
        object = operation.definition.toStored(try ObjectWork.normalised(object, operation.definition))
        if object.name.isEmpty, let base = object.meta("generateName")?.string, !base.isEmpty {
            object.setMeta("name", .string(freeName(base, operation)))
        }
        operation.call.name = object.name
        guard object.resourceVersion.isEmpty || object.resourceVersion == "0" else {
            throw APIStatus(
                code: 500,
                reason: "",
                message: "resourceVersion should not be set on objects to be created"
            )
        }
        if operation.type.isNamespaced { try checkNamespace(operation) }
        let rules = KindRules.of(operation.definition)
        try prepare(&object, rules, operation)
        object = manage(object, old: nil, operation)
        try validate(object, old: nil, ObjectMetaRules.faults(object, rules), operation)
        guard self.object(operation.stored, operation.key) == nil else {
            throw .alreadyExists(operation.type, operation.call.name)
        }
        return operation.answer(store(object, operation), code: 201)
    }

    /// Checks that the body is an object of the resource.
    func body(of operation: Operation) throws(APIStatus) -> JSONValue {
        let type = operation.type
        guard var object = operation.call.body, case .object = object else {
            throw .badRequest(
                "the object provided is unrecognized (must be of type \(type.kind)): couldn't get version/kind"
            )
        }
        let version = object["apiVersion"]?.string ?? ""
        let kind = object["kind"]?.string ?? ""
        if operation.definition.isCustom, kind.isEmpty {
            throw .badRequest(
                "\(type.kind) in version \"\(type.version)\" cannot be handled as a \(type.kind): "
                    + "unmarshalerDecoder: Object 'Kind' is missing in '\(Self.text(object))'"
            )
        }
        if version.isEmpty { object["apiVersion"] = .string(type.apiVersion) }
        if kind.isEmpty { object["kind"] = .string(type.kind) }
        if operation.definition.isCustom {
            guard version.isEmpty || version == type.apiVersion else {
                throw .badRequest(
                    "the API version in the data (\(version)) does not match the expected API version "
                        + "(\(type.apiVersion))"
                )
            }
            guard kind == type.kind else {
                var other = type
                other.kind = kind
                throw .invalid(other, object.name, [.invalid("kind", .string(kind), "must be \(type.kind)")])
            }
        } else {
            try checkKind(object, type)
        }
        guard object["metadata"].map({ $0.object != nil || $0.isNull }) ?? true else {
            throw .badRequest(
                "\(type.kind) in version \"\(type.version)\" cannot be handled as a \(type.kind): metadata is no object"
            )
        }
        if object["metadata"]?.object == nil { object["metadata"] = [:] }
        for field in ["labels", "annotations", "finalizers", "ownerReferences", "managedFields"] {
            switch object.meta(field) {
            case .null?: object.setMeta(field, nil)
            case .object(let members)? where members.isEmpty: object.setMeta(field, nil)
            case .array(let elements)? where elements.isEmpty: object.setMeta(field, nil)
            default: break
            }
        }
        return object
    }

    private func checkKind(_ object: JSONValue, _ type: ResourceType) throws(APIStatus) {
        let version = object["apiVersion"]?.string ?? ""
        let kind = object["kind"]?.string ?? ""
        guard version != type.apiVersion || kind != type.kind else { return }
        let isKnown = catalog.definitions.contains { $0.type.apiVersion == version && $0.type.kind == kind }
        let short = version.split(separator: "/").last ?? ""
        if kind == type.kind,
            isKnown || version.split(separator: "/").first == type.apiVersion.split(separator: "/").first,
            version.contains("/")
        {
            throw .badRequest(
                "the API version in the data (\(version)) does not match the expected API version "
                    + "(\(type.apiVersion))"
            )
        }
        let detail =
            isKnown
            ? "converting (\(short).\(kind)) to (core.\(type.kind)): unknown conversion"
            : "no kind \"\(kind)\" is registered for version \"\(version)\" in scheme "
                + "\"pkg/api/legacyscheme/scheme.go:30\""
        throw .badRequest("\(kind) in version \"\(short)\" cannot be handled as a \(type.kind): \(detail)")
    }

    private static func text(_ object: JSONValue) -> String {
        var writer = JSONWriter()
        writer.value(object)
        return String(decoding: writer.bytes, as: UTF8.self)
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
            let key = ObjectKey(namespace: operation.key.namespace, name: name)
            if object(operation.stored, key) == nil { return name }
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
        for field in [
            "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation", "resourceVersion",
        ] {
            object.setMeta(field, nil)
        }
        object.setMeta("uid", .string(chance.uid()))
        object.setMeta("creationTimestamp", .string(operation.now.description))
        if rules.hasGeneration { object.setMeta("generation", 1) }
        if operation.definition.hasStatus { object["status"] = nil }
        guard !operation.definition.isCustom else { return }
        KindAdmission.fill(&object, old: nil, operation.stored)
        switch (operation.stored.group, operation.stored.plural) {
        case ("", "services"): try addresses.complete(&object, old: nil)
        case ("", "pods"): try checkAccount(object, operation)
        case ("apiextensions.k8s.io", "customresourcedefinitions"):
            CustomResources.complete(&object, old: nil, in: self, now: operation.now)
        default: break
        }
    }

    private func checkAccount(_ pod: JSONValue, _ operation: Operation) throws(APIStatus) {
        guard options.requiresServiceAccounts else { return }
        let name = pod["spec"]?["serviceAccountName"]?.string ?? "default"
        let accounts = ResourceType(version: "v1", kind: "ServiceAccount", plural: "serviceaccounts")
        guard object(accounts, ObjectKey(namespace: operation.call.namespace, name: name)) == nil else { return }
        throw .forbidden(
            operation.type,
            pod.name,
            "error looking up service account \(operation.call.namespace)/\(name): "
                + "serviceaccount \"\(name)\" not found"
        )
    }

    // MARK: Update

    mutating func update(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        var operation = operation
        var object = try body(of: operation)
        guard !object.name.isEmpty else {
            throw .badRequest(
                "the name of the object (\(operation.call.name) based on URL) was undeterminable: "
                    + "name must be provided"
            )
        }
        try checkName(object, operation)
        try take(&object, into: &operation)
        object = operation.definition.toStored(try ObjectWork.normalised(object, operation.definition))
        let rules = KindRules.of(operation.definition)
        guard let old = self.object(operation.stored, operation.key) else {
            guard rules.mayCreateOnUpdate, operation.call.subresource == nil else { throw operation.notFound }
            operation.call.body = operation.definition.fromStored(object)
            return try create(operation)
        }
        guard rules.mayOverwrite || !object.resourceVersion.isEmpty else {
            let isService = operation.stored.plural == "services"
            var type = operation.type
            if !isService { type.kind = type.plural }
            throw .invalid(
                type,
                object.name,
                [
                    .init(
                        reason: "FieldValueInvalid",
                        message: "Invalid value: \(isService ? "\"\"" : "0x0"): must be specified for an update",
                        field: "metadata.resourceVersion"
                    )
                ]
            )
        }
        return operation.answer(try change(old, to: object, rules, operation))
    }

    func checkName(_ object: JSONValue, _ operation: Operation) throws(APIStatus) {
        guard object.name == operation.call.name else {
            throw .badRequest(
                "the name of the object (\(object.name)) does not match the name on the URL (\(operation.call.name))"
            )
        }
    }

    mutating func patch(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        var operation = operation
        let old = object(operation.stored, operation.key)
        if operation.call.patchFormat == .apply {
            let live = old.map(operation.definition.fromStored)
            let applied = try ObjectWork.applied(to: live, operation)
            operation.isManaged = true
            guard let old else {
                operation.call.body = applied
                operation.call.verb = .create
                return try create(operation)
            }
            try checkName(applied, operation)
            let object = operation.definition.toStored(try ObjectWork.normalised(applied, operation.definition))
            return operation.answer(try change(old, to: object, KindRules.of(operation.definition), operation))
        }
        guard let old else { throw operation.notFound }
        let seen = operation.definition.fromStored(old)
        var object = try ObjectWork.patched(seen, operation)
        try checkName(object, operation)
        operation.call.body = object
        object = try body(of: operation)
        guard !operation.type.isNamespaced || object.namespace == operation.call.namespace else {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        }
        object = operation.definition.toStored(try ObjectWork.normalised(object, operation.definition))
        return operation.answer(try change(old, to: object, KindRules.of(operation.definition), operation))
    }

    /// Writes an object over another one of the same name, both in the stored version.
    mutating func change(
        _ old: JSONValue,
        to proposed: JSONValue,
        _ rules: KindRules,
        _ operation: Operation
    ) throws(APIStatus) -> JSONValue {
        var object = proposed
        try checkVersion(object, old: old, operation)
        let metaFaults = ObjectMetaRules.changeFaults(object, old: old)
        for field in [
            "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink",
            "resourceVersion", "generateName",
        ] {
            object.setMeta(field, old.meta(field))
        }
        try admitChange(&object, old: old, operation)
        if rules.hasGeneration, operation.call.subresource == nil, isNewGeneration(object, old: old, rules, operation) {
            object.setMeta("generation", .integer((old.meta("generation")?.integer ?? 0) + 1))
        }
        object = manage(object, old: old, operation)
        try validate(object, old: old, metaFaults + metaFaults + ObjectMetaRules.faults(object, rules), operation)
        if object == old { return old }
        if object.isBeingDeleted, isReadyToGo(object) {
            remove(object, operation)
            return object
        }
        return store(object, operation)
    }

    func checkVersion(_ object: JSONValue, old: JSONValue, _ operation: Operation) throws(APIStatus) {
        let version = object.resourceVersion
        if !version.isEmpty, version != "0", version != old.resourceVersion {
            guard UInt64(version) != nil else {
                throw APIStatus(
                    code: 500,
                    reason: "",
                    message: "strconv.ParseUint: parsing \"\(version)\": invalid syntax"
                )
            }
            throw operation.conflict
        }
        guard object.uid.isEmpty || object.uid == old.uid else {
            let group = operation.type.group.isEmpty ? "" : "\(operation.type.group)/"
            throw .conflict(
                operation.type,
                operation.call.name,
                "StorageError: invalid object, Code: 4, Key: /registry/\(group)\(operation.type.plural)/"
                    + "\(operation.key.path), ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
                    + "UID in precondition: \(object.uid), UID in object meta: \(old.uid)"
            )
        }
    }

    private func isNewGeneration(
        _ object: JSONValue,
        old: JSONValue,
        _ rules: KindRules,
        _ operation: Operation
    ) -> Bool {
        if rules.countsAnnotations, object.meta("annotations") != old.meta("annotations") { return true }
        var new = object
        var before = old
        for field in ["metadata", "apiVersion"] + (operation.definition.hasStatus ? ["status"] : []) {
            new[field] = nil
            before[field] = nil
        }
        return new != before
    }

    /// Puts back what the call may not change, and completes the rest.
    private mutating func admitChange(
        _ object: inout JSONValue,
        old: JSONValue,
        _ operation: Operation
    ) throws(APIStatus) {
        let definition = operation.definition
        switch operation.call.subresource {
        case "status":
            let status = object["status"]
            let metadata = object["metadata"]
            object = old
            object["status"] = status
            if definition.isCustom || operation.stored == .customResourceDefinition {
                object.setMeta("managedFields", metadata?["managedFields"])
            } else {
                object["metadata"] = metadata
                object.setMeta("ownerReferences", old.meta("ownerReferences"))
                if operation.stored == .deployment { object.setMeta("labels", old.meta("labels")) }
            }
            return
        case "finalize":
            let spec = object["spec"]
            object = old
            object["spec"] = spec ?? [:]
            return
        default: break
        }
        if definition.hasStatus { object["status"] = old["status"] }
        guard !definition.isCustom else { return }
        KindAdmission.fill(&object, old: old, operation.stored)
        switch (operation.stored.group, operation.stored.plural) {
        case ("", "services"): try addresses.complete(&object, old: old)
        case ("", "namespaces"): object["spec"] = old["spec"]
        case ("apiextensions.k8s.io", "customresourcedefinitions"):
            CustomResources.complete(&object, old: old, in: self, now: operation.now)
        default: break
        }
    }

    private func validate(
        _ object: JSONValue,
        old: JSONValue?,
        _ found: [APIStatus.Cause],
        _ operation: Operation
    ) throws(APIStatus) {
        var causes = found
        let definition = operation.definition
        if !definition.isCustom, operation.call.subresource == nil {
            causes += KindAdmission.faults(object, operation.stored)
            if let old { causes += KindAdmission.changeFaults(object, old: old, operation.stored) }
            if operation.stored == .customResourceDefinition { causes += CustomResources.faults(object) }
        }
        // Objects that were taken under other rules may still be changed in what the rules do not see.
        let schemaFaults = ObjectWork.faults(
            definition.fromStored(object),
            old: old.map(definition.fromStored),
            definition
        )
        causes += schemaFaults.filter { !causes.contains($0) }
        guard causes.isEmpty else { throw .invalid(operation.type, object.name, causes) }
    }

    /// Writes the object, unless the call is a rehearsal.
    mutating func store(_ object: JSONValue, _ operation: Operation) -> JSONValue {
        guard !operation.call.isDryRun else { return object }
        return commit(operation.stored, object.key, object) ?? object
    }

    /// Enters into metadata.managedFields who wrote what.
    private func manage(_ object: JSONValue, old: JSONValue?, _ operation: Operation) -> JSONValue {
        guard !operation.isManaged else { return object }
        return ObjectWork.managed(object, old: old, operation)
    }
}
