import JSON
import Kubernetes
import ObjectSchema

/// What CustomResourceDefinition objects have the server serve, and what they may hold.
enum CustomResources {
    /// Holds a definition back until its objects are gone.
    static let finalizer = "customresourcecleanup.apiextensions.k8s.io"

    // MARK: Serving

    /// One definition per served version; none when the names were not accepted.
    static func definitions(of object: JSONValue) -> [ResourceDefinition] {
        let spec = object["spec"] ?? [:]
        guard condition("Established", of: object) == "True", let stored = storedType(object) else { return [] }
        return (spec["versions"]?.array ?? []).compactMap { version in
            guard version["served"]?.bool == true, let name = version["name"]?.string else { return nil }
            var type = stored
            type.version = name
            let names = object["status"]?["acceptedNames"] ?? [:]
            let schema = schema(of: version, spec)
            let apiVersion = JSONValue.string(type.apiVersion)
            let storedVersion = JSONValue.string(stored.apiVersion)
            let fillsDefaults = hasDefaults(schema)
            return ResourceDefinition(
                type: type,
                stored: stored,
                singular: names["singular"]?.string,
                shortNames: names["shortNames"]?.array?.compactMap(\.string) ?? [],
                categories: names["categories"]?.array?.compactMap(\.string) ?? [],
                schema: schema,
                hasStatus: version["subresources"]?["status"] != nil,
                scale: scale(of: version),
                columns: columns(of: version),
                isCustom: true,
                toStored: { object in
                    var object = object
                    object["apiVersion"] = storedVersion
                    return object
                },
                fromStored: { object in
                    var object = object
                    object["apiVersion"] = apiVersion
                    return fillsDefaults ? schema.defaulted(object) : object
                }
            )
        }
    }

    private static func storedType(_ object: JSONValue) -> ResourceType? {
        let spec = object["spec"] ?? [:]
        let storage = spec["versions"]?.array?.first { $0["storage"]?.bool == true }
        guard let group = spec["group"]?.string, let version = storage?["name"]?.string,
            let kind = spec["names"]?["kind"]?.string, let plural = spec["names"]?["plural"]?.string
        else { return nil }
        return ResourceType(
            group: group,
            version: version,
            kind: kind,
            plural: plural,
            isNamespaced: spec["scope"] == "Namespaced"
        )
    }

    private static func schema(of version: JSONValue, _ spec: JSONValue) -> Schema {
        var structural = version["schema"]?["openAPIV3Schema"] ?? ["type": "object"]
        if spec["preserveUnknownFields"]?.bool == true { structural["x-kubernetes-preserve-unknown-fields"] = true }
        do {
            return try Schema(structural: structural, path: "")
        } catch {
            // The definition was checked when it was written; one from a later server may still know more.
            var open = Schema.Definition(.object)
            open.preservesUnknownFields = true
            return Schema(open)
        }
    }

    private static func hasDefaults(_ schema: Schema) -> Bool {
        schema.definition.defaultValue != nil || schema.element.map(hasDefaults) ?? false
            || schema.definition.fields.contains { hasDefaults($0.schema) }
    }

    private static func scale(of version: JSONValue) -> ResourceDefinition.Scale? {
        version["subresources"]?["scale"].map {
            .init(
                specReplicasPath: $0["specReplicasPath"]?.string ?? ".spec.replicas",
                statusReplicasPath: $0["statusReplicasPath"]?.string ?? ".status.replicas",
                labelSelectorPath: $0["labelSelectorPath"]?.string
            )
        }
    }

    private static func columns(of version: JSONValue) -> [ResourceDefinition.Column] {
        let columns =
            version["additionalPrinterColumns"]?.array ?? [
                ["name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"]
            ]
        return columns.map {
            .init(
                name: $0["name"]?.string ?? "",
                type: $0["type"]?.string ?? "string",
                format: $0["format"]?.string ?? "",
                description: $0["description"]?.string ?? "",
                priority: $0["priority"]?.integer ?? 0,
                jsonPath: $0["jsonPath"]?.string ?? ""
            )
        }
    }

