import JSON
import Kubernetes

/// The state of a ``MiniAPIServer``: objects, versions and what happened, without any network.
struct MiniStorage {
    /// Something that happened to an object.
    struct Happening {
        var version: Int
        var type: ResourceType
        var old: JSONValue?
        var new: JSONValue?
    }

    struct Kind: Hashable {
        var type: ResourceType
        var hasStatus: Bool
    }

    struct Write {
        var type: ResourceType
        var key: ObjectKey
        var subresource: String?
        var manager: String
        var dryRun: Bool
    }

    private(set) var version = 100
    /// Before this version nothing is known of what happened.
    private(set) var compacted = 0
    private(set) var kinds: [Kind]
    private(set) var happenings: [Happening] = []
    private var objects: [ResourceType: [ObjectKey: JSONValue]] = [:]
    private var applied: [String: MiniApply] = [:]
    private var uids = 0
    /// Fields that are dropped from what is written.
    var unknownFields: [ResourceType: [[String]]] = [:]
    var now: Timestamp

    init(kinds: [Kind], now: Timestamp) {
        self.kinds = kinds
        self.now = now
    }

    // MARK: Reading

    func kind(group: String, version: String, plural: String) -> Kind? {
        kinds.first { $0.type.group == group && $0.type.version == version && $0.type.plural == plural }
    }

    func get(_ type: ResourceType, _ key: ObjectKey) -> JSONValue? { objects[type]?[key] }

    func list(_ type: ResourceType) -> [JSONValue] {
        (objects[type] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
    }

    // MARK: Writing

    mutating func create(_ object: JSONValue, _ write: Write) throws(MiniRefusal) -> JSONValue {
        var object = object
        var key = write.key
        if key.name.isEmpty, let prefix = object[path: ["metadata", "generateName"]]?.string {
            uids += 1
            key.name = prefix + String(uids + 0xA000, radix: 36)
        }
        guard !key.name.isEmpty else {
            throw MiniRefusal(
                code: 422,
                reason: "Invalid",
                message:
                    "\(write.type.kind) is invalid: metadata.name: Required value: name or generateName is required",
                causes: [("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")]
            )
        }
        guard get(write.type, key) == nil else {
            throw MiniRefusal(
                code: 409,
                reason: "AlreadyExists",
                message: "\(write.type) \"\(key.name)\" already exists"
            )
        }
        uids += 1
        object[path: ["metadata", "name"]] = .string(key.name)
        if write.type.isNamespaced { object[path: ["metadata", "namespace"]] = .string(key.namespace) }
        object[path: ["metadata", "uid"]] = .string("uid-\(uids)")
        object[path: ["metadata", "generation"]] = 1
        object[path: ["metadata", "creationTimestamp"]] = .string(now.description)
        object[path: ["metadata", "deletionTimestamp"]] = nil
        object["apiVersion"] = .string(write.type.apiVersion)
        object["kind"] = .string(write.type.kind)
        if hasStatus(write.type) { object["status"] = nil }
        for path in unknownFields[write.type] ?? [] { object[path: path] = nil }
        return store(object, old: nil, write, key)
    }

    /// Replaces an object by what `change` makes of it.
    mutating func update(
        _ write: Write,
        _ change: (JSONValue) throws(MiniRefusal) -> JSONValue
    ) throws(MiniRefusal) -> JSONValue {
        guard let old = get(write.type, write.key) else { throw Self.missing(write.type, write.key) }
        let wanted = try change(old)
        try checkIdentity(wanted, old, write)
        var new: JSONValue
        if write.subresource == "status" {
            new = old
            new["status"] = wanted["status"]
        } else {
            new = wanted
            if hasStatus(write.type) { new["status"] = old["status"] }
        }
        for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "generation"] {
            new[path: ["metadata", field]] = old[path: ["metadata", field]]
        }
        new["apiVersion"] = old["apiVersion"]
        new["kind"] = old["kind"]
        new[path: ["metadata", "resourceVersion"]] = old[path: ["metadata", "resourceVersion"]]
        for path in unknownFields[write.type] ?? [] { new[path: path] = nil }
        // A write that changes nothing makes no version.
        guard new != old else { return old }
        if Self.specification(new) != Self.specification(old) {
            new[path: ["metadata", "generation"]] = .integer((old[path: ["metadata", "generation"]]?.integer ?? 0) + 1)
        }
        if isGone(new) {
            if !write.dryRun { remove(write.type, write.key, last: new) }
            return new
        }
        return store(new, old: old, write, write.key)
    }

