import JSON
import Kubernetes
import ObjectSchema
import Testing

@Suite("The types of built-in kinds")
struct BuiltInTests {
    @Test("the texts of the types can be read") func texts() throws {
        #expect(try BuiltIn.load().count > 250)
    }

    @Test("every group version has kinds of its own", arguments: BuiltIn.packages.keys.sorted())
    func packages(apiVersion: String) throws {
        let package = try #require(BuiltIn.packages[apiVersion])
        let kinds = BuiltIn.models.filter { $0.key.hasPrefix(package + ".") && $0.value.names("kind") }
        #expect(!kinds.isEmpty)
    }

    @Test("containers are told apart by their names, and ports by number and protocol") func lists() throws {
        let pod = try #require(BuiltIn.schema(for: .pod))
        let containers = try #require(pod.field("spec")?.field("containers"))
        #expect(containers.definition.patchMergeKey == "name")
        #expect(containers.definition.listType == .map(keys: ["name"]))
        let ports = try #require(containers.element?.field("ports"))
        #expect(ports.definition.patchMergeKey == "containerPort")
        #expect(ports.definition.listType == .map(keys: ["containerPort", "protocol"]))
        #expect(pod.field("metadata")?.field("finalizers")?.definition.listType == .set)
        #expect(pod.field("metadata")?.field("finalizers")?.definition.mergesScalars == true)
        #expect(pod.field("spec")?.field("tolerations")?.definition.listType == .atomic)
    }

    @Test("an object comes back as the API server writes it, with its defaults") func typed() throws {
        let schema = try #require(BuiltIn.schema(for: .deployment))
        let sent = try JSONValue(
            parsing: """
                {"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"a","labels":{}},"nonsense":1,
                 "spec":{"paused":false,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
                 "spec":{"restartPolicy":"","containers":[{"name":"c","image":"i","resources":{"requests":{"cpu":0.5,
                 "memory":"2048Mi"}},"ports":[{"containerPort":80}]}]}}}}
                """
        )
        let read = schema.defaulted(try schema.typed(sent))
        let expected = try JSONValue(
            parsing: """
                {"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"a","creationTimestamp":null},
                 "spec":{"replicas":1,"revisionHistoryLimit":10,"progressDeadlineSeconds":600,
                 "strategy":{"type":"RollingUpdate"},"selector":{"matchLabels":{"a":"b"}},
                 "template":{"metadata":{"creationTimestamp":null,"labels":{"a":"b"}},
                 "spec":{"restartPolicy":"Always","dnsPolicy":"ClusterFirst","schedulerName":"default-scheduler",
                 "securityContext":{},"terminationGracePeriodSeconds":30,
                 "containers":[{"name":"c","image":"i","resources":{"requests":{"cpu":"500m","memory":"2Gi"}},
                 "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File",
                 "ports":[{"containerPort":80,"protocol":"TCP"}]}]}}},
                 "status":{}}
                """
        )
        #expect(read == expected)
        #expect(schema.validate(read, old: nil, path: "").isEmpty)
    }

    @Test("a field that must be given stays absent and is missed") func demanded() throws {
        let schema = try #require(BuiltIn.schema(for: .pod))
        let read = schema.defaulted(try schema.typed(["spec": ["containers": []]]))
        #expect(schema.validate(read, old: nil, path: "").map(\.field) == ["spec.containers"])
    }

    @Test("text in a number's place is refused in the API server's words") func numbers() throws {
        let schema = try #require(BuiltIn.schema(for: .deployment))
        let sent: JSONValue = ["kind": "Deployment", "spec": ["replicas": "three", "selector": [:]]]
        let problem = try #require(throws: ReadingProblem.self) { try schema.typed(sent) }
        #expect(problem.path == "spec.replicas")
        #expect(
            problem.detail == """
                v1.Deployment.Spec: v1.DeploymentSpec.Replicas: readUint32: unexpected character: \u{FFFD}, error found \
                in #10 byte of ...|eplicas":"three","se|..., bigger context \
                ...|{"kind":"Deployment","spec":{"replicas":"three","selector":{}}}|...
                """
        )
    }

    @Test("a number in a text's place is refused with the types around it") func strings() throws {
        let schema = try #require(BuiltIn.schema(for: .pod))
        let sent: JSONValue = ["spec": ["containers": [["image": 12]]]]
        let problem = try #require(throws: ReadingProblem.self) { try schema.typed(sent) }
        #expect(
            problem.detail.hasPrefix(
                """
                v1.Pod.Spec: v1.PodSpec.Containers: []v1.Container: v1.Container.Image: ReadString: \
                expects " or n, but found 1, error
                """
            )
        )
        #expect(problem.path == "spec.containers[0].image")
    }

    @Test(
        "quantities have one form",
        arguments: [
            ("0.5", "500m"), ("1000m", "1"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("100", "100"), ("1e3", "1e3"),
            ("1500", "1500"), ("2000k", "2M"), ("0", "0"), ("-1", "-1"), ("512Ki", "512Ki"), ("1Ki", "1Ki"),
            ("0.5Ki", "512"), ("0.0000000001", "1n"), ("5000000000", "5G"),
        ]
    )
    func quantities(text: String, form: String) throws {
        #expect(try #require(Quantity(text)).description == form)
    }

    @Test("what is no quantity is refused", arguments: ["", "a", "1x", "1.2.3", "--1", "1kk"])
    func noQuantities(text: String) { #expect(Quantity(text) == nil) }

    @Test(
        "a text of types that makes no sense is refused",
        arguments: ["Name: x", "package a\nName: x\n    field", "package a\nName: x\n    field Missing"]
    )
    func faults(text: String) { #expect(throws: NotationError.self) { try BuiltIn.load(["\(text)\n"]) } }
}
