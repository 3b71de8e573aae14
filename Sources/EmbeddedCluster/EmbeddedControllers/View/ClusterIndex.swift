import EmbeddedAPI
import JSON
import Kubernetes

/// What controllers must find without looking at every object, kept up to date change by change.
struct ClusterIndex {
    /// A label of pods in one namespace.
    struct Label: Hashable {
        var namespace: String
        var key: String
        var value: String
    }

    /// What the pods on a node ask for.
    struct NodeUse {
        /// By resource, in thousandths.
        var requests: [String: Int] = [:]
        var pods: Set<ObjectKey> = []
        /// Ports of the node that are taken, as `TCP/8080`.
        var ports: [String: Int] = [:]
    }

    /// What is known of one object, so that it can be taken out again.
    private struct Entry {
        var version: Int
        var uid: String
        var owners: [String]
        var isOrphan: Bool
        var pod: PodEntry?
    }

    private struct PodEntry {
        var labels: [Label]
        var node: String
        var isWaiting: Bool
        var demand: PodDemand?
    }

    /// The version up to which changes are in.
    var version = 0
    private var entries: [StoredObject: Entry] = [:]
    private var places: [String: StoredObject] = [:]
    private var dependents: [String: Set<StoredObject>] = [:]
    private var orphans: [StoredObject: Set<ObjectKey>] = [:]
    private var labelled: [Label: Set<ObjectKey>] = [:]
    private var uses: [String: NodeUse] = [:]
    private var waiting: Set<ObjectKey> = []

    /// Where the object with this uid is.
    func place(ofUID uid: String) -> StoredObject? { places[uid] }

    /// The objects that name this uid among their owners, sorted.
    func dependents(ofUID uid: String) -> [StoredObject] { dependents[uid]?.sorted() ?? [] }

    func hasDependents(ofUID uid: String) -> Bool { dependents[uid] != nil }

    /// The objects of a resource in a namespace that no controller owns, sorted; kept for pods and replica sets.
    func orphans(_ resource: ResourceType, namespace: String) -> [ObjectKey] {
        orphans[Self.orphanage(resource, namespace)]?.sorted() ?? []
    }

    func pods(with label: Label) -> [ObjectKey] { labelled[label]?.sorted() ?? [] }

    func use(ofNode name: String) -> NodeUse { uses[name] ?? NodeUse() }

    /// Pods that have no node yet, sorted.
    var waitingPods: [ObjectKey] { waiting.sorted() }

    /// Takes a change in; one that is older than what is known is passed over.
    mutating func apply(_ change: Change) {
        version = max(version, change.version)
        let place = StoredObject(change.resource, change.key)
        if let known = entries[place] {
            guard known.version < change.version else { return }
            remove(place, known)
        }
        guard let object = change.new else {
            entries[place] = nil
            return
        }
        insert(place, object, change.version)
    }

    private mutating func insert(_ place: StoredObject, _ object: JSONValue, _ version: Int) {
        let owners = object.owners
        let entry = Entry(
            version: version,
            uid: object.uid,
            owners: owners.map(\.uid),
            isOrphan: Self.keepsOrphans(place.resource) && !owners.contains(where: \.isController),
            pod: place.resource == .pod ? Self.podEntry(object) : nil
        )
        entries[place] = entry
        places[entry.uid] = place
        for uid in entry.owners { dependents[uid, default: []].insert(place) }
        if entry.isOrphan {
            orphans[Self.orphanage(place.resource, place.key.namespace), default: []].insert(place.key)
        }
        if let pod = entry.pod { insert(pod, place.key) }
    }

    private mutating func insert(_ pod: PodEntry, _ key: ObjectKey) {
        for label in pod.labels { labelled[label, default: []].insert(key) }
        if pod.isWaiting { waiting.insert(key) }
        guard let demand = pod.demand else { return }
        uses[pod.node, default: NodeUse()].pods.insert(key)
        for (name, amount) in demand.requests { uses[pod.node]?.requests[name, default: 0] += amount }
        for port in demand.hostPorts { uses[pod.node]?.ports[port, default: 0] += 1 }
    }

    private mutating func remove(_ place: StoredObject, _ entry: Entry) {
        if places[entry.uid] == place { places[entry.uid] = nil }
        for uid in entry.owners { Self.remove(place, from: uid, &dependents) }
        if entry.isOrphan {
            Self.remove(place.key, from: Self.orphanage(place.resource, place.key.namespace), &orphans)
        }
        guard let pod = entry.pod else { return }
        for label in pod.labels { Self.remove(place.key, from: label, &labelled) }
        waiting.remove(place.key)
        guard let demand = pod.demand, var use = uses[pod.node] else { return }
        uses[pod.node] = nil
        use.pods.remove(place.key)
        for (name, amount) in demand.requests { use.requests[name, default: 0] -= amount }
        for port in demand.hostPorts { use.ports[port] = use.ports[port].flatMap { $0 > 1 ? $0 - 1 : nil } }
        if !use.pods.isEmpty { uses[pod.node] = use }
    }

    private static func remove<Key: Hashable, Element: Hashable>(
        _ element: Element,
        from key: Key,
        _ sets: inout [Key: Set<Element>]
    ) {
        sets[key]?.remove(element)
        if sets[key]?.isEmpty == true { sets[key] = nil }
    }

    private static func keepsOrphans(_ resource: ResourceType) -> Bool { resource == .pod || resource == .replicaSet }

    private static func orphanage(_ resource: ResourceType, _ namespace: String) -> StoredObject {
        StoredObject(resource, ObjectKey(namespace: namespace, name: ""))
    }

    private static func podEntry(_ pod: JSONValue) -> PodEntry {
        let node = pod.spec["nodeName"]?.string ?? ""
        let phase = pod.status["phase"]?.string ?? ""
        let isOver = phase == "Succeeded" || phase == "Failed"
        return PodEntry(
            labels: pod.labels.map { Label(namespace: pod.namespace, key: $0.key, value: $0.value.string ?? "") },
            node: node,
            isWaiting: node.isEmpty && !isOver,
            demand: node.isEmpty || isOver ? nil : PodDemand(pod)
        )
    }
}
