import JSON
import Testing

/// Objects that are refused, with the words that people and clients read.
enum ValidationCases {
    private static func refuses(
        _ what: String,
        _ path: String,
        _ object: JSONValue,
        _ message: String,
        pods: Bool = false
    ) -> ConformanceCase {
        ConformanceCase("\(what) is invalid") { api in
            if pods { try await api.readyForPods() }
            try await api.post(path, object).refuses(422, "Invalid", message)
        }
    }

    private static func deployment(_ change: (inout JSONValue) -> Void) -> JSONValue {
        var object = Sample.deployment("a")
        change(&object)
        return object
    }

    private static func pod(_ spec: JSONValue) -> JSONValue {
        var spec = spec
        spec["automountServiceAccountToken"] = false
        return ["metadata": ["name": "a"], "spec": spec]
    }

    private static let container: JSONValue = ["name": "main", "image": "x"]
    private static let subdomain =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
        + "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    private static let label =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
        + "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
        + "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    private static let dnsLabel =
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        + "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation "
        + "is '[a-z]([-a-z0-9]*[a-z0-9])?')"

    static let all: [ConformanceCase] = [
        refuses(
            "a name with capitals",
            "v1/configmaps",
            Sample.configMap("A_b"),
            #"ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b": \#(subdomain)"#
        ),
        refuses(
            "a service's name that begins with a digit",
            "v1/services",
            Sample.service("1a"),
            #"Service "1a" is invalid: metadata.name: Invalid value: "1a": \#(dnsLabel)"#
        ),
        refuses(
            "a label's value with a blank",
            "v1/configmaps",
            Sample.configMap("a", labels: ["x": "a b"]),
            #"ConfigMap "a" is invalid: metadata.labels: Invalid value: "a b": \#(label)"#
        ),
        refuses(
            "a key of data with a slash",
            "v1/configmaps",
            Sample.configMap("a", ["x/y": "1"]),
            #"ConfigMap "a" is invalid: data[x/y]: Invalid value: "x/y": a valid config key must consist of "#
                + #"alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex "#
                + #"used for validation is '[-._a-zA-Z0-9]+')"#
        ),
        refuses(
            "a pod without containers",
            "v1/pods",
            pod(["containers": []]),
            #"Pod "a" is invalid: spec.containers: Required value"#,
            pods: true
        ),
        refuses(
            "a container without name and image",
            "v1/pods",
            pod(["containers": [[:]]]),
            #"Pod "a" is invalid: [spec.containers[0].name: Required value, spec.containers[0].image: Required value]"#,
            pods: true
        ),
        refuses(
            "two containers of one name",
            "v1/pods",
            pod(["containers": [container, container]]),
            #"Pod "a" is invalid: spec.containers[1].name: Duplicate value: "main""#,
            pods: true
        ),
        refuses(
            "an unknown restart policy",
            "v1/pods",
            pod(["containers": [container], "restartPolicy": "Perhaps"]),
            #"Pod "a" is invalid: spec.restartPolicy: Unsupported value: "Perhaps": supported values: "Always", "#
                + #""OnFailure", "Never""#,
            pods: true
        ),
        ConformanceCase("a pod's containers are not changed but for their images") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a"))
            try await api.patch(
                .strategic,
                "v1/pods/a",
                [
                    "spec": ["containers": [["name": "main", "image": "example.com/main:2"]]]
                ]
            ).must(200)
            let refused = try await api.patch(
                .strategic,
                "v1/pods/a",
                [
                    "spec": ["containers": [["name": "main", "args": ["x"]]]]
                ]
            )
            refused.refuses(422, "Invalid")
            #expect(
                refused["message"]?.string?.hasPrefix(
                    #"Pod "a" is invalid: spec: Forbidden: pod updates may not change fields other than "#
                        + "`spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or "
                        + "`spec.tolerations` (only additions to existing tolerations)"
                ) == true
            )
        },
        refuses(
            "a deployment without selector",
            "apps/v1/deployments",
            deployment { $0["spec"]?["selector"] = nil },
            #"Deployment.apps "a" is invalid: [spec.selector: Required value, spec.template.metadata.labels: Invalid "#
                + #"value: map[string]string{"app":"a"}: `selector` does not match template `labels`]"#
        ),
        refuses(
            "a selector that does not match its pods",
            "apps/v1/deployments",
            deployment { $0["spec"]?["selector"] = ["matchLabels": ["app": "b"]] },
            #"Deployment.apps "a" is invalid: spec.template.metadata.labels: Invalid value: "#
                + #"map[string]string{"app":"a"}: `selector` does not match template `labels`"#
        ),
        refuses(
            "a negative number of replicas",
            "apps/v1/deployments",
            Sample.deployment("a", replicas: -1),
            #"Deployment.apps "a" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"#
        ),
        refuses(
            "a deployment of pods that end",
            "apps/v1/deployments",
            deployment { $0["spec"]?["template"]?["spec"]?["restartPolicy"] = "Never" },
            #"Deployment.apps "a" is invalid: spec.template.spec.restartPolicy: Unsupported value: "Never": supported "#
                + #"values: "Always""#
        ),
        ConformanceCase("a deployment's selector does not change") { api in
            try await api.create("apps/v1/deployments", Sample.deployment("a"))
            let refused = try await api.patch(
                .merge,
                "apps/v1/deployments/a",
                [
                    "spec": [
                        "selector": ["matchLabels": ["app": "b"]],
                        "template": ["metadata": ["labels": ["app": "b"]]],
                    ]
                ]
            )
            refused.refuses(422, "Invalid")
            #expect(refused["message"]?.string?.hasSuffix("field is immutable") == true)
            #expect(refused["message"]?.string?.hasPrefix(#"Deployment.apps "a" is invalid: spec.selector: "#) == true)
            refused.has("details.causes.0.reason", "FieldValueInvalid")
            refused.has("details.causes.0.field", "spec.selector")
        },
        ConformanceCase("several faults are told together, each as a cause") { api in
            let refused = try await api.post(
                "apps/v1/deployments",
                deployment {
                    $0["spec"]?["replicas"] = -1
                    $0["spec"]?["template"]?["spec"] = ["containers": []]
                }
            )
            refused.refuses(
                422,
                "Invalid",
                #"Deployment.apps "a" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, "#
                    + "spec.template.spec.containers: Required value]"
            )
            refused.has("details.name", "a")
            refused.has("details.group", "apps")
            refused.has("details.kind", "Deployment")
            refused.has(
                "details.causes",
                [
                    [
                        "reason": "FieldValueInvalid", "field": "spec.replicas",
                        "message": "Invalid value: -1: must be greater than or equal to 0",
                    ],
                    [
                        "reason": "FieldValueRequired", "field": "spec.template.spec.containers",
                        "message": "Required value",
                    ],
                ]
            )
        },
        refuses(
            "a service without ports",
            "v1/services",
            Sample.service("a", ["ports": []]),
            #"Service "a" is invalid: spec.ports: Required value"#
        ),
        refuses(
            "two ports of a service without names",
            "v1/services",
            Sample.service("a", ["ports": [["port": 80], ["port": 81]]]),
            #"Service "a" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: Required value]"#
        ),
        refuses(
            "an unknown type of service",
            "v1/services",
            Sample.service("a", ["type": "Magic"]),
            #"Service "a" is invalid: spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "#
                + #""ExternalName", "LoadBalancer", "NodePort""#
        ),
        refuses(
            "a job that restarts always",
            "batch/v1/jobs",
            ["metadata": ["name": "a"], "spec": ["template": ["spec": ["containers": [container]]]]],
            #"Job.batch "a" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "#
                + #""Never""#
        ),
        refuses(
            "an autoscaler without a most",
            "autoscaling/v1/horizontalpodautoscalers",
            ["metadata": ["name": "a"], "spec": ["maxReplicas": 0, "scaleTargetRef": ["kind": "X", "name": "x"]]],
            #"HorizontalPodAutoscaler.autoscaling "a" is invalid: [spec.maxReplicas: Invalid value: 0: must be greater "#
                + "than 0, spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`]"
        ),
        ConformanceCase("a budget that says both is invalid") { api in
            let refused = try await api.post(
                "policy/v1beta1/poddisruptionbudgets",
                [
                    "metadata": ["name": "a"],
                    "spec": ["minAvailable": 1, "maxUnavailable": 1, "selector": ["matchLabels": ["x": "y"]]],
                ]
            )
            refused.refuses(422, "Invalid")
            refused.has("details.causes.0.field", "spec")
            #expect(
                refused["message"]?.string?.hasSuffix(": minAvailable and maxUnavailable cannot be both set") == true
            )
        },
        ConformanceCase("what a binding refers to does not change") { api in
            func binding(_ role: String) -> JSONValue {
                [
                    "metadata": ["name": "a"],
                    "roleRef": ["kind": "ClusterRole", "name": .string(role), "apiGroup": "rbac.authorization.k8s.io"],
                ]
            }
            try await api.create("rbac.authorization.k8s.io/v1/rolebindings", binding("view"))
            let refused = try await api.put("rbac.authorization.k8s.io/v1/rolebindings/a", binding("edit"))
            refused.refuses(422, "Invalid")
            #expect(refused["message"]?.string?.hasSuffix("cannot change roleRef") == true)
        },
        refuses(
            "a secret of a type without its data",
            "v1/secrets",
            ["metadata": ["name": "a"], "type": "kubernetes.io/tls", "data": ["tls.crt": ""]],
            #"Secret "a" is invalid: data[tls.key]: Required value"#
        ),
        ConformanceCase("a secret's type does not change") { api in
            try await api.create("v1/secrets", ["metadata": ["name": "a"], "type": "x/x"])
            try await api.put("v1/secrets/a", ["metadata": ["name": "a"], "type": "x/y"]).refuses(
                422,
                "Invalid",
                #"Secret "a" is invalid: type: Invalid value: "x/y": field is immutable"#
            )
        },
        refuses(
            "an event about another namespace",
            "v1/events",
            ["metadata": ["name": "a"], "involvedObject": ["kind": "Pod", "namespace": "elsewhere", "name": "x"]],
            #"Event "a" is invalid: involvedObject.namespace: Invalid value: "elsewhere": does not match event.namespace"#
        ),
    ]
}
