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

    private let client: KubernetesClient
    private let deployments: Store<DynamicObject>
    private let services: Store<DynamicObject>
    private let objects: Store<ModelDeployment>
    private let fence: Fence

    package init(
        client: KubernetesClient,
        objects: Store<ModelDeployment>,
        deployments: Store<DynamicObject>,
        services: Store<DynamicObject>,
        fence: Fence
    ) {
        self.client = client
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
        case .addFinalizer: try await setFinalizers(object, object.metadata.finalizers + [Policy.finalizer])
        case .removeFinalizer:
            try await setFinalizers(object, object.metadata.finalizers.filter { $0 != Policy.finalizer })
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
        let resource = client.resource(DynamicObject.self, of: .deployment)
        guard let seen = children.deployments[revision] else {
            // The pods of a revision can be made from the specification alone, so only while it asks for them.
            guard revision == Revision.hash(of: object.spec) else { throw LostRevision(revision: revision) }
            let (made, _) = try await resource.createOrAdopt(
                builder.deployment(revision: revision, replicas: replicas),
                fieldManager: Self.workload.name,
                controllerUID: object.metadata.uid
            )
            return deployments.expect(.written(made))
        }
        var patch = guarded(seen.metadata, builder, object)
        patch[path: ["spec", "replicas"]] = .integer(replicas)
        patch[path: ["spec", "minReadySeconds"]] = .integer(object.spec.minReadySeconds)
        let written = try await resource.patch(seen.key, .merge(patch), fieldManager: Self.workload.name)
        deployments.expect(.written(written))
    }

    private func remove(_ revision: String, _ children: Observer.Children) async throws {
        guard let seen = children.deployments[revision] else { return }
        let resource = client.resource(DynamicObject.self, of: .deployment)
        do {
            try await resource.delete(
                seen.key,
                DeleteOptions(uid: seen.metadata.uid, propagation: .background)
            )
        } catch let failure as APIFailure where failure.reason == .notFound { return }
        deployments.expect(.deleted(seen.key, uid: seen.metadata.uid))
    }

    // MARK: Traffic

    private func point(
        _ service: TrackService,
        _ revision: String?,
        _ object: ModelDeployment,
        _ children: Observer.Children,
        _ builder: ChildBuilder
    ) async throws {
        let resource = client.resource(DynamicObject.self, of: .service)
        guard let seen = children.services[service.name(of: object.metadata.name)] else {
            let (made, _) = try await resource.createOrAdopt(
                builder.service(service, revision: revision),
                fieldManager: Self.traffic.name,
                controllerUID: object.metadata.uid
            )
            return services.expect(.written(made))
        }
        var patch = guarded(seen.metadata, builder, object)
        patch[path: ["spec", "selector"]] = .object([
            ChildNames.deploymentLabel: .string(object.metadata.name),
            ChildNames.revisionLabel: revision.map { .string($0) } ?? .null,
        ])
        patch[path: ["spec", "ports"]] = .array([builder.port])
        let written = try await resource.patch(seen.key, .merge(patch), fieldManager: Self.traffic.name)
        services.expect(.written(written))
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

    private func setFinalizers(_ object: ModelDeployment, _ finalizers: [String]) async throws {
        let patch: JSONValue = [
            "metadata": [
                "resourceVersion": .string(object.metadata.resourceVersion),
                "finalizers": .array(finalizers.map { .string($0) }),
            ]
        ]
        do {
            let written = try await client.resource(ModelDeployment.self)
                .patch(object.key, .merge(patch), fieldManager: Self.ownership.name)
            if !written.metadata.isBeingDeleted { objects.expect(.written(written)) }
        } catch let failure as APIFailure where failure.reason == .notFound && object.metadata.isBeingDeleted {
            return  // the last finalizer went, and the object with it
        }
    }

    /// Takes the owner off the children that shall stay: all of them, or those of the stable track.
    private func orphan(_ object: ModelDeployment, _ state: RolloutState, _ children: Observer.Children) async throws {
        let kept = children.deployments.filter {
            object.spec.deletionPolicy == .orphan || $0.key == state.stable?.revision
        }
        for (type, seen) in kept.values.map({ (ResourceType.deployment, $0) })
            + children.services.values.map({ (ResourceType.service, $0) })
        {
            _ = try fence.epoch()
            let owners = seen.metadata.ownerReferences.filter { $0.uid != object.metadata.uid }
            guard owners.count < seen.metadata.ownerReferences.count else { continue }
            let patch: JSONValue = [
                "metadata": [
                    "resourceVersion": .string(seen.metadata.resourceVersion),
                    "ownerReferences": owners.isEmpty ? .null : .array(owners.map(\.value)),
                ]
            ]
            do {
                _ = try await client.resource(DynamicObject.self, of: type)
                    .patch(seen.key, .merge(patch), fieldManager: Self.ownership.name)
            } catch let failure as APIFailure where failure.reason == .notFound { continue }
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
