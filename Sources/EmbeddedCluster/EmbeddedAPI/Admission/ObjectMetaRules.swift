import GoText
import JSON
import Kubernetes

/// What `metadata` may hold, for every kind.
enum ObjectMetaRules {
    private typealias Cause = APIStatus.Cause

    private static let annotationsLimitBytes = 256 * 1024
    private static let standardFinalizers = ["kubernetes", "orphan", "foregroundDeletion"]

    static func faults(_ object: JSONValue, _ rules: KindRules) -> [APIStatus.Cause] {
        var causes: [Cause] = []
        if let base = object.meta("generateName")?.string, !base.isEmpty {
            let stem = base.hasSuffix("-") ? base + "x" : base
            causes += rules.nameFaults(stem).map { .invalid("metadata.generateName", .string(base), $0) }
        }
        if object.name.isEmpty {
            causes.append(.required("metadata.name", "name or generateName is required"))
        } else {
            causes += rules.nameFaults(object.name).map { .invalid("metadata.name", .string(object.name), $0) }
        }
        causes += labelFaults(object.labels, "metadata.labels")
        causes += annotationFaults(object)
        causes += ownerFaults(object)
        causes += finalizerFaults(object)
        return causes
    }

    static func labelFaults(_ labels: JSONObject, _ field: String) -> [APIStatus.Cause] {
        var causes: [Cause] = []
        for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
            causes += Names.qualifiedNameFaults(key).map { .invalid(field, .string(key), $0) }
            causes += Names.labelValueFaults(value.string ?? "").map { .invalid(field, value, $0) }
        }
        return causes
    }

    /// What must not change of an object's metadata, given the proposal before the server's fields are put back.
    static func changeFaults(_ object: JSONValue, old: JSONValue) -> [APIStatus.Cause] {
        var causes: [Cause] = []
        if old.isBeingDeleted {
            let added = object.finalizers.filter { !old.finalizers.contains($0) }
            if !added.isEmpty {
                let list = added.map(GoText.quoted).joined(separator: ", ")
                causes.append(
                    .forbidden(
                        "metadata.finalizers",
                        "no new finalizers can be added if the object is being deleted, "
                            + "found new finalizers []string{\(list)}"
                    )
                )
            }
        }
        if !old.isBeingDeleted, let time = object.meta("deletionTimestamp")?.string {
            causes.append(immutable("metadata.deletionTimestamp", goTime(time)))
        }
        return causes
    }

    private static func immutable(_ field: String, _ value: String) -> Cause {
        Cause(reason: "FieldValueInvalid", message: "Invalid value: \(value): field is immutable", field: field)
    }

    private static func goTime(_ text: String) -> String {
        guard let time = Timestamp(text) else { return text }
        return time.description.replacing("T", with: " ").replacing("Z", with: " +0000 UTC")
    }

    private static func annotationFaults(_ object: JSONValue) -> [Cause] {
        let annotations = object.meta("annotations")?.object ?? [:]
        var causes: [Cause] = []
        var size = 0
        for (key, value) in annotations.sorted(by: { $0.key < $1.key }) {
            causes += Names.qualifiedNameFaults(key.lowercased()).map {
                .invalid("metadata.annotations", .string(key), $0)
            }
            size += key.utf8.count + (value.string?.utf8.count ?? 0)
        }
        if size > annotationsLimitBytes {
            causes.append(
                Cause(
                    reason: "FieldValueTooLong",
                    message: "Too long: must have at most \(annotationsLimitBytes) bytes",
                    field: "metadata.annotations"
                )
            )
        }
        return causes
    }

    private static func ownerFaults(_ object: JSONValue) -> [Cause] {
        var causes: [Cause] = []
        var controller: String?
        for owner in object.meta("ownerReferences")?.array ?? [] {
            let version = owner["apiVersion"]?.string ?? ""
            let kind = owner["kind"]?.string ?? ""
            let field = "metadata.ownerReferences"
            if version.isEmpty { causes.append(.invalid("\(field).apiVersion", "", "version must not be empty")) }
            if kind.isEmpty { causes.append(.invalid("\(field).kind", "", "kind must not be empty")) }
            if (owner["name"]?.string ?? "").isEmpty {
                causes.append(.invalid("\(field).name", "", "name must not be empty"))
            }
            if (owner["uid"]?.string ?? "").isEmpty {
                causes.append(.invalid("\(field).uid", "", "uid must not be empty"))
            }
            if version == "v1", kind == "Event" {
                causes.append(invalidOwner(owner, "/v1, Kind=Event is disallowed from being an owner"))
            }
            if owner["controller"]?.bool == true {
                if let controller {
                    causes.append(
                        invalidOwner(
                            nil,
                            "Only one reference can have Controller set to true. Found \"true\" in references for "
                                + "\(controller) and \(owner["name"]?.string ?? "")"
                        )
                    )
                } else {
                    controller = owner["name"]?.string ?? ""
                }
            }
        }
        return causes
    }

    private static func invalidOwner(_ owner: JSONValue?, _ detail: String) -> Cause {
        func text(_ field: String) -> String { GoText.quoted(owner?[field]?.string ?? "") }
        func flag(_ field: String) -> String { owner?[field]?.bool == nil ? "(*bool)(nil)" : "(*bool)(0xc000000000)" }
        let shown =
            owner == nil
            ? "[]v1.OwnerReference"
            : "v1.OwnerReference{APIVersion:\(text("apiVersion")), Kind:\(text("kind")), Name:\(text("name")), "
                + "UID:\(text("uid")), Controller:\(flag("controller")), "
                + "BlockOwnerDeletion:\(flag("blockOwnerDeletion"))}"
        return Cause(
            reason: "FieldValueInvalid",
            message: "Invalid value: \(shown): \(detail)",
            field: "metadata.ownerReferences"
        )
    }

    private static func finalizerFaults(_ object: JSONValue) -> [Cause] {
        let finalizers = object.finalizers
        var causes: [Cause] = finalizers.flatMap { finalizer in
            Names.qualifiedNameFaults(finalizer).map { .invalid("metadata.finalizers", .string(finalizer), $0) }
        }
        for (index, finalizer) in finalizers.enumerated()
        where !finalizer.contains("/") && !standardFinalizers.contains(finalizer) {
            causes.append(
                .invalid(
                    "metadata.finalizers[\(index)]",
                    .string(finalizer),
                    "name is neither a standard finalizer name nor is it fully qualified"
                )
            )
        }
        if finalizers.contains("orphan"), finalizers.contains("foregroundDeletion") {
            causes.append(
                .invalid(
                    "metadata.finalizers",
                    .strings(finalizers),
                    "finalizer orphan and foregroundDeletion cannot be both set"
                )
            )
        }
        return causes
    }
}