    /// Refuses new objects of a definition that is on its way out.
    static func checkTaking(_ operation: Operation, _ state: ClusterState) throws(APIStatus) {
        let definition = state.object(.customResourceDefinition, ObjectKey(name: operation.stored.description))
        guard definition?.isBeingDeleted ?? false else { return }
        throw APIStatus(
            code: 405,
            reason: "MethodNotAllowed",
            message: "create not allowed while custom resource definition is terminating",
            group: operation.type.group,
            kind: operation.type.plural
        )
    }

    // MARK: Definitions

    /// Fills in names and versions, and says in the status which names are accepted.
    static func complete(_ object: inout JSONValue, old: JSONValue?, in state: ClusterState, now: Timestamp) {
        var spec = object["spec"] ?? [:]
        if let kind = spec["names"]?["kind"]?.string {
            if (spec["names"]?["singular"]?.string ?? "").isEmpty {
                spec[path: ["names", "singular"]] = .string(kind.lowercased())
            }
            if (spec["names"]?["listKind"]?.string ?? "").isEmpty {
                spec[path: ["names", "listKind"]] = .string(kind + "List")
            }
        }
        if spec["conversion"] == nil { spec["conversion"] = ["strategy": "None"] }
        object["spec"] = spec
        var status = old?["status"] ?? [:]
        if status["conditions"] == nil { status["conditions"] = [] }
        var versions = status["storedVersions"]?.array ?? []
        if let version = storedType(object)?.version, !versions.contains(.string(version)) {
            versions.append(.string(version))
        }
        status["storedVersions"] = .array(versions)
        let (accepted, conflict) = acceptance(of: object, status["acceptedNames"], state)
        status["acceptedNames"] = accepted
        object["status"] = status
        if let conflict {
            set(&object, "NamesAccepted", "False", conflict.reason, conflict.message, now)
            if condition("Established", of: object) != "True" {
                set(&object, "Established", "False", "NotAccepted", "not all names are accepted", now)
            }
        } else {
            set(&object, "NamesAccepted", "True", "NoConflicts", "no conflicts found", now)
            let reason = "InitialNamesAccepted"
            set(&object, "Established", "True", reason, "the initial names have been accepted", now)
        }
    }

    /// Which of the names no other definition of the group holds.
    private static func acceptance(
        of object: JSONValue,
        _ before: JSONValue?,
        _ state: ClusterState
    ) -> (JSONValue, (reason: String, message: String)?) {
        let names = object["spec"]?["names"] ?? [:]
        var resources: Set<String> = []
        var kinds: Set<String> = []
        for entry in state.table(.customResourceDefinition).all
        where entry.object.name != object.name && entry.object["spec"]?["group"] == object["spec"]?["group"] {
            let held = entry.object["status"]?["acceptedNames"] ?? [:]
            let texts = [held["plural"], held["singular"]] + (held["shortNames"]?.array ?? [])
            resources.formUnion(texts.compactMap { $0?.string })
            kinds.formUnion([held["kind"], held["listKind"]].compactMap { $0?.string })
        }
        var accepted = before ?? ["plural": "", "kind": ""]
        var conflict: (String, String)?
        func consider(_ field: String, _ reason: String, _ taken: Set<String>) {
            guard let name = names[field]?.string, !name.isEmpty else { return }
            if taken.contains(name) {
                conflict = (reason, "\"\(name)\" is already in use")
            } else {
                accepted[field] = .string(name)
            }
        }
        consider("plural", "PluralConflict", resources)
        consider("singular", "SingularConflict", resources)
        let short = names["shortNames"]?.array ?? []
        if let name = short.compactMap(\.string).first(where: resources.contains) {
            conflict = ("ShortNamesConflict", "\"\(name)\" is already in use")
        } else {
            accepted["shortNames"] = short.isEmpty ? nil : .array(short)
        }
        consider("kind", "KindConflict", kinds)
        consider("listKind", "ListKindConflict", kinds)
        accepted["categories"] = names["categories"]
        return (accepted, conflict)
    }

    /// A definition that is to go, with its objects.
    static func terminating(_ object: JSONValue, at now: Timestamp) -> JSONValue {
        var object = object
        object.setMeta("deletionTimestamp", .string(now.description))
        if !object.finalizers.contains(finalizer) { object.setFinalizers(object.finalizers + [finalizer]) }
        set(
            &object,
            "Terminating",
            "True",
            "InstanceDeletionInProgress",
            "CustomResource deletion is in progress",
            now
        )
        return object
    }

