package import JSON
package import Kubernetes
package import ObjectSchema

/// Server-side apply and `metadata.managedFields`: who owns which field of an object, and what that allows.
///
/// All objects of one call are in the version that the call names, and so are the paths of other managers.
///
/// - SeeAlso: kubernetes.io, "Server-Side Apply"; kubernetes-sigs/structured-merge-diff, whose results these are.
package enum FieldManagement {
    /// Gives an object what it is without content, where the API server's own types always have a field.
    ///
    /// A field that is always there is not made by whoever creates the object, and so not owned.
    static func emptyObject(_ schema: Schema) -> JSONValue {
        guard !schema.definition.modelName.isEmpty else { return [:] }
        return hollow(schema, isRoot: true)
    }

    private static let alwaysThere: Set = [
        "metadata", "spec", "status", "template", "jobTemplate", "strategy", "updateStrategy", "loadBalancer",
        "resources", "nodeInfo", "daemonEndpoints", "involvedObject", "source", "podSelector",
    ]

    private static func hollow(_ schema: Schema, isRoot: Bool = false) -> JSONValue {
        switch schema.shape {
        case .string, .any, .list: return schema.shape == .string ? "" : .null
        case .integer, .number: return 0
        case .boolean: return false
        case .intOrString, .quantity: return 0
        case .map: return .null
        case .object:
            var members = JSONObject()
            for (name, field) in schema.definition.fields {
                let isStructure = field.shape == .object && alwaysThere.contains(name)
                if isStructure || (!isRoot && schema.definition.required.contains(name)) {
                    members.set(name, hollow(field))
                }
            }
            return .object(members)
        }
    }

    /// Enters a write that is no apply: the manager owns what changed, the others lose it.
    ///
    /// What the new object says in `managedFields` counts, unless it is empty or malformed or a subresource is written:
    /// the old object's is kept then. One empty entry, `[{}]`, forgets all. An object without managers gets none by
    /// an update.
    ///
    /// - Parameters:
    ///   - old: What the object was; nil when it is created.
    ///   - resets: Paths that this write cannot change, which it cannot own either; nil for the status, or for all of
    ///     the spec when the status is written.
    /// - Returns: The new object with its managers.
    package static func update(
        _ new: JSONValue,
        old: JSONValue?,
        schema: Schema,
        manager: String,
        version: String,
        subresource: String?,
        now: Timestamp,
        resets: FieldSet? = nil
    ) -> JSONValue {
        var managed: ManagedFields
        let live = ManagedFields(old?["metadata"]?["managedFields"]) ?? ManagedFields()
        let sent = subresource == nil ? new["metadata"]?["managedFields"] : nil
        if let sent, sent.array?.count == 1, sent[0]?.object?.isEmpty == true {
            managed = ManagedFields()
        } else if let sent = ManagedFields(sent), !sent.isEmpty {
            managed = sent
        } else {
            managed = live
        }
        guard old == nil || !managed.isEmpty else { return written(new, managed) }
        let work = Work(schema: schema, resets: resets ?? Self.resets(subresource), now: now, version: version)
        let id = ManagedFields.Manager(
            name: manager,
            isApplier: false,
            version: version,
            subresource: subresource ?? ""
        )
        work.update(stripped(new), from: old.map(stripped) ?? emptyObject(schema), id, &managed)
        managed.limitUpdaters()
        return written(new, managed)
    }

    /// Applies a configuration: its fields are put into the object and owned by the manager.
    ///
    /// Fields that the manager applied before and does not any more are removed, unless others own them. An object
    /// that nobody manages yet is first given to `before-first-apply`. Without a change the object is returned as it
    /// is, times included.
    ///
    /// - Parameters:
    ///   - live: The object as it is; nil when there is none.
    ///   - force: Whether fields with other values are taken from their owners.
    ///   - resets: As for ``update(_:old:schema:manager:version:subresource:now:resets:)``.
    /// - Returns: The object with its managers.
    /// - Throws: ``ApplyProblem/conflicts(_:)`` when others own what the configuration changes and it is not forced.
    package static func apply(
        config: JSONValue,
        to live: JSONValue?,
        schema: Schema,
        manager: String,
        version: String,
        subresource: String?,
        force: Bool,
        now: Timestamp,
        resets: FieldSet? = nil
    ) throws(ApplyProblem) -> JSONValue {
        if let managed = config["metadata"]?["managedFields"], !managed.isNull {
            throw .refused("metadata.managedFields must be nil")
        }
        let work = Work(schema: schema, resets: resets ?? Self.resets(subresource), now: now, version: version)
        let config = stripped(config)
        let problems = ConfigurationCheck.problems(config, work.root)
        if !problems.isEmpty {
            let list = problems.count == 1 ? problems[0] : "errors:\n  " + problems.joined(separator: "\n  ")
            throw .untyped("failed to create typed patch object: \(list)")
        }
        var managed = ManagedFields(live?["metadata"]?["managedFields"]) ?? ManagedFields()
        let before = live.map(stripped)
        if managed.isEmpty, let before {
            let first = ManagedFields.Manager(
                name: "before-first-apply",
                isApplier: false,
                version: version,
                subresource: subresource ?? ""
            )
            work.update(before, from: emptyObject(schema), first, &managed)
        }
        let id = ManagedFields.Manager(name: manager, isApplier: true, version: version, subresource: subresource ?? "")
        let result = try work.apply(config, to: before ?? .object([:]), id, &managed, force: force)
        return written(result, managed)
    }

    private static func resets(_ subresource: String?) -> FieldSet {
        switch subresource {
        case nil: FieldSet([["status"]])
        case "status": FieldSet([["spec"]])
        default: FieldSet()
        }
    }

    private static func stripped(_ object: JSONValue) -> JSONValue {
        guard object["metadata"]?["managedFields"] != nil else { return object }
        var result = object
        result[path: ["metadata", "managedFields"]] = nil
        return result
    }

    private static func written(_ object: JSONValue, _ managed: ManagedFields) -> JSONValue {
        guard !managed.isEmpty else { return stripped(object) }
        var result = object
        result[path: ["metadata", "managedFields"]] = managed.value
        return result
    }
}

