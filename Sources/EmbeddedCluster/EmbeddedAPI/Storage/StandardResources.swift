import Kubernetes
import ObjectSchema

/// The built-in resources by name only.
package enum StandardResources {
    /// Of each group and version: kind, plural, short names; `-` before kinds that live in no namespace.
    private static let table: [(group: String, version: String, kinds: String)] = [
        (
            "", "v1",
            """
            -Namespace namespaces ns
            Pod pods po
            Service services svc
            Endpoints endpoints ep
            ConfigMap configmaps cm
            Secret secrets
            ServiceAccount serviceaccounts sa
            Event events ev
            -Node nodes no
            """
        ),
        ("events.k8s.io", "v1", "Event events ev"),
        (
            "apps", "v1",
            """
            Deployment deployments deploy
            ReplicaSet replicasets rs
            StatefulSet statefulsets sts
            """
        ),
        ("batch", "v1", "Job jobs\nCronJob cronjobs cj"),
        ("autoscaling", "v2", "HorizontalPodAutoscaler horizontalpodautoscalers hpa"),
        ("policy", "v1", "PodDisruptionBudget poddisruptionbudgets pdb"),
        ("networking.k8s.io", "v1", "NetworkPolicy networkpolicies netpol\nIngress ingresses ing"),
        ("coordination.k8s.io", "v1", "Lease leases"),
        ("discovery.k8s.io", "v1", "EndpointSlice endpointslices"),
        (
            "rbac.authorization.k8s.io", "v1",
            """
            Role roles
            RoleBinding rolebindings
            -ClusterRole clusterroles
            -ClusterRoleBinding clusterrolebindings
            """
        ),
        ("apiextensions.k8s.io", "v1", "-CustomResourceDefinition customresourcedefinitions crd"),
    ]

    /// In the order of the table.
    package static let all: [ResourceDefinition] = table.flatMap { group, version, kinds in
        kinds.split(separator: "\n").map { line in
            let words = line.split(separator: " ").map(String.init)
            let isNamespaced = !words[0].hasPrefix("-")
            let type = ResourceType(
                group: group,
                version: version,
                kind: isNamespaced ? words[0] : String(words[0].dropFirst()),
                plural: words[1],
                isNamespaced: isNamespaced
            )
            return ResourceDefinition(
                type: type,
                stored: type == .event ? ResourceType(version: "v1", kind: "Event", plural: "events") : type,
                shortNames: Array(words.dropFirst(2)),
                schema: .any,
                hasStatus: statusKinds.contains(type.kind),
                scale: ["Deployment", "ReplicaSet", "StatefulSet"].contains(type.kind)
                    ? .init(labelSelectorPath: ".spec.selector") : nil
            )
        }
    }

    private static let statusKinds: Set<String> = [
        "Namespace", "Pod", "Service", "Node", "Deployment", "ReplicaSet", "StatefulSet", "Job", "CronJob",
        "HorizontalPodAutoscaler", "PodDisruptionBudget", "Ingress", "CustomResourceDefinition",
    ]
}
