import EmbeddedAPI
import EmbeddedServer
import JSON
import Kubernetes
import Testing

/// The real kubectl over TLS; skipped where it is not installed.
@Suite("kubectl", .enabled(if: Kubectl.path != nil, "kubectl is not installed"), .timeLimit(.minutes(5)))
struct KubectlTests {
    let fixture: ServerFixture
    let kubectl: Kubectl

    init() throws {
        fixture = try ServerFixture()
        kubectl = try Kubectl(fixture.server)
    }

    @Test("reads the version, the namespaces and the resources") func reads() async throws {
        let version = try await kubectl.succeed("version", "-o", "json")
        #expect(version.contains(#""gitVersion": "v1.32.0+homeostat""#))
        let namespaces = try await kubectl.succeed("get", "namespaces", "-o", "name")
        #expect(namespaces.contains("namespace/kube-system\n"))
        let resources = try await kubectl.succeed("api-resources")
        #expect(resources.contains("deployments"))
        #expect(resources.contains("selfsubjectaccessreviews"))
        let versions = try await kubectl.succeed("api-versions")
        #expect(versions.split(separator: "\n").contains("apps/v1"))
    }

    @Test("creates, applies, changes and deletes an object") func lifecycle() async throws {
        let manifest = """
            apiVersion: v1
            kind: ConfigMap
            metadata:
              name: settings
            data:
              colour: blue
            """
        #expect(try await kubectl.succeed("apply", "-f", "-", input: manifest) == "configmap/settings created\n")
        let changed = manifest.replacing("blue", with: "green")
        #expect(try await kubectl.succeed("apply", "-f", "-", input: changed) == "configmap/settings configured\n")
        #expect(
            try await kubectl.succeed("get", "configmap", "settings", "-o", "jsonpath={.data.colour}") == "green"
        )
        #expect(try await kubectl.succeed("label", "configmap", "settings", "a=b") == "configmap/settings labeled\n")
        #expect(try await kubectl.succeed("get", "cm", "-l", "a=b", "-o", "name") == "configmap/settings\n")
        #expect(try await kubectl.succeed("delete", "cm", "settings") == "configmap \"settings\" deleted\n")
        let gone = try await kubectl("get", "cm", "settings")
        #expect(gone.status == 1)
        #expect(gone.errors == "Error from server (NotFound): configmaps \"settings\" not found\n")
    }

    @Test("prints columns, and more of them when asked") func tables() async throws {
        try fixture.create(.pod, Sample.pod("web"))
        let pods = try await kubectl.succeed("get", "pods")
        #expect(pods.hasPrefix("NAME"))
        #expect(pods.contains("\nweb "))
    }

    @Test("watches a collection until the watch ends") func watch() async throws {
        try fixture.create(.configMap, Sample.configMap("first"))
        async let watched = kubectl.run(["get", "configmaps", "-w", "-o", "name"])
        await fixture.faults.waitForRequests { $0.verb == "watch" && $0.type == .configMap }
        try fixture.create(.configMap, Sample.configMap("second"))
        try fixture.merge(.configMap, "first", ["data": ["a": "b"]])
        try fixture.create(.configMap, Sample.configMap("last"))
        fixture.faults.endWatches()
        let names = try await watched.output.split(separator: "\n")
        #expect(
            names.filter { $0 != "configmap/kube-root-ca.crt" } == [
                "configmap/first", "configmap/second", "configmap/first", "configmap/last",
            ]
        )
    }

    @Test("waits for a condition that comes while it waits") func waits() async throws {
        try fixture.create(.pod, Sample.pod("web"))
        async let waited = kubectl.run(["wait", "--for=condition=Ready", "pod/web", "--timeout=30s"])
        await fixture.faults.waitForRequests { $0.verb == "watch" && $0.type == .pod }
        var call = APICall(.patch, .pod, ObjectKey(namespace: "default", name: "web"))
        call.patchFormat = .merge
        call.subresource = "status"
        call.body = ["status": ["conditions": [["type": "Ready", "status": "True"]]]]
        _ = try fixture.core.perform(call)
        let result = try await waited
        #expect(result.output == "pod/web condition met\n", "\(result.errors)")
    }

    @Test("follows the log of a pod's container") func logs() async throws {
        try fixture.create(.pod, Sample.pod("web", containers: ["main", "side"]))
        fixture.server.front.setLogs { key, options in
            { sink in
                let text = "\(key) \(options.container) \(options.tailLines ?? -1) \(options.follows)\n"
                try await sink.write(Array(text.utf8))
            }
        }
        let log = try await kubectl.succeed("logs", "web", "-c", "side", "--tail=7", "-f")
        #expect(log == "default/web side 7 true\n")
        let unnamed = try await kubectl("logs", "web", "-c", "other")
        #expect(unnamed.errors.contains("container other is not valid for pod web"))
    }

    @Test("tells what one may do") func canI() async throws {
        #expect(try await kubectl.succeed("auth", "can-i", "delete", "pods") == "yes\n")
        let refused = try await kubectl("auth", "can-i", "delete", "pods", "--as", "jane")
        #expect(refused.output.hasPrefix("no"))
        let forbidden = try await kubectl("get", "pods", "--as", "jane")
        #expect(
            forbidden.errors == "Error from server (Forbidden): pods is forbidden: User \"jane\" cannot list resource "
                + "\"pods\" in API group \"\" in the namespace \"default\"\n"
        )
        _ = try await kubectl.succeed("create", "rolebinding", "jane", "--clusterrole=view", "--user=jane")
        _ = try await kubectl.succeed("get", "pods", "--as", "jane")
        #expect(try await kubectl.succeed("auth", "can-i", "--list", "--as", "jane").contains("pods"))
    }

    @Test("is somebody else with a service account's token") func serviceAccount() async throws {
        _ = try await kubectl.succeed("create", "serviceaccount", "robot")
        _ = try await kubectl.succeed(
            "create",
            "clusterrolebinding",
            "r",
            "--clusterrole=view",
            "--serviceaccount=default:robot"
        )
        let account = try #require(
            fixture.core.get(
                ResourceType(version: "v1", kind: "ServiceAccount", plural: "serviceaccounts"),
                ObjectKey(namespace: "default", name: "robot")
            )
        )
        let token = fixture.server.signer.token(
            for: ObjectKey(namespace: "default", name: "robot"),
            uid: account[path: ["metadata", "uid"]]?.string ?? "",
            issued: .init(seconds: 0),
            expires: .init(seconds: 4e9)
        )
        let robot = try Kubectl(fixture.server, kubeconfig: fixture.server.kubeconfig(user: "robot", token: token))
        _ = try await robot.succeed("get", "pods")
        let refused = try await robot("create", "configmap", "a")
        #expect(refused.errors.contains("User \"system:serviceaccount:default:robot\" cannot create resource"))
        let stranger = try Kubectl(fixture.server, kubeconfig: fixture.server.kubeconfig(user: "x", token: "wrong"))
        #expect(try await stranger("get", "pods").errors.contains("You must be logged in to the server"))
    }

    @Test(
        "creates objects from arguments",
        arguments: [
            "namespace other", "configmap settings --from-literal=a=b", "secret generic hidden --from-literal=a=b",
            "serviceaccount robot", "deployment web --image=sh --replicas=2 --port=80", "job once --image=sh -- true",
            "cronjob often --image=sh --schedule=*/5__*__*__*__* -- true", "service clusterip web --tcp=80:8080",
            "service nodeport open --tcp=80", "ingress way --rule=host/path=web:80",
            "poddisruptionbudget guard --selector=app=web --min-available=50%", "role r --verb=get --resource=pods",
            "rolebinding b --role=r --user=jane", "clusterrole c --verb=list --resource=nodes",
            "clusterrolebinding d --clusterrole=c --group=ops",
        ]
    )
    func creates(_ line: String) async throws {
        let words = ["create"] + line.split(separator: " ").map { String($0).replacing("__", with: " ") }
        let result = try await kubectl.run(words)
        #expect(result.status == 0, "\(line): \(result.errors)")
        #expect(result.output.hasSuffix(" created\n"))
    }

    @Test("keeps what it was told when it creates") func created() async throws {
        _ = try await kubectl.succeed("create", "deployment", "web", "--image=sh", "--replicas=2", "--port=80")
        let deployment = try #require(fixture.core.get(.deployment, ObjectKey(namespace: "default", name: "web")))
        #expect(deployment[path: ["spec", "replicas"]] == 2)
        #expect(deployment[path: ["spec", "selector", "matchLabels", "app"]] == "web")
        let container = deployment[path: ["spec", "template", "spec", "containers"]]?[0]
        #expect(container?["image"] == "sh")
        #expect(container?["ports"]?[0]?["containerPort"] == 80)
        _ = try await kubectl.succeed("create", "role", "r", "--verb=get,list", "--resource=pods,deployments.apps")
        let rules = try await kubectl.succeed("get", "role", "r", "-o", "jsonpath={.rules}")
        #expect(try JSONValue(parsing: rules).array?.count == 2)
        _ = try await kubectl.succeed("create", "secret", "generic", "hidden", "--from-literal=a=b")
        #expect(try await kubectl.succeed("get", "secret", "hidden", "-o", "jsonpath={.data.a}") == "Yg==")
    }

    @Test("empties a node of its pods") func drains() async throws {
        try fixture.create(.node, ["apiVersion": "v1", "kind": "Node", "metadata": ["name": "one"]])
        var pod = Sample.pod("web").object ?? [:]
        pod.update("spec") { spec in
            guard case .object(var fields) = spec else { return }
            fields.set("nodeName", "one")
            spec = .object(fields)
        }
        try fixture.create(.pod, .object(pod))
        let drained = try await kubectl.succeed("drain", "one", "--force", "--grace-period=0")
        #expect(drained.hasSuffix("node/one evicted\n") || drained.hasSuffix("node/one drained\n"), "\(drained)")
        #expect(fixture.core.get(.pod, ObjectKey(namespace: "default", name: "web")) == nil)
        let node = try #require(fixture.core.get(.node, ObjectKey(namespace: "", name: "one")))
        #expect(node[path: ["spec", "unschedulable"]] == true)
    }

    @Test("changes labels, annotations and fields, each in its kind of patch") func patches() async throws {
        try fixture.create(.configMap, Sample.configMap("settings"))
        let name = "configmap/settings"
        _ = try await kubectl.succeed("annotate", name, "a=b")
        #expect(try await kubectl("annotate", name, "a=c").status == 1)
        _ = try await kubectl.succeed("annotate", name, "a=c", "--overwrite")
        _ = try await kubectl.succeed("label", name, "x=y")
        _ = try await kubectl.succeed("label", name, "x-")
        _ = try await kubectl.succeed("patch", name, "--type=merge", "-p", #"{"data":{"m":"1"}}"#)
        _ = try await kubectl.succeed("patch", name, "--type=strategic", "-p", #"{"data":{"s":"2"}}"#)
        _ = try await kubectl.succeed(
            "patch",
            name,
            "--type=json",
            "-p",
            #"[{"op":"test","path":"/data/m","value":"1"},{"op":"replace","path":"/data/m","value":"3"}]"#
        )
        let object = try #require(fixture.core.get(.configMap, ObjectKey(namespace: "default", name: "settings")))
        #expect(object[path: ["metadata", "annotations"]] == ["a": "c"])
        #expect(object[path: ["metadata", "labels", "x"]] == nil)
        #expect(object[path: ["data", "m"]] == "3")
        #expect(object[path: ["data", "s"]] == "2")
    }

    @Test("is told whose field it would take when it applies on the server") func applyConflict() async throws {
        func manifest(_ colour: String) -> String {
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: \(colour)}\n"
        }
        let mine = ["apply", "--server-side", "--field-manager=mine", "-f", "-"]
        #expect(try await kubectl.run(mine, input: manifest("blue")).status == 0)
        let yours = ["apply", "--server-side", "--field-manager=yours", "-f", "-"]
        let refused = try await kubectl.run(yours, input: manifest("red"))
        #expect(refused.status == 1)
        #expect(refused.errors.contains("Apply failed with 1 conflict: conflict with \"mine\": .data.colour"))
        #expect(try await kubectl.run(yours + ["--force-conflicts"], input: manifest("red")).status == 0)
        #expect(
            try await kubectl.succeed("get", "configmap", "settings", "-o", "jsonpath={.data.colour}") == "red"
        )
    }

    @Test("explains, applies on the server, compares, scales, describes and follows a rollout")
    func workloads() async throws {
        let manifest = """
            apiVersion: apps/v1
            kind: Deployment
            metadata:
              name: web
            spec:
              replicas: 2
              selector: {matchLabels: {app: web}}
              template:
                metadata: {labels: {app: web}}
                spec: {containers: [{name: main, image: sh}]}
            """
        #expect(try await kubectl.succeed("explain", "deployment.spec.replicas").contains("replicas"))
        let applied = try await kubectl.succeed("apply", "--server-side", "-f", "-", input: manifest)
        #expect(applied == "deployment.apps/web serverside-applied\n")
        let difference = try await kubectl(
            "diff",
            "-f",
            "-",
            input: manifest.replacing("replicas: 2", with: "replicas: 5")
        )
        #expect(difference.status == 1)
        #expect(difference.output.contains("+  replicas: 5"))
        _ = try await kubectl.succeed("scale", "deployment/web", "--replicas=3")
        #expect(try await kubectl.succeed("get", "deployment", "web", "-o", "wide").contains("0/3"))
        #expect(try await kubectl.succeed("describe", "deployment", "web").contains("app=web"))
        async let rollout = kubectl.run(["rollout", "status", "deployment/web", "--timeout=30s"])
        await fixture.faults.waitForRequests { $0.verb == "watch" && $0.type == .deployment }
        var call = APICall(.patch, .deployment, ObjectKey(namespace: "default", name: "web"))
        call.patchFormat = .merge
        call.subresource = "status"
        let generation = fixture.core.get(.deployment, ObjectKey(namespace: "default", name: "web"))?[
            path: ["metadata", "generation"]
        ]
        call.body = [
            "status": [
                "observedGeneration": generation ?? 0, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3,
                "availableReplicas": 3,
            ]
        ]
        _ = try fixture.core.perform(call)
        let result = try await rollout
        #expect(result.output.contains("successfully rolled out"), "\(result.errors)")
    }
}
