import JSON
import Kubernetes

/// All that the API server knows, as a value: objects, history, and what is served.
///
/// Everything is decided here, without locks, clocks or files; ``APICore`` stands around it.
struct ClusterState: Sendable {
    private(set) var version: Int
    private(set) var history: ChangeHistory
    private var tables: [String: ObjectTable] = [:]
    var catalog: Catalog
    var chance: Chance
    var addresses: AddressBook
    let options: APICore.Options
    /// Changes that are to be written to disk; kept only when somebody takes them.
    private var unsaved: [Change] = []
    var isSaved = false

    init(options: APICore.Options, version: Int, seed: UInt64) {
        self.options = options
        self.version = version
        history = ChangeHistory(limit: options.historyLimit, after: version)
        catalog = Catalog(options.resources)
        chance = Chance(seed: seed &+ UInt64(version) &* Self.stride)
        addresses = AddressBook(options)
    }

    /// The objects of a resource, whichever of its versions is named.
    func table(_ resource: ResourceType) -> ObjectTable { tables[resource.description] ?? ObjectTable() }

    func object(_ resource: ResourceType, _ key: ObjectKey) -> JSONValue? {
        tables[resource.description]?[key.path]?.object
    }

    /// Writes an object and gives it the next version, or removes it when `object` is nil.
    @discardableResult
    mutating func commit(_ resource: ResourceType, _ key: ObjectKey, _ object: JSONValue?) -> JSONValue? {
        version += 1
        var object = object
        object?.setMeta("resourceVersion", .string(String(version)))
        let change = Change(
            version: version,
            resource: resource,
            key: key,
            old: self.object(resource, key),
            new: object
        )
        put(change)
        return object
    }

    /// Takes a change that was decided before, as it stands in a log.
    mutating func replay(_ change: Change) {
        version = change.version
        var change = change
        change.old = object(change.resource, change.key)
        put(change)
    }

    /// Takes an object that a snapshot holds; it has no history.
    mutating func restore(_ resource: ResourceType, _ key: ObjectKey, _ object: JSONValue) {
        place(resource, key, object, version: Int(object.resourceVersion) ?? version)
        observe(resource, key, old: nil, new: object)
    }

    /// Hands over the changes that were not yet written to disk.
    mutating func takeUnsaved() -> [Change] {
        defer { unsaved = [] }
        return unsaved
    }

    /// Goes on with chance from another place after a restart, so that no uid comes twice.
    mutating func renewChance(_ seed: UInt64) { chance = Chance(seed: seed &+ UInt64(version) &* Self.stride) }

    private static let stride: UInt64 = 0xD129_0D3B_45A1_6E63

    mutating func compact(to version: Int) { history.compact(to: version) }

    /// The objects of a resource as they were at a version, which lies within the history.
    func table(_ resource: ResourceType, at past: Int) -> ObjectTable {
        var table = table(resource)
        guard past < version else { return table }
        for change in history.changes(past + 1...version).reversed()
        where change.resource.plural == resource.plural && change.resource.group == resource.group {
            if let old = change.old {
                table.set(.init(key: change.key.path, version: Int(old.resourceVersion) ?? 0, object: old))
            } else {
                table.remove(change.key.path)
            }
        }
        return table
    }

    /// Every resource that has objects, by name, with them.
    var contents: [(resource: String, table: ObjectTable)] {
        tables.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private mutating func put(_ change: Change) {
        if let new = change.new {
            place(change.resource, change.key, new, version: change.version)
        } else {
            tables[change.resource.description]?.remove(change.key.path)
        }
        history.append(change)
        if isSaved { unsaved.append(change) }
        observe(change.resource, change.key, old: change.old, new: change.new)
    }

    private mutating func place(_ resource: ResourceType, _ key: ObjectKey, _ object: JSONValue, version: Int) {
        tables[resource.description, default: ObjectTable()].set(
            .init(key: key.path, version: version, object: object)
        )
    }

    /// Keeps what is derived from objects in step with them.
    private mutating func observe(_ resource: ResourceType, _ key: ObjectKey, old: JSONValue?, new: JSONValue?) {
        switch (resource.group, resource.plural) {
        case ("", "services"): addresses.replace(old, by: new)
        case ("apiextensions.k8s.io", "customresourcedefinitions"):
            catalog.serve(new.map(CustomResources.definitions) ?? [], of: key.name)
        default: break
        }
    }
}
