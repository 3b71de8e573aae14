import JSON
import Testing

/// What is filled in on admission.
enum DefaultCases {
    /// What a created object has at paths; nil for nothing.
    private static func fills(
        _ what: String,
        _ path: String,
        _ object: JSONValue,
        _ expected: [(String, JSONValue?)],
        pods: Bool = false
    ) -> ConformanceCase {
        ConformanceCase("defaults of \(what) are filled in") { api in
            if pods { try await api.readyForPods() }
            let made = try await api.create(path, object)
            for (path, value) in expected { made.has(path, value) }
        }
    }

    private static let template: JSONValue = [
        "metadata": ["labels": ["app": "a"]],
        "spec": ["containers": [["name": "main", "image": "example.com/main:1"]], "restartPolicy": "Never"],
    ]

    static let all: [ConformanceCase] = [
        fills(
            "a pod",
            "v1/pods",
            Sample.pod("a", scheduler: nil),
            [
                ("spec.restartPolicy", "Always"), ("spec.dnsPolicy", "ClusterFirst"),
                ("spec.schedulerName", "default-scheduler"), ("spec.terminationGracePeriodSeconds", 30),
                ("spec.serviceAccountName", "default"), ("spec.serviceAccount", "default"),
                ("spec.enableServiceLinks", true), ("spec.securityContext", [:]), ("spec.priority", 0),
                ("spec.preemptionPolicy", "PreemptLowerPriority"), ("status.phase", "Pending"),
                ("status.qosClass", "BestEffort"),
                ("spec.containers.0.imagePullPolicy", "IfNotPresent"), ("spec.containers.0.resources", [:]),
                ("spec.containers.0.terminationMessagePath", "/dev/termination-log"),
                ("spec.containers.0.terminationMessagePolicy", "File"),
            ],
            pods: true
        ),
        ConformanceCase("a pod tolerates its node's troubles for a while") { api in
            try await api.readyForPods()
            let pod = try await api.create("v1/pods", Sample.pod("a"))
            pod.has(
                "spec.tolerations",
                [
                    [
                        "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute",
                        "tolerationSeconds": 300,
                    ],
                    [
                        "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
                        "tolerationSeconds": 300,
                    ],
                ]
            )
        },
        ConformanceCase("images without a fixed tag are always pulled") { api in
            try await api.readyForPods()
            for (name, image) in [("a", "example.com/main"), ("b", "example.com/main:latest")] {
                var pod = Sample.pod(name)
                pod["spec"]?["containers"] = [["name": "main", "image": .string(image)]]
                try await api.create("v1/pods", pod).has("spec.containers.0.imagePullPolicy", "Always")
            }
        },
        ConformanceCase("limits are requests when there are none, and quantities are in their shortest form") { api in
            try await api.readyForPods()
            var pod = Sample.pod("a")
            pod["spec"]?["containers"] = [
                [
                    "name": "main", "image": "x",
                    "resources": ["limits": ["cpu": "1000m", "memory": "1024Ki"]],
                ]
            ]
            let made = try await api.create("v1/pods", pod)
            made.has("spec.containers.0.resources.requests", ["cpu": "1", "memory": "1Mi"])
            made.has("spec.containers.0.resources.limits", ["cpu": "1", "memory": "1Mi"])
            made.has("status.qosClass", "Guaranteed")
        },
        ConformanceCase("a pod with requests alone is burstable") { api in
            try await api.readyForPods()
            var pod = Sample.pod("a")
            pod["spec"]?["containers"] = [
                ["name": "main", "image": "x", "resources": ["requests": ["cpu": 0.5]]]
            ]
            let made = try await api.create("v1/pods", pod)
            made.has("spec.containers.0.resources.requests.cpu", "500m")
            made.has("status.qosClass", "Burstable")
        },
        ConformanceCase("probes have periods, limits and thresholds") { api in
            try await api.readyForPods()
            var pod = Sample.pod("a")
            pod["spec"]?["containers"] = [
                [
                    "name": "main", "image": "x",
                    "readinessProbe": ["httpGet": ["port": 80]],
                    "livenessProbe": ["tcpSocket": ["port": "http"]],
                    "ports": [["containerPort": 80, "name": "http"]],
                ]
            ]
            let made = try await api.create("v1/pods", pod)
            made.has(
                "spec.containers.0.readinessProbe",
                [
                    "httpGet": ["path": "/", "port": 80, "scheme": "HTTP"], "timeoutSeconds": 1, "periodSeconds": 10,
                    "successThreshold": 1, "failureThreshold": 3,
                ]
            )
            made.has("spec.containers.0.livenessProbe.tcpSocket.port", "http")
            made.has("spec.containers.0.ports", [["containerPort": 80, "name": "http", "protocol": "TCP"]])
        },
        fills(
            "a deployment",
            "apps/v1/deployments",
            Sample.deployment("a", replicas: nil),
            [
                ("spec.replicas", 1), ("spec.revisionHistoryLimit", 10), ("spec.progressDeadlineSeconds", 600),
                ("spec.strategy.type", "RollingUpdate"),
                ("spec.strategy.rollingUpdate", ["maxUnavailable": "25%", "maxSurge": "25%"]),
                ("spec.template.spec.restartPolicy", "Always"), ("spec.template.metadata.creationTimestamp", .null),
                ("status", [:]),
            ]
        ),
        ConformanceCase("a job selects its own pods") { api in
            let made = try await api.create(
                "batch/v1/jobs",
                ["metadata": ["name": "a"], "spec": ["template": template]]
            )
            made.has("spec.parallelism", 1)
            made.has("spec.completions", 1)
            made.has("spec.backoffLimit", 6)
            made.has("spec.selector.matchLabels", ["controller-uid": .string(made.uid)])
            made.has("spec.template.metadata.labels.controller-uid", .string(made.uid))
            made.has("spec.template.metadata.labels.job-name", "a")
        },
        fills(
            "a cron job",
            "batch/v1beta1/cronjobs",
            [
                "metadata": ["name": "a"],
                "spec": ["schedule": "0 0 * * *", "suspend": true, "jobTemplate": ["spec": ["template": template]]],
            ],
            [
                ("spec.concurrencyPolicy", "Allow"), ("spec.successfulJobsHistoryLimit", 3),
                ("spec.failedJobsHistoryLimit", 1), ("spec.suspend", true),
            ]
        ),
        ConformanceCase("a service gets an address") { api in
            let made = try await api.create("v1/services", Sample.service("a"))
            let address = try #require(made["spec.clusterIP"]?.string)
            #expect(address.split(separator: ".").count == 4)
            made.has("spec.clusterIPs", [.string(address)])
            made.has("spec.type", "ClusterIP")
            made.has("spec.sessionAffinity", "None")
            made.has("spec.ports", [["port": 80, "protocol": "TCP", "targetPort": 80]])
            made.has("status", ["loadBalancer": [:]])
        },
        ConformanceCase("a service keeps its address") { api in
            let made = try await api.create("v1/services", Sample.service("a"))
            let address = try #require(made["spec.clusterIP"])
            var object = Sample.service("a", ["ports": [["port": 81]]])
            object["metadata"]?["resourceVersion"] = .string(made.version)
            try await api.put("v1/services/a", object).refuses(
                422,
                "Invalid",
                #"Service "a" is invalid: spec.clusterIPs[0]: Invalid value: []string(nil): primary clusterIP can not be "#
                    + "unset"
            )
            try await api.patch(.merge, "v1/services/a", ["spec": ["ports": [["port": 82]]]]).must(200)
                .has("spec.clusterIP", address)
            try await api.patch(.merge, "v1/services/a", ["spec": ["clusterIP": "1.2.3.4", "clusterIPs": ["1.2.3.4"]]])
                .refuses(422, "Invalid")
        },
        ConformanceCase("a headless service has no address") { api in
            let made = try await api.create("v1/services", Sample.service("a", ["clusterIP": "None"]))
            made.has("spec.clusterIP", "None")
        },
        ConformanceCase("an address is given once") { api in
            let made = try await api.create("v1/services", Sample.service("a"))
            let address = try #require(made["spec.clusterIP"])
            let refused = try await api.post("v1/services", Sample.service("b", ["clusterIP": address]))
            refused.refuses(
                422,
                "Invalid",
                #"Service "b" is invalid: spec.clusterIPs: Invalid value: []string{"\#(address.string ?? "")"}: failed to "#
                    + "allocated ip:\(address.string ?? "") with error:provided IP is already allocated"
            )
            try await api.delete("v1/services/a").must(200)
            try await api.create("v1/services", Sample.service("b", ["clusterIP": address]))
        },
        ConformanceCase("a service for nodes gets a port of theirs") { api in
            let made = try await api.create("v1/services", Sample.service("a", ["type": "NodePort"]))
            let port = try #require(made["spec.ports.0.nodePort"]?.integer)
            #expect((30_000...32_767).contains(port))
            made.has("spec.externalTrafficPolicy", "Cluster")
        },
        fills(
            "an external service",
            "v1/services",
            Sample.service("a", ["type": "ExternalName", "externalName": "x.y"]),
            [
                ("spec.clusterIP", nil), ("spec.externalName", "x.y"),
            ]
        ),
        fills(
            "a secret",
            "v1/secrets",
            ["metadata": ["name": "a"], "stringData": ["k": "v"]],
            [
                ("type", "Opaque"), ("data", ["k": "dg=="]), ("stringData", nil),
            ]
        ),
        fills(
            "a network policy",
            "networking.k8s.io/v1/networkpolicies",
            ["metadata": ["name": "a"], "spec": ["podSelector": [:], "ingress": [["ports": [["port": 80]]]]]],
            [("spec.policyTypes", ["Ingress"]), ("spec.ingress.0.ports.0.protocol", "TCP")]
        ),
        fills(
            "endpoints",
            "v1/endpoints",
            [
                "metadata": ["name": "a"],
                "subsets": [["addresses": [["ip": "10.0.0.2"], ["ip": "10.0.0.1"]], "ports": [["port": 80]]]],
            ],
            [
                ("subsets.0.ports.0.protocol", "TCP"), ("subsets.0.addresses.0.ip", "10.0.0.2"),
            ]
        ),
        ConformanceCase("a new namespace has a service account") { api in
            let account = try await api.settles("v1/serviceaccounts", "default") { $0 != nil }
            #expect(account?.at("metadata.name") == "default")
        },
        ConformanceCase("the times of a lease keep their microseconds") { api in
            let made = try await api.create(
                "coordination.k8s.io/v1/leases",
                [
                    "metadata": ["name": "a"],
                    "spec": [
                        "holderIdentity": "me", "renewTime": "2021-01-02T03:04:05.678901Z", "leaseDurationSeconds": 15,
                    ],
                ]
            )
            made.has("spec.renewTime", "2021-01-02T03:04:05.678901Z")
        },
    ]
}
