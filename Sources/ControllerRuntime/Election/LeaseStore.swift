import JSON
package import Kubernetes

/// Where the lease is kept.
package protocol LeaseStore: Sendable {
    /// The lease and its version; nil when there is none.
    func read() async throws -> (record: LeaseRecord, resourceVersion: String)?
    /// Makes the lease.
    ///
    /// - Returns: Its version.
    func create(_ record: LeaseRecord) async throws -> String
    /// Replaces the lease, if it still has this version.
    ///
    /// - Returns: Its new version.
    /// - Throws: ``APIFailure/Reason/conflict`` when somebody else wrote.
    func replace(_ record: LeaseRecord, resourceVersion: String) async throws -> String
}

/// A Lease object of the API server; needs the verbs get, create and patch.
package struct ClientLeaseStore: LeaseStore {
    private let client: ResourceClient<DynamicObject>
    private let key: ObjectKey

    package init(_ client: KubernetesClient, _ key: ObjectKey) {
        self.client = client.resource(of: .lease)
        self.key = key
    }

    package func read() async throws -> (record: LeaseRecord, resourceVersion: String)? {
        do {
            let lease = try await client.get(key)
            return (LeaseRecord(spec: lease["spec"]), lease.metadata.resourceVersion)
        } catch let failure as APIFailure where failure.reason == .notFound {
            return nil
        }
    }

    package func create(_ record: LeaseRecord) async throws -> String {
        let lease = DynamicObject(
            metadata: ObjectMeta(name: key.name, namespace: key.namespace),
            fields: ["apiVersion": .string(ResourceType.lease.apiVersion), "kind": "Lease", "spec": record.spec]
        )
        return try await client.create(lease).metadata.resourceVersion
    }

    package func replace(_ record: LeaseRecord, resourceVersion: String) async throws -> String {
        // A merge patch keeps what others put on the lease, as labels; the version in it makes it fail when stale.
        let patch: JSONValue = ["metadata": ["resourceVersion": .string(resourceVersion)], "spec": record.spec]
        return try await client.patch(key, .merge(patch)).metadata.resourceVersion
    }
}