/// One write with what it needs to know.
private struct Work {
    let root: Schema
    let resets: FieldSet
    let now: Timestamp
    let version: String

    init(schema: Schema, resets: FieldSet, now: Timestamp, version: String) {
        root = MetadataSchema.completed(schema)
        self.resets = resets
        self.now = now.wholeSeconds
        self.version = version
    }

    /// What nobody owns: the server writes it, or it names the object.
    private static let system = FieldSet(
        [["apiVersion"], ["kind"], ["metadata"]]
            + [
                "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
                "managedFields", "resourceVersion",
            ].map { ["metadata", $0] }
    )

    func update(_ new: JSONValue, from old: JSONValue, _ id: ManagedFields.Manager, _ managed: inout ManagedFields) {
        let changes = FieldChanges(from: old, to: new, root)
        guard !changes.isEmpty else { return }
        // The manager loses like the others what goes; what changes stays or becomes its own.
        let lost = changes.changed.subtractingBelow(resets).union(changes.removed)
        for entry in managed.entries { managed.subtract(lost, from: entry.manager) }
        let gained = changes.changed.subtracting(changes.removed).subtractingBelow(resets).subtracting(Self.system)
        guard !gained.isEmpty else { return }
        let former = managed[id]?.fields ?? FieldSet()
        managed[id] = ManagedFields.Entry(manager: id, version: version, time: now, fields: former.union(gained))
    }

    func apply(
        _ config: JSONValue,
        to live: JSONValue,
        _ id: ManagedFields.Manager,
        _ managed: inout ManagedFields,
        force: Bool
    ) throws(ApplyProblem) -> JSONValue {
        let former = managed[id]
        let fields = FieldSet(of: config, root).subtractingBelow(resets)
        var result = ConfigurationMerge.merge(config, over: live, root)
        managed[id] = ManagedFields.Entry(manager: id, version: version, time: former?.time, fields: fields)
        if let former { result = pruned(result, former.fields, managed) }
        let changes = FieldChanges(from: live, to: result, root)
        try settle(changes, id, &managed, force: force)
        let own = (managed[id]?.fields ?? FieldSet()).subtracting(Self.system)
        let isChanged = !changes.isEmpty || own != former?.fields
        managed[id] = ManagedFields.Entry(
            manager: id,
            version: version,
            time: isChanged ? now : former?.time,
            fields: own
        )
        return changes.isEmpty ? live : result
    }

    /// Takes from the others what changed and what is gone.
    private func settle(
        _ changes: FieldChanges,
        _ id: ManagedFields.Manager,
        _ managed: inout ManagedFields,
        force: Bool
    ) throws(ApplyProblem) {
        let contested = changes.changed.subtractingBelow(resets)
        var conflicts: [ApplyConflict] = []
        for entry in managed.entries where entry.manager != id {
            for path in entry.fields.intersection(contested).paths {
                conflicts.append(ApplyConflict(manager: entry.manager.description, field: path))
            }
        }
        guard force || conflicts.isEmpty else {
            // Stable, so that the fields of one manager keep their order.
            let managers = Set(conflicts.map(\.manager)).sorted()
            throw .conflicts(managers.flatMap { name in conflicts.filter { $0.manager == name } })
        }
        for entry in managed.entries where entry.manager != id {
            managed.subtract(contested.union(changes.removed), from: entry.manager)
        }
    }

    /// Takes out what the manager applied before, and neither it nor anybody else owns now.
    private func pruned(_ merged: JSONValue, _ former: FieldSet, _ managed: ManagedFields) -> JSONValue {
        let all = FieldSet(of: merged, root).withNamedFields(root)
        let owned = managed.entries.reduce(FieldSet()) { $0.union($1.fields) }.withNamedFields(root)
        // Without all that the manager had, even what others own below it.
        let bare = ConfigurationMerge.remove(former.withNamedFields(root), from: merged, root) ?? [:]
        let left = FieldSet(of: bare, root).withNamedFields(root)
        let kept = ConfigurationMerge.remove(all.subtracting(left.union(owned)), from: merged, root) ?? [:]
        let stays = FieldSet(of: kept, root).withNamedFields(root)
        // What lies below something of the manager's, but was never the manager's own, comes back.
        let gone = all.subtracting(stays).intersection(former.withNamedFields(root))
        return ConfigurationMerge.remove(gone, from: merged, root) ?? [:]
    }
}