    private static func condition(_ type: String, of object: JSONValue) -> String? {
        object["status"]?["conditions"]?.array?.first { $0["type"]?.string == type }?["status"]?.string
    }

    private static func set(
        _ object: inout JSONValue,
        _ type: String,
        _ status: String,
        _ reason: String,
        _ message: String,
        _ now: Timestamp
    ) {
        var conditions = object["status"]?["conditions"]?.array ?? []
        let index = conditions.firstIndex { $0["type"]?.string == type }
        let isSame = index.map { conditions[$0]["status"]?.string == status } ?? false
        let since = isSame ? index.flatMap { conditions[$0]["lastTransitionTime"] } : nil
        let condition: JSONValue = [
            "type": .string(type), "status": .string(status),
            "lastTransitionTime": since ?? .string(now.description), "reason": .string(reason),
            "message": .string(message),
        ]
        if let index { conditions[index] = condition } else { conditions.append(condition) }
        object[path: ["status", "conditions"]] = .array(conditions)
    }

    // MARK: Rules

    static func faults(_ object: JSONValue) -> [APIStatus.Cause] {
        let spec = object["spec"] ?? [:]
        let names = spec["names"] ?? [:]
        var causes: [APIStatus.Cause] = []
        let group = spec["group"]?.string ?? ""
        let plural = names["plural"]?.string ?? ""
        if object.name != "\(plural).\(group)" {
            causes.append(
                .invalid("metadata.name", .string(object.name), "must be spec.names.plural+\".\"+spec.group")
            )
        }
        if group.isEmpty {
            causes.append(.required("spec.group"))
        } else {
            causes += Names.subdomainFaults(group).map { .invalid("spec.group", .string(group), $0) }
            if !group.contains(".") {
                causes.append(.invalid("spec.group", .string(group), "should be a domain with at least one dot"))
            }
        }
        let scope = spec["scope"]?.string ?? ""
        if scope.isEmpty {
            causes.append(.required("spec.scope"))
        } else if scope != "Cluster", scope != "Namespaced" {
            causes.append(.notSupported("spec.scope", .string(scope), ["Cluster", "Namespaced"]))
        }
        causes += versionFaults(spec["versions"]?.array ?? [])
        for field in ["plural", "singular", "kind", "listKind"] {
            let name = names[field]?.string ?? ""
            let place = "spec.names.\(field)"
            if name.isEmpty {
                if field != "singular" || !plural.isEmpty { causes.append(.required(place)) }
            } else {
                causes += Names.serviceFaults(name.lowercased()).map { .invalid(place, .string(name), $0) }
            }
        }
        if let kind = names["kind"]?.string, kind == names["listKind"]?.string {
            causes.append(
                .invalid("spec.names.listKind", .string(kind), "kind and listKind may not be the same")
            )
        }
        return causes
    }

    private static func versionFaults(_ versions: [JSONValue]) -> [APIStatus.Cause] {
        var causes: [APIStatus.Cause] = []
        var names: Set<String> = []
        for (index, version) in versions.enumerated() {
            let field = "spec.versions[\(index)]"
            let name = version["name"]?.string ?? ""
            causes += Names.serviceFaults(name).map { .invalid("\(field).name", .string(name), $0) }
            if !names.insert(name).inserted {
                causes.append(
                    .invalid("spec.versions", .array(versions), "must contain unique version names")
                )
            }
            let place = "\(field).schema.openAPIV3Schema"
            guard let structural = version["schema"]?["openAPIV3Schema"] else {
                causes.append(.required(place, "schemas are required"))
                continue
            }
            do {
                _ = try Schema(structural: structural, path: place)
            } catch {
                causes += error.problems.map { .init(reason: $0.reason, message: $0.body, field: $0.field) }
            }
        }
        if versions.filter({ $0["storage"]?.bool == true }).count != 1 {
            causes.append(
                .invalid("spec.versions", .array(versions), "must have exactly one version marked as storage version")
            )
        }
        return causes
    }
}
