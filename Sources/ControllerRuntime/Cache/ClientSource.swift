import JSON
package import Kubernetes
import Synchronization

/// The objects of one kind on an API server, as an informer takes them.
package struct ClientSource<Object: KubernetesObject>: ObjectSource {
    private let client: ResourceClient<Object>
    private let namespace: String
    private let labelSelector: String
    private let fieldSelector: String

    /// - Parameter namespace: Empty for all.
    package init(
        _ client: ResourceClient<Object>,
        namespace: String = "",
        labelSelector: String = "",
        fieldSelector: String = ""
    ) {
        self.client = client
        self.namespace = namespace
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
    }

    package var name: String { client.type.description }

    package func list(
        resourceVersion: String,
        deliver: @escaping @Sendable ([ObjectUpdate<Object>]) -> Void
    ) async throws -> String {
        let options = ListOptions(
            labelSelector: labelSelector,
            fieldSelector: fieldSelector,
            // A state from the server's memory comes in one answer anyway; asking for pages would make it read etcd.
            limit: resourceVersion == "0" ? 0 : 500,
            resourceVersion: resourceVersion
        )
        return try await client.list(in: namespace, options) { items in
            deliver(
                items.map { item in
                    switch item {
                    case .item(let object): .put(object)
                    case .malformed(let key, let error): .malformed(key, error.description)
                    case .restart: .restart
                    }
                }
            )
        }
    }

    @concurrent
    package func watch(
        resourceVersion: String,
        sendsInitialEvents: Bool,
        timeout: Duration,
        opened: @escaping @Sendable () -> Void,
        deliver: @escaping @Sendable ([ObjectUpdate<Object>]) -> Bool
    ) async throws {
        let options = WatchOptions(
            labelSelector: labelSelector,
            fieldSelector: fieldSelector,
            resourceVersion: resourceVersion,
            sendInitialEvents: sendsInitialEvents,
            timeout: timeout
        )
        let stream = try await client.watch(in: namespace, options)
        opened()
        for try await batch in stream {
            let goesOn = deliver(
                batch.map { event in
                    switch event {
                    case .added(let object), .modified(let object): .put(object)
                    case .deleted(let object): .deleted(object)
                    case .bookmark(let version, let isEnd):
                        .bookmark(resourceVersion: version, isInitialEventsEnd: isEnd)
                    case .malformed(let key, let error): .malformed(key, error.description)
                    }
                }
            )
            guard goesOn else { return }
        }
    }
}

extension Informer {
    /// Follows objects of an API server.
    ///
    /// - Parameters:
    ///   - namespace: Empty for all.
    ///   - indexes: Further ways to find objects.
    ///   - transform: Changes each object before it is stored; `managedFields` are dropped in any case.
    package convenience init(
        client: ResourceClient<Object>,
        namespace: String = "",
        labelSelector: String = "",
        fieldSelector: String = "",
        indexes: [Index<Object>] = [],
        transform: (@Sendable (inout Object) -> Void)? = nil,
        options: Options = Options(),
        runtime: RuntimeContext = RuntimeContext()
    ) {
        let source = ClientSource(
            client,
            namespace: namespace,
            labelSelector: labelSelector,
            fieldSelector: fieldSelector
        )
        self.init(
            source: source,
            indexes: indexes,
            transform: transform,
            options: options,
            clock: runtime.clock,
            report: InformerReport(name: source.name, runtime),
            chance: runtime.chance
        )
    }
}
