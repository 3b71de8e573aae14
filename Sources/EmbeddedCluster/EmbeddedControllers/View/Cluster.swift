package import EmbeddedAPI
package import JSON
package import Kubernetes
import Synchronization

/// The API with an index over its objects and a recorder of events: what controllers work with.
///
/// Reads are always of the present, so a controller sees what it wrote a moment ago and needs no memory of its own.
package final class Cluster: Sendable {
    package let core: APICore
    private let index = Mutex(ClusterIndex())
    private let events = Mutex(EventLog())
    private let mayWrite: @Sendable () -> Bool

    package convenience init(core: APICore) { self.init(core: core, mayWrite: { true }) }

    /// - Parameter mayWrite: Asked before each call; once it says no the cluster's part is as good as dead. So that tests
    ///   can stop it between any two writes.
    init(core: APICore, mayWrite: @escaping @Sendable () -> Bool) {
        self.core = core
        self.mayWrite = mayWrite
    }

    /// Reads the index; the closure must not call back.
    func look<Result: Sendable>(_ read: (borrowing ClusterIndex) -> Result) -> Result { index.withLock { read($0) } }

    // MARK: Following the API

    /// Reads everything there is, and forgets what was known before.
    ///
    /// - Returns: Every object as a change that made it, in the order of resources and keys.
    func relist() -> [Change] {
        var fresh = ClusterIndex()
        // Taken first: what changes meanwhile comes again as a change, and the index passes over what it knows.
        fresh.version = core.version
        var changes: [Change] = []
        var seen: Set<ResourceType> = []
        for definition in core.definitions where seen.insert(definition.stored).inserted {
            for object in core.list(definition.stored) {
                let change = Change(
                    version: Int(object.resourceVersion) ?? fresh.version,
                    resource: definition.stored,
                    key: object.key,
                    old: nil,
                    new: object
                )
                changes.append(change)
            }
        }
        let start = fresh.version
        for change in changes { fresh.apply(change) }
        fresh.version = start
        let built = fresh
        index.withLock { $0 = built }
        return changes
    }

    /// Takes in what happened since the last time.
    ///
    /// - Returns: The changes, oldest first; nil when they are no longer known and everything must be read again.
    func follow() -> [Change]? {
        var all: [Change] = []
        while true {
            let version = index.withLock { $0.version }
            guard let changes = try? core.changes(after: version) else { return nil }  // only ever 410 Expired
            guard !changes.isEmpty else { return all }
            index.withLock { index in for change in changes { index.apply(change) } }
            all += changes
        }
    }

    // MARK: Reading

    /// An object by its resource in the stored version.
    package func get(_ resource: ResourceType, _ key: ObjectKey) -> JSONValue? { core.get(resource, key) }

    /// The pods of a namespace that a selector selects, in the order of their names.
    func pods(namespace: String, _ selector: LabelSelector) -> [JSONValue] {
        for (key, requirement) in selector.requirements {
            guard case .isIn(let values) = requirement, values.count == 1 else { continue }
            let label = ClusterIndex.Label(namespace: namespace, key: key, value: values[0])
            return look { $0.pods(with: label) }.compactMap { get(.pod, $0) }.filter { selector.matches($0.labels) }
        }
        return core.list(.pod, namespace: namespace).filter { selector.matches($0.labels) }
    }

    /// The objects of a resource that this owner controls, in the order of their names.
    func controlled(_ resource: ResourceType, byUID uid: String) -> [JSONValue] {
        look { $0.dependents(ofUID: uid) }
            .filter { $0.resource == resource }
            .compactMap { get(resource, $0.key) }
            .filter { $0.controllingOwner?.uid == uid }
    }

    // MARK: Writing

    private func perform(_ call: APICall, _ component: String) throws(APIStatus) -> JSONValue {
        guard mayWrite() else {
            throw APIStatus(code: 503, reason: "ServiceUnavailable", message: "the controllers have been stopped")
        }
        var call = call
        call.user = .system
        call.userAgent = component
        return try core.perform(call).body
    }

    func create(_ resource: ResourceType, _ object: JSONValue, by component: String) throws(APIStatus) -> JSONValue {
        var call = APICall(.create, resource, ObjectKey(namespace: object.namespace, name: ""))
        call.body = object
        return try perform(call, component)
    }

    /// Writes an object back; refused when it was changed since it was read.
    @discardableResult
    func update(
        _ resource: ResourceType,
        _ object: JSONValue,
        subresource: String? = nil,
        by component: String
    ) throws(APIStatus) -> JSONValue {
        var call = APICall(.update, resource, object.key)
        call.subresource = subresource
        call.body = object
        return try perform(call, component)
    }

    /// Writes a status, unless it is what is there; with an object as the API has it then.
    @discardableResult
    func updateStatus(
        _ resource: ResourceType,
        _ object: JSONValue,
        _ status: JSONValue,
        by component: String
    ) throws(APIStatus) -> JSONValue {
        guard object["status"] ?? [:] != status else { return object }
        var object = object
        object["status"] = status
        return try update(resource, object, subresource: "status", by: component)
    }

    /// Merges metadata into an object that must be as it was read.
    @discardableResult
    func patchMetadata(
        _ resource: ResourceType,
        _ object: JSONValue,
        _ metadata: JSONObject,
        subresource: String? = nil,
        by component: String
    ) throws(APIStatus) -> JSONValue {
        var metadata = metadata
        metadata["uid"] = .string(object.uid)
        metadata["resourceVersion"] = .string(object.resourceVersion)
        var call = APICall(.patch, resource, object.key)
        call.subresource = subresource
        call.patchFormat = .merge
        call.body = ["metadata": .object(metadata)]
        return try perform(call, component)
    }

    /// Deletes an object that must still have its uid; one that is gone is as good.
    ///
    /// - Parameter mustBeUnchanged: Whether it must also be as it was read.
    func delete(
        _ resource: ResourceType,
        _ object: JSONValue,
        propagation: String = "Background",
        mustBeUnchanged: Bool = false,
        by component: String
    ) throws(APIStatus) {
        var call = APICall(.delete, resource, object.key)
        var preconditions: JSONValue = ["uid": .string(object.uid)]
        if mustBeUnchanged { preconditions["resourceVersion"] = .string(object.resourceVersion) }
        call.body = [
            "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions,
            "propagationPolicy": .string(propagation),
        ]
        call.propagationPolicy = propagation
        do throws(APIStatus) { _ = try perform(call, component) } catch {
            if error.reason != "NotFound" { throw error }
        }
    }

    /// Binds a pod to a node.
    func bind(_ pod: JSONValue, toNode node: String, by component: String) throws(APIStatus) {
        var call = APICall(.create, .pod, pod.key)
        call.subresource = "binding"
        call.body = [
            "apiVersion": "v1", "kind": "Binding",
            "metadata": [
                "name": .string(pod.name), "namespace": .string(pod.namespace), "uid": .string(pod.uid),
            ],
            "target": ["apiVersion": "v1", "kind": "Node", "name": .string(node)],
        ]
        _ = try perform(call, component)
    }

    /// Any other call, as a part of the cluster.
    func call(_ call: APICall, by component: String) throws(APIStatus) -> JSONValue { try perform(call, component) }

    // MARK: Events

    /// Tells people what happened to an object.
    ///
    /// The same event again is counted, not written anew. An event that the API refuses is lost: nothing depends on it.
    package func record(
        _ resource: ResourceType,
        _ object: JSONValue,
        isWarning: Bool = false,
        _ reason: String,
        _ message: String,
        by component: String,
        now: Timestamp
    ) {
        let note = EventLog.Note(
            resource: resource,
            object: object,
            isWarning: isWarning,
            reason: reason,
            message: message,
            component: component
        )
        guard let write = events.withLock({ $0.record(note, now: now) }) else { return }
        switch write {
        case .count(let key, let changes):
            var call = APICall(.patch, .coreEvent, key)
            call.patchFormat = .merge
            call.body = changes
            if (try? perform(call, component)) != nil { return }
            // It is gone, as the namespace or its time may be: the next one begins anew.
            events.withLock { $0.forget(note) }
        case .create(let event):
            var event = event
            for attempt in 1...8 {
                do throws(APIStatus) {
                    _ = try create(.coreEvent, event, by: component)
                    return
                } catch {
                    guard error.reason == "AlreadyExists" else { break }
                    event[path: ["metadata", "name"]] = .string("\(event.name).\(attempt)")
                }
            }
            events.withLock { $0.forget(note) }
        }
    }
}
