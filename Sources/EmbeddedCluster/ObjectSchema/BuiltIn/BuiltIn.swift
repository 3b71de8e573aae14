package import Kubernetes

/// The schemas of the kinds that an API server has of its own.
///
/// Fields, types and defaults are those of Kubernetes 1.20, with what newer group versions that are served have besides.
/// Defaults are the ones that depend on nothing else; the others belong to the admission of each kind.
package enum BuiltIn {
    /// The schema of a built-in kind in one version; nil for a resource that is not built in.
    package static func schema(for resource: ResourceType) -> Schema? {
        packages[resource.apiVersion].flatMap { models["\($0).\(resource.kind)"] }
    }

    /// The schema of a kind that is no resource of its own, as `Scale`, `Eviction` or `TokenRequest`.
    package static func schema(apiVersion: String, kind: String) -> Schema? {
        packages[apiVersion].flatMap { models["\($0).\(kind)"] }
    }

    /// All types by the names that OpenAPI documents have for them, as `io.k8s.api.core.v1.PodSpec`.
    package static let models: [String: Schema] = {
        do throws(NotationError) {
            return try load()
        } catch {
            // The texts are part of the program, and a test reads them.
            fatalError("\(error)")
        }
    }()

    /// Reads types that are written down in short, those of the built-in kinds unless others are given.
    package static func load(_ texts: [String] = TypeTexts.all) throws(NotationError) -> [String: Schema] {
        try ModelSchemas(texts).schemas
    }

    /// What OpenAPI documents call the package of a group version.
    package static let packages: [String: String] = [
        "v1": "io.k8s.api.core.v1",
        "apps/v1": "io.k8s.api.apps.v1",
        "batch/v1": "io.k8s.api.batch.v1",
        "batch/v1beta1": "io.k8s.api.batch.v1beta1",
        "autoscaling/v1": "io.k8s.api.autoscaling.v1",
        "autoscaling/v2": "io.k8s.api.autoscaling.v2",
        "autoscaling/v2beta2": "io.k8s.api.autoscaling.v2beta2",
        "policy/v1": "io.k8s.api.policy.v1",
        "policy/v1beta1": "io.k8s.api.policy.v1beta1",
        "networking.k8s.io/v1": "io.k8s.api.networking.v1",
        "coordination.k8s.io/v1": "io.k8s.api.coordination.v1",
        "rbac.authorization.k8s.io/v1": "io.k8s.api.rbac.v1",
        "discovery.k8s.io/v1": "io.k8s.api.discovery.v1",
        "discovery.k8s.io/v1beta1": "io.k8s.api.discovery.v1beta1",
        "events.k8s.io/v1": "io.k8s.api.events.v1",
        "authentication.k8s.io/v1": "io.k8s.api.authentication.v1",
        "authorization.k8s.io/v1": "io.k8s.api.authorization.v1",
        "apiextensions.k8s.io/v1": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    ]
}
