import JSON
import Kubernetes
import Testing

@testable import EmbeddedAPI

@Suite("What the server fills in and refuses")
struct AdmissionTests {
    private let cluster: CoreFixture
    private static let template: JSONValue = [
        "metadata": ["labels": ["a": "b"]], "spec": ["containers": [["name": "c", "image": "x"]]],
    ]
    private static let deployment: JSONValue = [
        "spec": ["selector": ["matchLabels": ["a": "b"]], "template": template]
    ]

    init() throws { cluster = try CoreFixture() }

    @Test("a service gets an address of its own, which it keeps")
    func addresses() throws {
        let ports: JSONValue = ["spec": ["ports": [["port": 80]]]]
        let a = try cluster.create(.service, "a", ports)
        let b = try cluster.create(.service, "b", ports)
        let address = try #require(a["spec"]?["clusterIP"]?.string)
        #expect(address.hasPrefix("127.96."))
        #expect(a["spec"]?["clusterIPs"] == [.string(address)])
        #expect(b["spec"]?["clusterIP"]?.string != address)
        #expect(a["spec"]?["ports"]?[0] == ["port": 80, "protocol": "TCP", "targetPort": 80])
        let status = refusal { () throws(APIStatus) in
            try cluster.merge(.service, "a", ["spec": ["clusterIP": "127.96.9.9"]])
        }
        #expect(
            status.message == "Service \"a\" is invalid: spec.clusterIPs[0]: Invalid value: "
                + "[]string{\"127.96.9.9\"}: may not change once set"
        )
        let taken = refusal { () throws(APIStatus) in
            try cluster.create(.service, "c", ["spec": ["clusterIP": .string(address), "ports": [["port": 1]]]])
        }
        #expect(taken.message.hasSuffix("with error:provided IP is already allocated"))
        try cluster.call(.delete, .service, "a")
        let again = try cluster.create(
            .service,
            "c",
            ["spec": ["clusterIP": .string(address), "ports": [["port": 1]]]]
        )
        #expect(again["spec"]?["clusterIP"]?.string == address)
    }

    @Test("node ports are given, kept apart and taken back")
    func nodePorts() throws {
        let made = try cluster.create(
            .service,
            "a",
            [
                "spec": [
                    "type": "NodePort",
                    "ports": [["name": "x", "port": 80], ["name": "y", "port": 81, "nodePort": 30000]],
                ]
            ]
        )
        #expect(made["spec"]?["ports"]?[0]?["nodePort"] == 30001)
        #expect(made["spec"]?["externalTrafficPolicy"] == "Cluster")
        let taken = refusal { () throws(APIStatus) in
            try cluster.create(
                .service,
                "b",
                ["spec": ["type": "NodePort", "ports": [["port": 80, "nodePort": 30000]]]]
            )
        }
        #expect(
            taken.message == "Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 30000: "
                + "provided port is already allocated"
        )
        let plain = try cluster.merge(.service, "a", ["spec": ["type": "ClusterIP"]])
        #expect(plain["spec"]?["ports"]?[0]?["nodePort"] == nil)
        #expect(plain["spec"]?["externalTrafficPolicy"] == nil)
    }

    @Test("a pod gets what the service account and priority admission give, and its quality of service")
    func pods() throws {
        let made = try cluster.create(
            .pod,
            "a",
            [
                "spec": [
                    "containers": [
                        ["name": "c", "image": "x:1", "resources": ["limits": ["cpu": "1", "memory": "1Gi"]]]
                    ]
                ]
            ]
        )
        #expect(made["spec"]?["serviceAccountName"] == "default")
        #expect(made["spec"]?["priority"] == 0)
        #expect(made["spec"]?["containers"]?[0]?["imagePullPolicy"] == "IfNotPresent")
        #expect(made["spec"]?["containers"]?[0]?["resources"]?["requests"] == ["cpu": "1", "memory": "1Gi"])
        #expect(made["status"]?["phase"] == "Pending")
        #expect(made["status"]?["qosClass"] == "Guaranteed")
        #expect(made["spec"]?["tolerations"]?.array?.count == 2)
    }

    @Test("what is wrong with a pod is told field by field")
    func podFaults() throws {
        let status = refusal { () throws(APIStatus) in
            try cluster.create(
                .pod,
                "b",
                [
                    "spec": [
                        "restartPolicy": "Foo",
                        "containers": [
                            ["name": "C", "image": ""], ["name": "d", "image": "x"], ["name": "d", "image": "x"],
                        ],
                    ]
                ]
            )
        }
        #expect(status.code == 422)
        #expect(
            status.causes.map(\.field) == [
                "spec.containers[0].name", "spec.containers[0].image", "spec.containers[2].name", "spec.restartPolicy",
            ]
        )
        #expect(status.causes[2].message == "Duplicate value: \"d\"")
        #expect(
            status.causes[3].message
                == "Unsupported value: \"Foo\": supported values: \"Always\", \"OnFailure\", \"Never\""
        )
    }

    @Test("of a pod only images, the deadline and more tolerations may change")
    func podChanges() throws {
        try cluster.create(.pod, "a", ["spec": ["containers": [["name": "c", "image": "x:1"]]]])
        var pod = try cluster.get(.pod, "a")
        pod["spec"]?["containers"] = .array([["name": "c", "image": "x:2", "imagePullPolicy": "IfNotPresent"]])
        #expect(try cluster.update(.pod, pod)["spec"]?["containers"]?[0]?["image"] == "x:2")
        let status = refusal { () throws(APIStatus) in try cluster.merge(.pod, "a", ["spec": ["nodeName": "n"]]) }
        #expect(status.message.hasPrefix("Pod \"a\" is invalid: spec: Forbidden: pod updates may not change fields"))
    }

    @Test("a binding gives a pod its node once")
    func binding() throws {
        try cluster.create(.pod, "a", ["spec": ["containers": [["name": "c", "image": "x:1"]]]])
        let body: JSONValue = ["metadata": ["name": "a", "annotations": ["k": "v"]], "target": ["name": "n1"]]
        try cluster.call(.create, .pod, "a", body: body) { $0.subresource = "binding" }
        let pod = try cluster.get(.pod, "a")
        #expect(pod["spec"]?["nodeName"] == "n1")
        #expect(pod.meta("annotations") == ["k": "v"])
        #expect(pod["status"]?["conditions"]?[0]?["type"] == "PodScheduled")
        let status = refusal { () throws(APIStatus) in
            try cluster.call(.create, .pod, "a", body: body) { $0.subresource = "binding" }
        }
        #expect(
            status.message == "Operation cannot be fulfilled on pods/binding \"a\": pod a is already assigned to "
                + "node \"n1\""
        )
    }

    @Test("a deployment gets its defaults, and counts changes of its specification and annotations")
    func deployments() throws {
        let made = try cluster.create(.deployment, "d", Self.deployment)
        #expect(made["spec"]?["replicas"] == 1)
        #expect(
            made["spec"]?["strategy"]
                == ["type": "RollingUpdate", "rollingUpdate": ["maxUnavailable": "25%", "maxSurge": "25%"]]
        )
        #expect(made.meta("generation") == 1)
        #expect(try cluster.merge(.deployment, "d", ["spec": ["replicas": 2]]).meta("generation") == 2)
        #expect(try cluster.merge(.deployment, "d", ["metadata": ["labels": ["x": "y"]]]).meta("generation") == 2)
        #expect(try cluster.merge(.deployment, "d", ["metadata": ["annotations": ["x": "y"]]]).meta("generation") == 3)
        let status = try cluster.merge(
            .deployment,
            "d",
            ["spec": ["replicas": 9], "metadata": ["labels": ["x": "z"]], "status": ["replicas": 2]],
            subresource: "status"
        )
        #expect(status.meta("generation") == 3)
        #expect(status["spec"]?["replicas"] == 2)
        #expect(status["status"]?["replicas"] == 2)
        #expect(status.labels == ["x": "y"])
        #expect(try cluster.merge(.deployment, "d", ["status": ["replicas": 5]])["status"]?["replicas"] == 2)
    }

    @Test("selectors must fit their template and stay as they are")
    func selectors() throws {
        try cluster.create(.deployment, "d", Self.deployment)
        let changed = refusal { () throws(APIStatus) in
            try cluster.merge(
                .deployment,
                "d",
                [
                    "spec": [
                        "selector": ["matchLabels": ["a": "c"]], "template": ["metadata": ["labels": ["a": "c"]]],
                    ]
                ]
            )
        }
        #expect(
            changed.message == "Deployment.apps \"d\" is invalid: spec.selector: Invalid value: "
                + "v1.LabelSelector{MatchLabels:map[string]string{\"a\":\"c\"}, "
                + "MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable"
        )
        var other = Self.deployment
        other[path: ["spec", "template", "metadata", "labels"]] = ["a": "c"]
        let wrong = refusal { () throws(APIStatus) in try cluster.create(.deployment, "e", other) }
        #expect(
            wrong.message == "Deployment.apps \"e\" is invalid: spec.template.metadata.labels: Invalid value: "
                + "map[string]string{\"a\":\"c\"}: `selector` does not match template `labels`"
        )
    }

    @Test("the scale of a deployment is read and written by itself")
    func scale() throws {
        try cluster.create(.deployment, "d", Self.deployment)
        let scale = try cluster.call(.get, .deployment, "d") { $0.subresource = "scale" }
        #expect(scale["kind"] == "Scale" && scale["spec"]?["replicas"] == 1)
        #expect(scale["status"] == ["replicas": 0, "selector": "a=b"])
        let changed = try cluster.merge(.deployment, "d", ["spec": ["replicas": 3]], subresource: "scale")
        #expect(changed["spec"]?["replicas"] == 3)
        #expect(try cluster.get(.deployment, "d").meta("generation") == 2)
        let status = refusal { () throws(APIStatus) in
            try cluster.merge(.deployment, "d", ["spec": ["replicas": -2]], subresource: "scale")
        }
        #expect(
            status.message == "Scale.autoscaling \"d\" is invalid: spec.replicas: Invalid value: -2: must be greater "
                + "than or equal to 0"
        )
    }

    @Test("jobs select their own pods, and their templates stay")
    func jobs() throws {
        let jobs = try cluster.type("jobs", "batch")
        let template: JSONValue = ["spec": ["restartPolicy": "Never", "containers": [["name": "c", "image": "x"]]]]
        let made = try cluster.create(jobs, "j", ["spec": ["template": template]])
        #expect(made["spec"]?["selector"] == ["matchLabels": ["controller-uid": .string(made.uid)]])
        #expect(
            made["spec"]?["template"]?["metadata"]?["labels"]
                == ["controller-uid": .string(made.uid), "job-name": "j"]
        )
        #expect(made["spec"]?["completions"] == 1)
        #expect(made.meta("generation") == nil)
        let status = refusal { () throws(APIStatus) in
            try cluster.merge(jobs, "j", ["spec": ["template": ["spec": ["restartPolicy": "OnFailure"]]]])
        }
        #expect(status.causes.map(\.field) == ["spec.template"])
    }

    @Test("secrets take plain text, and what is immutable stays")
    func secrets() throws {
        let made = try cluster.create(.secret, "s", ["stringData": ["a": "b"], "data": ["c": "ZA=="]])
        #expect(made["data"] == ["a": "Yg==", "c": "ZA=="])
        #expect(made["stringData"] == nil)
        #expect(made["type"] == "Opaque")
        #expect(refusal { () throws(APIStatus) in try cluster.merge(.secret, "s", ["type": "x"]) }.code == 422)
        try cluster.merge(.secret, "s", ["immutable": true])
        let status = refusal { () throws(APIStatus) in
            try cluster.merge(.secret, "s", ["immutable": false, "data": ["c": "YQ=="]])
        }
        #expect(status.causes.map(\.field) == ["immutable", "data"])
    }

    @Test("labels, owners and finalizers are checked for every kind")
    func metadata() throws {
        let status = refusal { () throws(APIStatus) in
            try cluster.create(
                .configMap,
                "a",
                [
                    "metadata": [
                        "labels": ["a b": "c d", "/x": "y"], "finalizers": ["bad"],
                        "ownerReferences": [["apiVersion": "v1", "kind": "Event", "name": "u", "uid": "u"]],
                    ]
                ]
            )
        }
        #expect(
            status.causes.map(\.field) == [
                "metadata.labels", "metadata.labels", "metadata.labels", "metadata.ownerReferences",
                "metadata.finalizers[0]",
            ]
        )
        #expect(status.message.contains("/v1, Kind=Event is disallowed from being an owner"))
    }

    @Test("names are checked by the rules of their kind")
    func names() throws {
        let subdomain = refusal { () throws(APIStatus) in try cluster.create(.configMap, "A_b") }
        #expect(
            subdomain.message.hasPrefix(
                "ConfigMap \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain"
            )
        )
        let missing = refusal { () throws(APIStatus) in try cluster.call(.create, .configMap, body: ["metadata": [:]]) }
        #expect(
            missing.message
                == "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
        )
        let service = refusal { () throws(APIStatus) in
            try cluster.create(.service, "1x", ["spec": ["ports": [["port": 1]]]])
        }
        #expect(service.message.contains("a DNS-1035 label must consist of"))
        let roles = try cluster.type("roles", "rbac.authorization.k8s.io")
        #expect(try cluster.create(roles, "system:Any_thing").name == "system:Any_thing")
    }

    @Test("a body of another kind or version is refused")
    func kinds() throws {
        let kind = refusal { () throws(APIStatus) in
            try cluster.call(.create, .configMap, body: ["kind": "Pod", "apiVersion": "v1", "metadata": ["name": "a"]])
        }
        #expect(
            kind.message == "Pod in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Pod) to "
                + "(core.ConfigMap): unknown conversion"
        )
        let version = refusal { () throws(APIStatus) in
            try cluster.call(
                .create,
                .configMap,
                body: ["kind": "ConfigMap", "apiVersion": "v2", "metadata": ["name": "a"]]
            )
        }
        #expect(
            version.message == "ConfigMap in version \"v2\" cannot be handled as a ConfigMap: no kind \"ConfigMap\" "
                + "is registered for version \"v2\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        )
    }

    @Test("leases and endpoints are made by an update, configmaps are not")
    func upsert() throws {
        let body: (String) -> JSONValue = { ["metadata": ["name": .string($0)]] }
        try cluster.call(.update, .lease, "l", body: body("l"))
        #expect(try cluster.get(.lease, "l").uid.isEmpty == false)
        let again = refusal { () throws(APIStatus) in try cluster.call(.update, .lease, "l", body: body("l")) }
        #expect(
            again.message == "leases.coordination.k8s.io \"l\" is invalid: metadata.resourceVersion: Invalid value: "
                + "0x0: must be specified for an update"
        )
        #expect(
            refusal { () throws(APIStatus) in try cluster.call(.update, .configMap, "l", body: body("l")) }.code == 404
        )
    }

    @Test("fields of the server are not changed by an update")
    func serverFields() throws {
        let made = try cluster.create(.configMap, "a")
        var body = made
        body.setMeta("generation", 7)
        body.setMeta("creationTimestamp", "2020-01-01T00:00:00Z")
        body["data"] = ["k": "v"]
        let written = try cluster.update(.configMap, body)
        #expect(written.meta("generation") == nil)
        #expect(written.meta("creationTimestamp") == made.meta("creationTimestamp"))
    }
}
