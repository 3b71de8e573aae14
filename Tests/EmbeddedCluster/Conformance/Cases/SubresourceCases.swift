import JSON
import Testing

/// Status, scale, eviction and binding.
enum SubresourceCases {
    private static let deployments = "apps/v1/deployments"

    /// A running pod, and a budget that allows none to be missing.
    private static func guarded(_ api: API) async throws {
        try await api.readyForPods()
        try await api.create("v1/pods", Sample.pod("a", labels: ["app": "a"], node: "n1"))
        try await api.patch(
            .merge,
            "v1/pods/a/status",
            [
                "status": ["phase": "Running", "conditions": [["type": "Ready", "status": "True"]]]
            ]
        ).must(200)
        try await api.create(
            "policy/v1beta1/poddisruptionbudgets",
            [
                "metadata": ["name": "b"],
                "spec": ["minAvailable": 1, "selector": ["matchLabels": ["app": "a"]]],
            ]
        )
        try await api.settles("policy/v1beta1/poddisruptionbudgets", "b") {
            $0?.at("status.currentHealthy")?.integer == 1
        }
    }

    private static let eviction: JSONValue = [
        "apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": ["name": "a"],
    ]

    static let all: [ConformanceCase] = [
        ConformanceCase("the status is not written with the object") { api in
            try await api.create(
                "autoscaling/v1/horizontalpodautoscalers",
                [
                    "metadata": ["name": "a"],
                    "spec": ["maxReplicas": 3, "scaleTargetRef": ["kind": "Nothing", "name": "x"]],
                    "status": ["currentReplicas": 5, "desiredReplicas": 6],
                ]
            ).has("status.currentReplicas", 0)
            let path = "autoscaling/v1/horizontalpodautoscalers/a"
            try await api.patch(.merge, path, ["status": ["currentReplicas": 5]]).must(200)
                .has("status.currentReplicas", 0)
        },
        ConformanceCase("the object is not written with the status") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a"))
            let answer = try await api.patch(
                .merge,
                "v1/pods/a/status",
                [
                    "metadata": ["labels": ["x": "y"]], "spec": ["activeDeadlineSeconds": 5],
                    "status": ["message": "hello"],
                ]
            ).must(200)
            answer.has("status.message", "hello")
            answer.has("spec.activeDeadlineSeconds", nil)
        },
        ConformanceCase("a status is read as the object") { api in
            try await api.create(deployments, Sample.deployment("a"))
            let status = try await api.get("\(deployments)/a/status").must(200)
            status.has("kind", "Deployment")
            #expect(status.uid.isEmpty == false)
        },
        ConformanceCase("a status is replaced with the version that was read") { api in
            let made = try await api.create("v1/services", Sample.service("a"))
            var object = made.json
            object["status"] = ["loadBalancer": ["ingress": [["ip": "10.1.2.3"]]]]
            let answer = try await api.put("v1/services/a/status", object).must(200)
            #expect(answer.version != made.version)
            try await api.put("v1/services/a/status", object).refuses(409, "Conflict")
        },
        ConformanceCase("conditions of a pod are merged by type") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a", node: "n1"))
            for type in ["example.com/A", "example.com/B"] {
                try await api.patch(
                    .strategic,
                    "v1/pods/a/status",
                    [
                        "status": ["conditions": [["type": .string(type), "status": "True"]]]
                    ]
                ).must(200)
            }
            let pod = try await api.get("v1/pods/a")
            let types = (pod["status.conditions"]?.array ?? []).compactMap { $0["type"]?.string }
            #expect(Set(types).isSuperset(of: ["example.com/A", "example.com/B"]))
        },
        ConformanceCase("a kind without status has no such subresource") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.get("v1/configmaps/a/status").refuses(
                404,
                "NotFound",
                "the server could not find the requested resource"
            )
        },
        ConformanceCase("a scale shows replicas and selector") { api in
            let made = try await api.create(deployments, Sample.deployment("a"))
            let scale = try await api.get("\(deployments)/a/scale").must(200)
            scale.has("kind", "Scale")
            scale.has("apiVersion", "autoscaling/v1")
            scale.has("metadata.name", "a")
            scale.has("metadata.uid", .string(made.uid))
            scale.has("status.selector", "app=a")
            // Zero is not written.
            scale.has("spec", [:])
        },
        ConformanceCase("a scale is replaced") { api in
            try await api.create(deployments, Sample.deployment("a"))
            let scale: JSONValue = [
                "apiVersion": "autoscaling/v1", "kind": "Scale",
                "metadata": ["name": "a", "namespace": .string(api.namespace)], "spec": ["replicas": 2],
            ]
            try await api.put("\(deployments)/a/scale", scale).must(200).has("spec.replicas", 2)
            let object = try await api.get("\(deployments)/a")
            object.has("spec.replicas", 2)
            object.has("metadata.generation", 2)
        },
        ConformanceCase("a scale is patched") { api in
            try await api.create(
                "apps/v1/statefulsets",
                [
                    "metadata": ["name": "a"],
                    "spec": [
                        "serviceName": "a", "replicas": 0, "selector": ["matchLabels": ["app": "a"]],
                        "template": [
                            "metadata": ["labels": ["app": "a"]],
                            "spec": ["containers": [["name": "main", "image": "example.com/main:1"]]],
                        ],
                    ],
                ]
            )
            try await api.patch(.merge, "apps/v1/statefulsets/a/scale", ["spec": ["replicas": 1]]).must(200)
                .has("spec.replicas", 1)
            try await api.get("apps/v1/statefulsets/a").has("spec.replicas", 1)
        },
        ConformanceCase("a scale is not negative") { api in
            try await api.create(deployments, Sample.deployment("a"))
            try await api.patch(.merge, "\(deployments)/a/scale", ["spec": ["replicas": -1]]).refuses(
                422,
                "Invalid",
                #"Scale.autoscaling "a" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal "#
                    + "to 0"
            )
        },
        ConformanceCase("a scale of an old version conflicts") { api in
            try await api.create(deployments, Sample.deployment("a"))
            let scale: JSONValue = [
                "metadata": ["name": "a", "namespace": .string(api.namespace), "resourceVersion": "1"],
                "spec": ["replicas": 2],
            ]
            try await api.put("\(deployments)/a/scale", scale).refuses(409, "Conflict")
        },
        ConformanceCase("an eviction deletes the pod") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a"))
            let evicted = try await api.post("v1/pods/a/eviction", eviction).must(201)
            evicted.has("kind", "Status")
            evicted.has("status", "Success")
            evicted.has("code", 201)
            try await api.get("v1/pods/a").must(404)
        },
        ConformanceCase("an eviction that a budget forbids is told to try later") { api in
            try await guarded(api)
            let refused = try await api.post("v1/pods/a/eviction", eviction)
            refused.refuses(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget."
            )
            refused.has(
                "details.causes",
                [
                    [
                        "reason": "DisruptionBudget",
                        "message": "The disruption budget b needs 1 healthy pods and has 1 currently",
                    ]
                ]
            )
            try await api.get("v1/pods/a").must(200).has("metadata.deletionTimestamp", nil)
        },
        ConformanceCase("an eviction that a budget allows uses it up") { api in
            try await guarded(api)
            try await api.patch(
                .merge,
                "policy/v1beta1/poddisruptionbudgets/b",
                ["spec": ["minAvailable": 0]]
            ).must(200)
            try await api.settles("policy/v1beta1/poddisruptionbudgets", "b") {
                $0?.at("status.disruptionsAllowed")?.integer == 1
            }
            try await api.post("v1/pods/a/eviction", eviction).must(201)
            try await api.get("v1/pods/a").must(200)
            #expect(try await api.get("v1/pods/a")["metadata.deletionTimestamp"] != nil)
        },
        ConformanceCase("a pod that does not run may be evicted in spite of a budget") { api in
            try await guarded(api)
            try await api.patch(.merge, "v1/pods/a/status", ["status": ["phase": "Failed"]]).must(200)
            try await api.post("v1/pods/a/eviction", eviction).must(201)
        },
        ConformanceCase("an eviction of what does not exist is not found") { api in
            try await api.post("v1/pods/a/eviction", eviction).refuses(404, "NotFound", #"pods "a" not found"#)
        },
        ConformanceCase("an eviction names its pod") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("b"))
            let refused = try await api.post("v1/pods/b/eviction", eviction)
            refused.refuses(400, "BadRequest", "name in URL does not match name in Eviction object")
        },
        ConformanceCase("a dry run of an eviction deletes nothing") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a"))
            try await api.post("v1/pods/a/eviction?dryRun=All", eviction).must(201)
            try await api.get("v1/pods/a").must(200)
        },
        ConformanceCase("a binding gives a pod its node, once") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a"))
            let binding: JSONValue = [
                "apiVersion": "v1", "kind": "Binding", "metadata": ["name": "a"],
                "target": ["apiVersion": "v1", "kind": "Node", "name": "n1"],
            ]
            try await api.post("v1/pods/a/binding", binding).must(201).has("status", "Success")
            let pod = try await api.get("v1/pods/a")
            pod.has("spec.nodeName", "n1")
            try await api.post("v1/pods/a/binding", binding).refuses(
                409,
                "Conflict",
                #"Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1""#
            )
        },
    ]
}
