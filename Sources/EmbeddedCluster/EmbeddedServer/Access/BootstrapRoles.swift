import EmbeddedAPI
import JSON
import Kubernetes

/// The roles and bindings that every cluster has.
enum BootstrapRoles {
    /// Creates those that are missing.
    static func store(in core: APICore) throws(APIStatus) {
        for (name, rules) in roles {
            try create(
                RBACAuthorizer.clusterRoles,
                name,
                ["rules": .array(rules.map(\.json))],
                in: core
            )
        }
        for (name, groups) in bindings {
            let subjects = groups.map { group -> JSONValue in
                ["kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": .string(group)]
            }
            try create(
                RBACAuthorizer.clusterRoleBindings,
                name,
                [
                    "roleRef": [
                        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": .string(name),
                    ],
                    "subjects": .array(subjects),
                ],
                in: core
            )
        }
    }

    private static func create(
        _ type: ResourceType,
        _ name: String,
        _ content: JSONValue,
        in core: APICore
    ) throws(APIStatus) {
        let key = ObjectKey(name: name)
        guard core.definition(group: type.group, version: type.version, plural: type.plural) != nil,
            core.get(type, key) == nil
        else { return }
        var object = content
        object["apiVersion"] = .string(type.apiVersion)
        object["kind"] = .string(type.kind)
        object["metadata"] = ["name": .string(name), "labels": ["kubernetes.io/bootstrapping": "rbac-defaults"]]
        var call = APICall(.create, type)
        call.body = object
        call.userAgent = "kube-apiserver"
        _ = try core.perform(call)
    }

    private static let bindings: [(name: String, groups: [String])] = [
        ("cluster-admin", ["system:masters"]),
        ("system:basic-user", ["system:authenticated"]),
        ("system:discovery", ["system:authenticated"]),
        ("system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]),
    ]

    private static let read = ["get", "list", "watch"]
    private static let write = ["create", "delete", "deletecollection", "patch", "update"]
    private static let coreResources = [
        "configmaps", "endpoints", "persistentvolumeclaims", "pods", "replicationcontrollers",
        "replicationcontrollers/scale",
        "serviceaccounts", "services",
    ]
    private static let readOnlyResources = [
        "bindings", "events", "limitranges", "namespaces", "namespaces/status", "pods/log", "pods/status",
        "resourcequotas", "resourcequotas/status",
    ]
    private static let workloads: [(group: String, resources: [String])] = [
        (
            "apps",
            [
                "daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets",
                "statefulsets/scale",
            ]
        ),
        ("autoscaling", ["horizontalpodautoscalers"]),
        ("batch", ["cronjobs", "jobs"]),
        ("coordination.k8s.io", ["leases"]),
        ("discovery.k8s.io", ["endpointslices"]),
        ("networking.k8s.io", ["ingresses", "networkpolicies"]),
        ("policy", ["poddisruptionbudgets"]),
    ]

    private static var view: [PolicyRule] {
        [PolicyRule(verbs: read, groups: [""], resources: coreResources + readOnlyResources)]
            + workloads.map { PolicyRule(verbs: read, groups: [$0.group], resources: $0.resources) }
            + [PolicyRule(verbs: read, groups: ["events.k8s.io"], resources: ["events"])]
    }

    private static var edit: [PolicyRule] {
        view + [
            PolicyRule(verbs: read + write, groups: [""], resources: ["secrets"]),
            PolicyRule(verbs: write, groups: [""], resources: coreResources + ["pods/eviction"]),
        ] + workloads.map { PolicyRule(verbs: write, groups: [$0.group], resources: $0.resources) }
    }

    private static var roles: [(name: String, rules: [PolicyRule])] {
        let discoveryPaths = [
            "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version",
            "/version/",
        ]
        return [
            (
                "cluster-admin",
                [
                    PolicyRule(verbs: ["*"], groups: ["*"], resources: ["*"]),
                    PolicyRule(verbs: ["*"], paths: ["*"]),
                ]
            ),
            (
                "admin",
                edit + [
                    PolicyRule(
                        verbs: read + write,
                        groups: ["rbac.authorization.k8s.io"],
                        resources: ["rolebindings", "roles"]
                    ),
                    PolicyRule(
                        verbs: ["create"],
                        groups: ["authorization.k8s.io"],
                        resources: ["localsubjectaccessreviews"]
                    ),
                ]
            ),
            ("edit", edit),
            ("view", view),
            (
                "system:basic-user",
                [
                    PolicyRule(
                        verbs: ["create"],
                        groups: ["authorization.k8s.io"],
                        resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
                    )
                ]
            ),
            ("system:discovery", [PolicyRule(verbs: ["get"], paths: discoveryPaths)]),
            (
                "system:public-info-viewer",
                [PolicyRule(verbs: ["get"], paths: ["/healthz", "/livez", "/readyz", "/version", "/version/"])]
            ),
        ]
    }
}
