import HTTPTransport
import JSON
import Testing

/// Tables, as `kubectl get` asks for them, and metadata alone.
enum TableCases {
    private static let table: HTTPHeaders = [
        "Accept": "application/json;as=Table;g=meta.k8s.io;v=v1,application/json"
    ]

    private static func columns(_ answer: Answer, wide: Bool = false) -> [String] {
        (answer["columnDefinitions"]?.array ?? []).filter { wide || $0["priority"] == 0 }
            .compactMap { $0["name"]?.string }
    }

    /// The columns of a kind, with those of `-o wide` after them.
    private static func has(_ kind: String, _ path: String, _ expected: [String]) -> ConformanceCase {
        ConformanceCase("a table of \(kind) has its columns") { api in
            let answer = try await api.get(path, headers: table).must(200)
            answer.has("kind", "Table")
            answer.has("apiVersion", "meta.k8s.io/v1")
            #expect(columns(answer, wide: true) == expected)
        }
    }

    static let all: [ConformanceCase] = [
        has("config maps", "v1/configmaps", ["Name", "Data", "Age"]),
        has("secrets", "v1/secrets", ["Name", "Type", "Data", "Age"]),
        has(
            "pods",
            "v1/pods",
            [
                "Name", "Ready", "Status", "Restarts", "Age", "IP", "Node", "Nominated Node", "Readiness Gates",
            ]
        ),
        has("services", "v1/services", ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"]),
        has(
            "deployments",
            "apps/v1/deployments",
            [
                "Name", "Ready", "Up-to-date", "Available", "Age", "Containers", "Images", "Selector",
            ]
        ),
        has(
            "replica sets",
            "apps/v1/replicasets",
            [
                "Name", "Desired", "Current", "Ready", "Age", "Containers", "Images", "Selector",
            ]
        ),
        has("stateful sets", "apps/v1/statefulsets", ["Name", "Ready", "Age", "Containers", "Images"]),
        has("jobs", "batch/v1/jobs", ["Name", "Completions", "Duration", "Age", "Containers", "Images", "Selector"]),
        has("endpoints", "v1/endpoints", ["Name", "Endpoints", "Age"]),
        has("service accounts", "v1/serviceaccounts", ["Name", "Secrets", "Age"]),
        has(
            "events",
            "v1/events",
            [
                "Last Seen", "Type", "Reason", "Object", "Subobject", "Source", "Message", "First Seen", "Count",
                "Name",
            ]
        ),
        has(
            "autoscalers",
            "autoscaling/v1/horizontalpodautoscalers",
            [
                "Name", "Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age",
            ]
        ),
        has(
            "budgets",
            "policy/v1beta1/poddisruptionbudgets",
            [
                "Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age",
            ]
        ),
        has("ingresses", "networking.k8s.io/v1/ingresses", ["Name", "Class", "Hosts", "Address", "Ports", "Age"]),
        has("leases", "coordination.k8s.io/v1/leases", ["Name", "Holder", "Age"]),
        has(
            "role bindings",
            "rbac.authorization.k8s.io/v1/rolebindings",
            [
                "Name", "Role", "Age", "Users", "Groups", "ServiceAccounts",
            ]
        ),
        has("namespaces", "/api/v1/namespaces", ["Name", "Status", "Age"]),
        ConformanceCase("a table's rows have cells and metadata") { api in
            try await api.create("v1/configmaps", Sample.configMap("a", ["x": "1", "y": "2"], labels: ["t": "1"]))
            let answer = try await api.get("v1/configmaps?labelSelector=t", headers: table).must(200)
            answer.has("rows.0.cells.0", "a")
            answer.has("rows.0.cells.1", 2)
            answer.has("rows.0.object.kind", "PartialObjectMetadata")
            answer.has("rows.0.object.metadata.name", "a")
            answer.has("rows.0.object.data", nil)
            #expect(answer["metadata.resourceVersion"]?.string?.isEmpty == false)
        },
        ConformanceCase("one object is a table of one row") { api in
            try await api.create("apps/v1/deployments", Sample.deployment("a"))
            let answer = try await api.get("apps/v1/deployments/a", headers: table).must(200)
            #expect(answer["rows"]?.array?.count == 1)
            answer.has("rows.0.cells.0", "a")
            answer.has("rows.0.cells.1", "0/0")
        },
        ConformanceCase("a pod's row tells its state") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a"))
            let answer = try await api.get("v1/pods", headers: table).must(200)
            #expect(answer["rows.0.cells"]?.array?.prefix(4) == ["a", "0/1", "Pending", 0])
        },
        ConformanceCase("a service's row tells its address and ports") { api in
            let made = try await api.create("v1/services", Sample.service("a", ["selector": ["app": "a"]]))
            let answer = try await api.get("v1/services", headers: table).must(200)
            let address = made["spec.clusterIP"] ?? .null
            #expect(answer["rows.0.cells"]?.array?.prefix(5) == ["a", "ClusterIP", address, "<none>", "80/TCP"])
            answer.has("rows.0.cells.6", "app=a")
        },
        ConformanceCase("a table of custom objects has the definition's columns") { api in
            try await api.define(
                Sample.definition(
                    api,
                    version: [
                        "additionalPrinterColumns": [
                            ["name": "Size", "type": "integer", "jsonPath": ".spec.size"],
                            ["name": "Colour", "type": "string", "jsonPath": ".spec.colour", "priority": 1],
                            ["name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"],
                        ]
                    ]
                )
            )
            try await api.create("$NS.example.com/v1/widgets", Sample.widget(api, "a", ["size": 3]))
            let answer = try await api.get("$NS.example.com/v1/widgets", headers: table).must(200)
            #expect(columns(answer, wide: true) == ["Name", "Size", "Colour", "Age"])
            #expect(columns(answer) == ["Name", "Size", "Age"])
            #expect(answer["rows.0.cells"]?.array?.prefix(3) == ["a", 3, "red"])
        },
        ConformanceCase("a table of custom objects has an age when nothing is told") { api in
            try await api.define(Sample.definition(api))
            let answer = try await api.get("$NS.example.com/v1/widgets", headers: table).must(200)
            #expect(columns(answer) == ["Name", "Age"])
        },
        ConformanceCase("a list may be of metadata alone") { api in
            try await api.create("v1/configmaps", Sample.configMap("a", ["x": "1"], labels: ["t": "1"]))
            let answer = try await api.get(
                "v1/configmaps?labelSelector=t",
                headers: ["Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"]
            ).must(200)
            answer.has("kind", "PartialObjectMetadataList")
            answer.has("apiVersion", "meta.k8s.io/v1")
            answer.has("items.0.metadata.name", "a")
            answer.has("items.0.data", nil)
        },
        ConformanceCase("an object may be its metadata alone") { api in
            try await api.create("v1/configmaps", Sample.configMap("a", ["x": "1"]))
            let answer = try await api.get(
                "v1/configmaps/a",
                headers: ["Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"]
            ).must(200)
            answer.has("kind", "PartialObjectMetadata")
            answer.has("data", nil)
        },
        ConformanceCase("a refusal is a Status where a table was asked for") { api in
            try await api.get("v1/configmaps/a", headers: table).refuses(
                404,
                "NotFound",
                #"configmaps "a" not found"#
            )
        },
    ]
}
