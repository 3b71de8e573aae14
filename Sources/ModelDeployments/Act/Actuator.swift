package import ControllerRuntime
package import HomeostatAPI
internal import JSON
package import Kubernetes

/// Carries the effects of a plan out through the Kubernetes API.
///
/// Every write to an object that was seen carries the version that was seen, so a decision that rests on an old view is
/// refused by the API server; every write asks the fence first, so a leader that has lost its lease writes nothing.
package struct Actuator: Sendable {
    package static let workload = FieldManager("homeostat", concern: "workload")
    package static let traffic = FieldManager("homeostat", concern: "traffic")
    package static let ownership = FieldManager("homeostat", concern: "ownership")

    private let objects: CachedClient<ModelDeployment>
    private let deployments: CachedClient<DynamicObject>
    private let services: CachedClient<DynamicObject>
    private let fence: Fence

    package init(
        objects: CachedClient<ModelDeployment>,
        deployments: CachedClient<DynamicObject>,
        services: CachedClient<DynamicObject>,
        fence: Fence
    ) {
        self.objects = objects
        self.deployments = deployments
        self.services = services
        self.fence = fence
    }

    /// Carries out one effect.
    ///
    /// - Throws: ``APIFailure``, or what the fence throws.
    package func carryOut(
        _ action: Action,
        for object: ModelDeployment,
        state: RolloutState,
        children: Observer.Children
    ) async throws {
        let builder = ChildBuilder(object, epoch: try fence.epoch())
        switch action {
        case .scale(let revision, let replicas):
            try await scale(revision, replicas, object, children, builder)
        case .point(let service, let revision): try await point(service, revision, object, children, builder)
        case .remove(let revision): try await remove(revision, children)
        case .addFinalizer:
            try await objects.addFinalizer(Policy.finalizer, to: object, fieldManager: Self.ownership.name)
        case .removeFinalizer:
            try await objects.removeFinalizer(Policy.finalizer, from: object, fieldManager: Self.ownership.name)
        case .orphanChildren: try await orphan(object, state, children)
        }
    }

    // MARK: Workload

    private func scale(
        _ revision: String,
        _ replicas: Int,
        _ object: ModelDeployment,
        _ children: Observer.Children,
        _ builder: ChildBuilder
    ) async throws {
        guard let seen = children.deployments[revision] else {
            // The pods of a revision can be made from the specification alone, so only while it asks for them.
            guard revision == Revision.hash(of: object.spec) else { throw LostRevision(revision: revision) }
            try await deployments.createOrAdopt(
                builder.deployment(revision: revision, replicas: replicas),
                fieldManager: Self.workload.name,
                controllerUID: object.metadata.uid
            )
            return
        }
        var patch = guarded(seen.metadata, builder, object)
        patch[path: ["spec", "replicas"]] = .integer(replicas)
        patch[path: ["spec", "minReadySeconds"]] = .integer(object.spec.minReadySeconds)
        try await deployments.send(.merge(patch), to: seen.key, fieldManager: Self.workload.name)
    }

    private func remove(_ revision: String, _ children: Observer.Children) async throws {
        guard let seen = children.deployments[revision] else { return }
        try await deployments.delete(seen, DeleteOptions(propagation: .background))
    }

    // MARK: Traffic

    private func point(
        _ service: TrackService,
        _ revision: String?,
        _ object: ModelDeployment,
        _ children: Observer.Children,
        _ builder: ChildBuilder
    ) async throws {
        guard let seen = children.services[service.name(of: object.metadata.name)] else {
            try await services.createOrAdopt(
                builder.service(service, revision: revision),
                fieldManager: Self.traffic.name,
                controllerUID: object.metadata.uid
            )
            return
        }
        var patch = guarded(seen.metadata, builder, object)
        patch[path: ["spec", "selector"]] = .object([
            ChildNames.deploymentLabel: .string(object.metadata.name),
            ChildNames.revisionLabel: revision.map { .string($0) } ?? .null,
        ])
        patch[path: ["spec", "ports"]] = .array([builder.port])
        try await services.send(.merge(patch), to: seen.key, fieldManager: Self.traffic.name)
    }

    /// The part of a patch that makes it count only for the version that was seen.
    private func guarded(_ seen: ObjectMeta, _ builder: ChildBuilder, _ object: ModelDeployment) -> JSONValue {
        var metadata: JSONValue = [
            "resourceVersion": .string(seen.resourceVersion),
            "annotations": [ChildNames.epochAnnotation: .string(String(builder.epoch))],
        ]
        if seen.controller?.uid != object.metadata.uid {
            let owner = OwnerReference(controlledBy: object.metadata, ModelDeployment.resource)
            metadata["ownerReferences"] = .array(seen.ownerReferences.map(\.value) + [owner.value])
        }
        return ["metadata": metadata]
    }

    // MARK: Ownership

    /// Takes the owner off the children that shall stay: all of them, or those of the stable track.
    private func orphan(_ object: ModelDeployment, _ state: RolloutState, _ children: Observer.Children) async throws {
        let kept = children.deployments.filter {
            object.spec.deletionPolicy == .orphan || $0.key == state.stable?.revision
        }
        for seen in kept.values { try await release(seen, of: object, through: deployments) }
        for seen in children.services.values { try await release(seen, of: object, through: services) }
    }

    private func release(
        _ seen: DynamicObject,
        of object: ModelDeployment,
        through client: CachedClient<DynamicObject>
    ) async throws {
        _ = try fence.epoch()
        let owners = seen.metadata.ownerReferences.filter { $0.uid != object.metadata.uid }
        guard owners.count < seen.metadata.ownerReferences.count else { return }
        let patch: JSONValue = [
            "metadata": [
                "resourceVersion": .string(seen.metadata.resourceVersion),
                "ownerReferences": owners.isEmpty ? .null : .array(owners.map(\.value)),
            ]
        ]
        do {
            try await client.send(.merge(patch), to: seen.key, fieldManager: Self.ownership.name)
        } catch let failure as APIFailure where failure.reason == .notFound {
            return
        }
    }
}

/// The Deployment of a revision that the specification no longer asks for has been deleted by somebody else.
package struct LostRevision: Error, CustomStringConvertible {
    package var revision: String

    package var description: String {
        "the Deployment of revision \(revision) was deleted, and the specification asks for another revision, so it cannot "
            + "be made again; set model and template back to that revision, or annotate homeostat.dev/request=promote"
    }
}

/// Lets writes through while this process leads.
package struct Fence: Sendable {
    private let check: @Sendable () throws -> Int

    /// - Parameter check: Gives the number of the leadership, or throws when it is lost.
    package init(_ check: @escaping @Sendable () throws -> Int) { self.check = check }

    /// A fence for a process that has no rival.
    package static let open = Fence { 0 }

    /// Which leadership this is.
    ///
    /// - Throws: When it is over.
    package func epoch() throws -> Int { try check() }
}