    mutating func apply(_ wanted: JSONValue, _ write: Write, force: Bool) throws(MiniRefusal) -> (JSONValue, Bool) {
        var wanted = wanted
        wanted[path: ["metadata", "managedFields"]] = nil
        let id = "\(write.type) \(write.key)"
        var fields = applied[id] ?? MiniApply()
        let isNew = get(write.type, write.key) == nil
        let result: JSONValue
        if isNew {
            let empty = try fields.apply(wanted, to: [:], manager: write.manager, force: force)
            result = try create(empty, write)
        } else {
            result = try update(write) { (old) throws(MiniRefusal) in
                try fields.apply(wanted, to: old, manager: write.manager, force: force)
            }
        }
        if !write.dryRun { applied[id] = fields }
        return (result, isNew)
    }

    /// Deletes an object, or marks it when it has finalizers.
    mutating func delete(_ write: Write, _ options: JSONValue?) throws(MiniRefusal) -> JSONValue {
        guard var object = get(write.type, write.key) else { throw Self.missing(write.type, write.key) }
        for field in ["uid", "resourceVersion"] {
            if let wanted = options?[path: ["preconditions", field]], wanted != object[path: ["metadata", field]] {
                throw MiniRefusal(
                    code: 409,
                    reason: "Conflict",
                    message: "Precondition failed: \(field) in precondition: \(wanted), "
                        + "\(field) in object meta: \(object[path: ["metadata", field]] ?? .null)"
                )
            }
        }
        if write.dryRun { return object }
        let uid = object[path: ["metadata", "uid"]]?.string ?? ""
        let orphans = options?["propagationPolicy"] == "Orphan"
        if Self.finalizers(object).isEmpty {
            remove(write.type, write.key, last: object)
            collect(uid, orphans: orphans)
            return object
        }
        guard object[path: ["metadata", "deletionTimestamp"]] == nil else { return object }
        object[path: ["metadata", "deletionTimestamp"]] = .string(now.description)
        object[path: ["metadata", "generation"]] = .integer(
            (object[path: ["metadata", "generation"]]?.integer ?? 0) + 1
        )
        return store(object, old: get(write.type, write.key), write, write.key)
    }

    /// Writes an object as it is, as if somebody else had; status included.
    @discardableResult
    mutating func put(_ type: ResourceType, _ object: JSONValue) -> JSONValue {
        let key = Self.key(object)
        let write = Write(type: type, key: key, subresource: nil, manager: "test", dryRun: false)
        let old = get(type, key)
        var object = object
        object["apiVersion"] = .string(type.apiVersion)
        object["kind"] = .string(type.kind)
        if let old {
            for field in ["uid", "creationTimestamp", "deletionTimestamp"] {
                object[path: ["metadata", field]] = old[path: ["metadata", field]]
            }
            let generation = old[path: ["metadata", "generation"]]?.integer ?? 1
            let changes = Self.specification(object) != Self.specification(old)
            object[path: ["metadata", "generation"]] = .integer(changes ? generation + 1 : generation)
        } else {
            uids += 1
            object[path: ["metadata", "uid"]] = .string("uid-\(uids)")
            object[path: ["metadata", "generation"]] = 1
            object[path: ["metadata", "creationTimestamp"]] = .string(now.description)
        }
        return store(object, old: old, write, key)
    }

    // MARK: History

    mutating func compact() {
        compacted = version
        happenings = []
    }

    /// A moment for a bookmark: the version moves as if another kind had been written.
    mutating func advance() { version += 1 }

    mutating func setServed(_ type: ResourceType, _ isServed: Bool) {
        kinds.removeAll { $0.type == type }
        if isServed {
            kinds.append(Kind(type: type, hasStatus: true))
        } else {
            for key in (objects[type] ?? [:]).keys { remove(type, key, last: nil) }
        }
    }

    // MARK: Parts

