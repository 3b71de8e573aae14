package import ControllerRuntime
internal import Evidence
package import HomeostatAPI
internal import JSON
package import Kubernetes

/// Reads one ModelDeployment's children out of the caches into one value.
///
/// What is missing from the caches is asked for directly, since the caches hold labelled objects alone: a Service that
/// somebody else made under the name must be found before it is written to.
package struct Observer: Sendable {
    private let deployments: Store<DynamicObject>
    private let services: Store<DynamicObject>
    private let pods: Store<DynamicObject>
    private let client: KubernetesClient

    package init(
        client: KubernetesClient,
        deployments: Store<DynamicObject>,
        services: Store<DynamicObject>,
        pods: Store<DynamicObject>
    ) {
        self.client = client
        self.deployments = deployments
        self.services = services
        self.pods = pods
    }

    /// The children as objects, for the writes that are guarded by what was seen.
    package struct Children: Sendable {
        /// By revision.
        package var deployments: [String: DynamicObject] = [:]
        /// By name.
        package var services: [String: DynamicObject] = [:]
    }

    /// What the cluster shows.
    ///
    /// - Parameter loaded: How much of its model the furthest loading pod of each revision has loaded, in `0...1`.
    /// - Throws: ``APIFailure`` when something had to be asked for and could not be.
    package func observe(
        _ object: ModelDeployment,
        policy: Policy,
        loaded: [String: Double] = [:]
    ) async throws -> (Observation, Children) {
        var observation = Observation()
        var children = Children()
        let own = pods.indexed(by: Self.index, object.key.description)
        for deployment in deployments.indexed(by: Self.index, object.key.description) {
            guard let revision = deployment.metadata.labels[ChildNames.revisionLabel] else { continue }
            // Of a deleted owner that was made anew, the garbage collector may still be taking the old children away.
            guard !deployment.metadata.isBeingDeleted else { continue }
            guard isOurs(deployment.metadata, object) else {
                observation.conflicts.append(conflict("Deployment", deployment.metadata))
                continue
            }
            children.deployments[revision] = deployment
            let pods = own.filter { $0.metadata.labels[ChildNames.revisionLabel] == revision }
            observation.tracks.append(
                track(deployment, revision: revision, pods: pods, policy: policy, loaded: loaded[revision] ?? 0)
            )
        }
        observation.tracks.sort { $0.revision < $1.revision }
        guard !object.metadata.isBeingDeleted else {
            observation.isNamespaceTerminating = try await isTerminating(object.metadata.namespace)
            for service in services.indexed(by: Self.index, object.key.description)
            where isOurs(service.metadata, object) {
                observe(service, object, &observation, &children)
            }
            return (observation, children)
        }
        for service in TrackService.allCases {
            let key = ObjectKey(namespace: object.metadata.namespace, name: service.name(of: object.metadata.name))
            guard let found = try await find(services, .service, key), !found.metadata.isBeingDeleted else { continue }
            guard isOurs(found.metadata, object) else {
                observation.conflicts.append(conflict("Service", found.metadata))
                continue
            }
            observe(found, object, &observation, &children)
        }
        if children.deployments[policy.revision] == nil {
            let name = ChildNames.deployment(object.metadata.name, revision: policy.revision)
            let key = ObjectKey(namespace: object.metadata.namespace, name: name)
            if let found = try await find(deployments, .deployment, key), !isOurs(found.metadata, object) {
                observation.conflicts.append(conflict("Deployment", found.metadata))
            }
        }
        return (observation, children)
    }

    /// The name of the index by which children are found: `namespace/name` of the ModelDeployment.
    package static let index = "modeldeployment"

    /// The index over the label of children.
    package static func childIndex() -> Index<DynamicObject> {
        Index(index) { object in
            object.metadata.labels[ChildNames.deploymentLabel].map {
                [ObjectKey(namespace: object.metadata.namespace, name: $0).description]
            } ?? []
        }
    }

    // MARK: Parts

    private func track(
        _ deployment: DynamicObject,
        revision: String,
        pods: [DynamicObject],
        policy: Policy,
        loaded: Double
    ) -> TrackObservation {
        let desired = deployment["spec", "replicas"]?.integer ?? 1
        let isSettled = (deployment["status", "observedGeneration"]?.integer ?? 0) >= deployment.metadata.generation
        let available = deployment["status", "availableReplicas"]?.integer ?? 0
        let replicas = deployment["status", "replicas"]?.integer ?? 0
        return TrackObservation(
            revision: revision,
            name: deployment.metadata.name,
            version: deployment.metadata.annotations[ChildNames.versionAnnotation] ?? "",
            desired: desired,
            // Until the Deployment controller has seen the last change, its numbers speak of the one before.
            replicas: isSettled ? replicas : max(replicas, desired),
            ready: deployment["status", "readyReplicas"]?.integer ?? 0,
            available: available,
            createdAt: deployment.metadata.creationTimestamp,
            trouble: available < desired ? PodDiagnosis.trouble(of: pods, deployment: deployment) : nil,
            progress: PodDiagnosis.progress(of: pods, loaded: loaded),
            isCurrent: (deployment["spec", "minReadySeconds"]?.integer ?? 0) == policy.minReadySeconds
        )
    }

    private func observe(
        _ service: DynamicObject,
        _ object: ModelDeployment,
        _ observation: inout Observation,
        _ children: inout Children
    ) {
        children.services[service.metadata.name] = service
        let revision = service["spec", "selector", ChildNames.revisionLabel]?.string
        let port = service["spec", "ports"]?.array?.first
        let isCurrent =
            service["spec", "selector", ChildNames.deploymentLabel]?.string == object.metadata.name
            && service["spec", "ports"]?.array?.count == 1
            && port?["port"]?.integer == object.spec.service.port
            && port?["targetPort"]?.integer == object.spec.service.effectiveTargetPort
            && service.metadata.controller?.uid == object.metadata.uid
        observation.services.append(
            ServiceObservation(name: service.metadata.name, revision: revision, isCurrent: isCurrent)
        )
    }

    /// Whether a child is this object's, or was orphaned by an earlier one of the same name and may be taken over.
    private func isOurs(_ child: ObjectMeta, _ object: ModelDeployment) -> Bool {
        if let controller = child.controller { return controller.uid == object.metadata.uid }
        return child.labels[ChildNames.deploymentLabel] == object.metadata.name
    }

    private func conflict(_ kind: String, _ child: ObjectMeta) -> OwnershipConflict {
        OwnershipConflict(
            child: "\(kind) \"\(child.name)\"",
            owner: child.controller.map { "\($0.kind) \"\($0.name)\"" } ?? "nobody this operator knows"
        )
    }

    private func find(
        _ store: Store<DynamicObject>,
        _ type: ResourceType,
        _ key: ObjectKey
    ) async throws -> DynamicObject? {
        if let cached = store.get(key) { return cached }
        do {
            return try await client.resource(DynamicObject.self, of: type).get(key)
        } catch let failure as APIFailure where failure.reason == .notFound { return nil }
    }

    private func isTerminating(_ namespace: String) async throws -> Bool {
        do {
            let found = try await client.resource(DynamicObject.self, of: .namespace).get(ObjectKey(name: namespace))
            return found.metadata.isBeingDeleted || found["status", "phase"] == "Terminating"
        } catch let failure as APIFailure where failure.reason == .notFound {
            return true
        } catch let failure as APIFailure where failure.reason == .forbidden {
            return false  // then the way back is tried, which is bounded in time
        }
    }
}
