package import JSON
package import Kubernetes
import Synchronization

/// The API server without HTTP: keeps the objects, answers calls, and tells of changes.
///
/// All decisions are taken one after the other in a value under a lock; lists are put together outside of it.
/// The same seed, calls and clock give the same uids, names and versions.
package final class APICore: Sendable {
    /// How the server is set up.
    package struct Options: Sendable {
        /// How many changes are kept for watches and lists of the past.
        package var historyLimit = 10_000
        /// Where services get their addresses, in CIDR notation.
        package var serviceRange = "127.96.0.0/16"
        /// Where services get their node ports.
        package var nodePorts = 30000...32767
        /// The built-in resources.
        package var resources: [ResourceDefinition] = BuiltInResources.all
        /// Made at the start when they are not there.
        package var namespaces = ["default", "kube-node-lease", "kube-public", "kube-system"]
        /// Whether pods need the service account that they name, as they do where a controller makes them.
        package var requiresServiceAccounts = false

        /// How many bytes of changes are written to the data folder before a snapshot is made.
        package var logLimitBytes = 64 << 20

        package init() {}
    }

    private struct Guarded {
        var state: ClusterState
        var listeners: [Int: @Sendable () -> Void] = [:]
        var nextListener = 1
        /// The newest version that survives a crash; the newest of all when nothing is kept on disk.
        var durable = 0
        /// Why nothing can be written to disk any more.
        var failure: APIStatus?
    }

    private struct Disk {
        var journal: Journal
        /// Whether a snapshot is being written; one at a time.
        var isSaving = false
    }

    private final class Keeper: Sendable {
        let disk: Mutex<Disk>
        let folder: String

        init(_ journal: consuming Journal, _ folder: String) {
            disk = Mutex(Disk(journal: journal))
            self.folder = folder
        }
    }

    private let guarded: Mutex<Guarded>
    /// Taken before ``guarded`` where both are needed: who holds it writes for all that wait.
    private let keeper: Keeper?
    private let wall: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - wall: The time that objects are stamped with.
    ///   - seed: Determines uids and generated names; nil for chance.
    ///   - historyLimit: How many changes are kept for watches and lists of the past.
    ///   - folder: Where the state is kept over restarts; nil for memory only.
    /// - Throws: ``StorageFailure`` when the folder cannot be used.
    package init(
        wall: @escaping @Sendable () -> Timestamp,
        seed: UInt64? = nil,
        historyLimit: Int = 10_000,
        folder: String? = nil,
        options: Options = Options()
    ) throws {
        self.wall = wall
        var options = options
        options.historyLimit = historyLimit
        let seed = seed ?? UInt64.random(in: .min ... .max)
        var state: ClusterState
        if let folder {
            let (journal, found) = try Journal.open(folder, limitBytes: options.logLimitBytes)
            state = ClusterState(options: options, version: found.version, seed: seed)
            for (resource, object) in found.objects { state.restore(resource, object.key, object) }
            for change in found.changes { state.replay(change) }
            state.renewChance(seed)
            state.isSaved = true
            keeper = Keeper(journal, folder)
        } else {
            state = ClusterState(options: options, version: 0, seed: seed)
            keeper = nil
        }
        guarded = Mutex(Guarded(state: state, durable: state.version))
        for name in options.namespaces where get(.namespace, ObjectKey(name: name)) == nil {
            var call = APICall(.create, .namespace)
            call.body = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]]
            _ = try perform(call)
        }
    }

    // MARK: Calls

    /// Does what a call asks for: every verb but `watch`.
    ///
    /// With a data folder it returns once what it did, and all that it saw, survives a crash.
    ///
    /// - Throws: The refusal as clients are to read it.
    package func perform(_ call: APICall) throws(APIStatus) -> APIAnswer {
        let now = wall()
        if call.verb == .list {
            // Only the snapshot is taken under the lock.
            let pending = try guarded.withLock { (guarded) throws(APIStatus) in
                try guarded.state.prepareList(guarded.state.operation(call, now))
            }
            try keep(pending.version)
            return pending.answer()
        }
        let (answer, version, listeners) = try guarded.withLock { (guarded) throws(APIStatus) in
            if let failure = guarded.failure { throw failure }
            let before = guarded.state.version
            let answer = try guarded.state.perform(guarded.state.operation(call, now))
            let version = guarded.state.version
            if keeper == nil { guarded.durable = version }
            return (answer, version, before == version ? [] : guarded.listeners.sorted { $0.key < $1.key })
        }
        try keep(version)
        for listener in listeners { listener.value() }
        return answer
    }

    /// Returns once everything up to a version is on disk.
    ///
    /// The first to come writes for all who wait behind it.
    private func keep(_ version: Int) throws(APIStatus) {
        guard let keeper, guarded.withLock({ $0.durable < version }) else { return }
        do throws(StorageFailure) {
            let snapshot = try keeper.disk.withLock { (disk) throws(StorageFailure) -> ClusterState? in
                let (durable, changes) = guarded.withLock {
                    ($0.durable, $0.durable < version && $0.failure == nil ? $0.state.takeUnsaved() : [])
                }
                // Nothing is left to write for who comes after the writer has done its work, or has failed.
                guard durable < version, let last = changes.last?.version else { return nil }
                do throws(StorageFailure) {
                    try disk.journal.append(changes)
                    guarded.withLock { $0.durable = last }
                    return disk.journal.isLong && !disk.isSaving ? try turn(&disk) : nil
                } catch {
                    fail(error)
                    throw error
                }
            }
            if let snapshot {
                // Outside of the lock, so that others write on meanwhile.
                defer { keeper.disk.withLock { $0.isSaving = false } }
                try Journal.save(snapshot, keeper.folder)
            }
        } catch {
            throw fail(error)
        }
        let (durable, failure) = guarded.withLock { ($0.durable, $0.failure) }
        if durable < version, let failure { throw failure }
    }

    /// Refuses all writing from now on: what is in memory is no longer what is on disk.
    @discardableResult
    private func fail(_ failure: StorageFailure) -> APIStatus {
        let status = APIStatus(
            code: 500,
            reason: "InternalError",
            message: "Internal error occurred: \(failure)"
        )
        guarded.withLock { $0.failure = $0.failure ?? status }
        return status
    }

    /// Begins a new log.
    ///
    /// - Returns: The state that it goes on from, to be saved.
    private func turn(_ disk: inout Disk) throws(StorageFailure) -> ClusterState {
        let (state, changes) = guarded.withLock { guarded in
            let changes = guarded.state.takeUnsaved()
            return (guarded.state, changes)
        }
        if !changes.isEmpty {
            try disk.journal.append(changes)
            guarded.withLock { $0.durable = state.version }
        }
        try disk.journal.turn(to: state.version)
        disk.isSaving = true
        return state
    }

    // MARK: Changes

    /// The resourceVersion of the newest change.
    package var version: Int { guarded.withLock { $0.durable } }

    /// The oldest version that ``changes(after:limit:)`` answers for.
    package var oldestVersion: Int { guarded.withLock { $0.state.history.oldest } }

    /// The changes of all resources after a version, in order, at most `limit` of them.
    ///
    /// - Throws: 410 when they are forgotten.
    package func changes(after version: Int, limit: Int = 1000) throws(APIStatus) -> [Change] {
        try guarded.withLock { (guarded) throws(APIStatus) in
            let history = guarded.state.history
            guard version >= history.oldest else {
                throw .expired("too old resource version: \(version) (\(history.oldest))")
            }
            // What a crash might undo is not told.
            let newest = min(history.newest, guarded.durable)
            guard version < newest, limit > 0 else { return [] }
            return history.changes(version + 1...min(newest, version + limit))
        }
    }

    /// Has a closure called after each commit, outside of all locks; it must be quick.
    ///
    /// - Returns: What ``removeOnChange(_:)`` takes.
    package func onChange(_ wake: @escaping @Sendable () -> Void) -> Int {
        guarded.withLock { guarded in
            let id = guarded.nextListener
            guarded.nextListener += 1
            guarded.listeners[id] = wake
            return id
        }
    }

    /// Has a closure called no more; a call that is under way is not waited for.
    package func removeOnChange(_ id: Int) { guarded.withLock { $0.listeners[id] = nil } }

    /// Forgets the changes up to a version, so that watches and lists from there are refused with 410.
    package func compact(to version: Int) { guarded.withLock { $0.state.compact(to: version) } }

    // MARK: Quick reads

    /// An object in its stored version.
    package func get(_ resource: ResourceType, _ key: ObjectKey) -> JSONValue? {
        guarded.withLock { $0.state.object(resource, key) }
    }

    /// The objects of a resource in their stored version, by namespace and name; an empty namespace means all.
    package func list(
        _ resource: ResourceType,
        namespace: String = "",
        where selector: LabelSelector? = nil
    ) -> [JSONValue] {
        let table = guarded.withLock { $0.state.table(resource) }
        var found: [JSONValue] = []
        table.visit(prefix: namespace.isEmpty ? "" : "\(namespace)/") { entry in
            if selector?.matches(object: entry.object) ?? true { found.append(entry.object) }
            return true
        }
        return found
    }

    /// A selector of fields by which objects of a resource may be selected, for their stored version.
    ///
    /// - Throws: 400 for text that is no selector and for other fields.
    package func fieldSelector(_ text: String, of definition: ResourceDefinition) throws(APIStatus) -> FieldSelector {
        let operation = Operation(call: APICall(.list, definition.type), definition: definition, now: wall())
        return try guarded.withLock { $0.state }.known(try FieldSelector(parsing: text), operation)
    }

    // MARK: What is served

    /// Every version of every resource that is served.
    package var definitions: [ResourceDefinition] { guarded.withLock { $0.state.catalog }.definitions }

    /// One version of a resource.
    package func definition(group: String, version: String, plural: String) -> ResourceDefinition? {
        guarded.withLock { $0.state.catalog[group: group, version: version, plural: plural] }
    }
}

extension ClusterState {
    /// - Throws: 404 when the resource is not served.
    func operation(_ call: APICall, _ now: Timestamp) throws(APIStatus) -> Operation {
        guard let definition = catalog[call.resource] else { throw .unknownResource }
        return Operation(call: call, definition: definition, now: now)
    }
}