    private func hasStatus(_ type: ResourceType) -> Bool { kinds.first { $0.type == type }?.hasStatus == true }

    private func checkIdentity(_ new: JSONValue, _ old: JSONValue, _ write: Write) throws(MiniRefusal) {
        if let version = new[path: ["metadata", "resourceVersion"]]?.string, !version.isEmpty,
            version != old[path: ["metadata", "resourceVersion"]]?.string
        {
            throw MiniRefusal(
                code: 409,
                reason: "Conflict",
                message: "Operation cannot be fulfilled on \(write.type) \"\(write.key.name)\": the object has been "
                    + "modified; please apply your changes to the latest version and try again"
            )
        }
        if let uid = new[path: ["metadata", "uid"]], uid != old[path: ["metadata", "uid"]] {
            throw MiniRefusal(
                code: 409,
                reason: "Conflict",
                message: "Precondition failed: UID in precondition differs"
            )
        }
    }

    private mutating func store(_ object: JSONValue, old: JSONValue?, _ write: Write, _ key: ObjectKey) -> JSONValue {
        var object = object
        if write.dryRun {
            object[path: ["metadata", "resourceVersion"]] = old?[path: ["metadata", "resourceVersion"]]
            return object
        }
        version += 1
        object[path: ["metadata", "resourceVersion"]] = .string(String(version))
        objects[write.type, default: [:]][key] = object
        happenings.append(Happening(version: version, type: write.type, old: old, new: object))
        return object
    }

    private mutating func remove(_ type: ResourceType, _ key: ObjectKey, last: JSONValue?) {
        guard let old = objects[type]?.removeValue(forKey: key) else { return }
        applied["\(type) \(key)"] = nil
        version += 1
        var gone = last ?? old
        gone[path: ["metadata", "resourceVersion"]] = .string(String(version))
        happenings.append(Happening(version: version, type: type, old: gone, new: nil))
        if type == .namespace {
            for (other, objects) in objects {
                for key in objects.keys where key.namespace == old[path: ["metadata", "name"]]?.string {
                    deleteQuietly(other, key)
                }
            }
        }
        if let uid = old[path: ["metadata", "uid"]]?.string, last != nil { collect(uid, orphans: false) }
    }

    /// What the garbage collector does when an owner is gone, at once.
    private mutating func collect(_ uid: String, orphans: Bool) {
        for (type, objects) in objects {
            for (key, object) in objects {
                let owners = object[path: ["metadata", "ownerReferences"]]?.array ?? []
                guard owners.contains(where: { $0["uid"]?.string == uid }) else { continue }
                let others = owners.filter { $0["uid"]?.string != uid }
                if orphans || !others.isEmpty {
                    var freed = object
                    freed[path: ["metadata", "ownerReferences"]] = others.isEmpty ? nil : .array(others)
                    let write = Write(type: type, key: key, subresource: nil, manager: "gc", dryRun: false)
                    _ = store(freed, old: object, write, key)
                } else {
                    deleteQuietly(type, key)
                }
            }
        }
    }

    private mutating func deleteQuietly(_ type: ResourceType, _ key: ObjectKey) {
        // It was just seen, so it is there.
        _ = try? delete(Write(type: type, key: key, subresource: nil, manager: "gc", dryRun: false), nil)
    }

    private func isGone(_ object: JSONValue) -> Bool {
        object[path: ["metadata", "deletionTimestamp"]] != nil && Self.finalizers(object).isEmpty
    }

    static func key(_ object: JSONValue) -> ObjectKey {
        ObjectKey(
            namespace: object[path: ["metadata", "namespace"]]?.string ?? "",
            name: object[path: ["metadata", "name"]]?.string ?? ""
        )
    }

    static func missing(_ type: ResourceType, _ key: ObjectKey) -> MiniRefusal {
        MiniRefusal(code: 404, reason: "NotFound", message: "\(type) \"\(key.name)\" not found")
    }

    private static func finalizers(_ object: JSONValue) -> [JSONValue] {
        object[path: ["metadata", "finalizers"]]?.array ?? []
    }

    /// What counts for the generation: everything but metadata and status.
    private static func specification(_ object: JSONValue) -> JSONValue {
        var object = object
        object["metadata"] = nil
        object["status"] = nil
        return object
    }
}
