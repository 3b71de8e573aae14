package import ControllerRuntime
import HomeostatAPI
package import Kubernetes

/// The caches and the controller of ModelDeployments, put together.
package struct ModelDeploymentsSetup {
    private let client: KubernetesClient
    private let namespace: String
    private let workers: Int
    private let source: any EvidenceSource
    private let fence: Fence
    private let runtime: RuntimeContext
    private let metrics: RolloutMetrics
    private let tell: @Sendable (EventNote) -> Void

    /// - Parameters:
    ///   - namespace: Empty for all.
    ///   - workers: How many objects are looked after at the same time.
    ///   - tell: Takes what people are told; must not wait.
    package init(
        client: KubernetesClient,
        namespace: String = "",
        workers: Int = 4,
        source: any EvidenceSource,
        fence: Fence,
        runtime: RuntimeContext,
        metrics: RolloutMetrics,
        tell: @escaping @Sendable (EventNote) -> Void
    ) {
        self.client = client
        self.namespace = namespace
        self.workers = workers
        self.source = source
        self.fence = fence
        self.runtime = runtime
        self.metrics = metrics
        self.tell = tell
    }

    /// Adds the informers and the controller to a manager.
    package func add(to manager: Manager) {
        let objects = Informer<ModelDeployment>(
            client: client.resource(ModelDeployment.self),
            namespace: namespace,
            runtime: runtime
        )
        let deployments = children(.deployment)
        let services = children(.service)
        let pods = children(.pod) { pod in
            // Of pods only their way to ready is read.
            pod["spec", "volumes"] = nil
            pod["spec", "containers"] = nil
        }
        let cached = CachedClient<ModelDeployment>(client.resource(), objects)
        let reconciler = ModelDeploymentReconciler(
            objects: cached,
            observer: Observer(
                client: client,
                deployments: deployments.store,
                services: services.store,
                pods: pods.store
            ),
            actuator: Actuator(
                objects: cached,
                deployments: CachedClient(client.resource(of: .deployment), deployments),
                services: CachedClient(client.resource(of: .service), services),
                fence: fence
            ),
            source: source,
            fence: fence,
            clock: SteadyWallClock(runtime.clock),
            logger: runtime.logger,
            metrics: metrics,
            tell: tell
        )
        let controller = Controller(
            name: "modeldeployment",
            reconciler: reconciler,
            options: ControllerOptions(maxConcurrent: workers),
            runtime: runtime
        )
        controller.watch(objects)
        for informer in [deployments, services] {
            controller.watch(informer, map: KeyMap.label(ChildNames.deploymentLabel))
            controller.watch(informer, map: KeyMap.owner(ModelDeployment.resource))
            // Another's child can have a name that an object needs for its own, which is free when that child is gone.
            controller.watch(informer) { [store = objects.store] child in
                ChildNames.claimants(of: child.metadata.name)
                    .map { ObjectKey(namespace: child.metadata.namespace, name: $0) }
                    .filter { store.get($0) != nil }
            }
        }
        controller.watch(pods, map: KeyMap.label(ChildNames.deploymentLabel))
        manager.add(objects)
        for informer in [deployments, services, pods] { manager.add(informer) }
        manager.add(controller)
    }

    private func children(
        _ type: ResourceType,
        transform: (@Sendable (inout DynamicObject) -> Void)? = nil
    ) -> Informer<DynamicObject> {
        Informer(
            client: client.resource(DynamicObject.self, of: type),
            namespace: namespace,
            labelSelector: ChildNames.deploymentLabel,
            indexes: [Observer.childIndex()],
            transform: transform,
            runtime: runtime
        )
    }
}
