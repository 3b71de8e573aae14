import EmbeddedAPI
import JSON
import Kubernetes
import Testing

@testable import ProcessRuntime

@Suite("What a node decides")
struct ValueTests {
    @Test("an image is found by its whole name, then by its last part without tag and digest")
    func images() throws {
        let table = try ImageTable(
            parsing: Array(
                """
                images:
                  model-server: [/bin/one]
                  localhost/model-server:v2:
                    command: [/bin/two, --fast]
                    env: {ADDRESS: $(POD_IP)}
                    workingDir: /srv
                """.utf8
            )
        )
        #expect(table.image("registry.example:5000/a/model-server:dev")?.command == ["/bin/one"])
        #expect(table.image("model-server@sha256:ab")?.command == ["/bin/one"])
        let second = ImageTable.Image(
            command: ["/bin/two", "--fast"],
            environment: ["ADDRESS": "$(POD_IP)"],
            workingFolder: "/srv"
        )
        #expect(table.image("localhost/model-server:v2") == second)
        #expect(table.image("other") == nil)
    }

    @Test(
        "a wrong table is refused with the place of the fault",
        arguments: [
            ("a: 1", "images: missing; it maps names of images to their commands"),
            ("images: {}\nmore: 1", "more: unknown; there is only \"images\""),
            ("images: {a: {command: []}}", "images.a.command: must be a list of at least one text"),
            ("images: {a: {command: [x], cmd: 1}}", "images.a.cmd: unknown; use command, env or workingDir"),
        ]
    )
    func wrongTable(text: String, message: String) {
        let fault = #expect(throws: ImageTable.Fault.self) { try ImageTable(parsing: Array(text.utf8)) }
        #expect(fault?.description == message)
    }

    @Test(
        "mount paths are replaced where a path begins and nowhere else",
        arguments: [
            ("--file=/model/a.json", "--file=/pod/m/a.json"), ("cat /model/x /model", "cat /pod/m/x /pod/m"),
            ("/models/x", "/models/x"), ("/srv/model", "/srv/model"), ("/model/deep/y", "/other/y"),
            ("a,/model;b", "a,/pod/m;b"), ("", ""),
        ]
    )
    func mounts(text: String, result: String) {
        let mounts = MountPaths([("/model/", "/pod/m"), ("/model/deep", "/other")])
        #expect(mounts.apply(text) == result)
    }

    @Test("the back-off is none, then 10 s doubling to 5 min, and begins anew after 10 min of running")
    func backoff() {
        var backoff = RestartBackoff()
        let waits = (0..<8).map { _ in backoff.ended(after: .seconds(1)) }
        #expect(waits == [0, 10, 20, 40, 80, 160, 300, 300].map { .seconds($0) })
        #expect(backoff.ended(after: .seconds(600)) == .zero)
        #expect(RestartBackoff.text(.seconds(160)) == "2m40s")
    }

    @Test("a probe's verdict changes after as many answers in a row as its thresholds say")
    func thresholds() throws {
        let container: JSONValue = [
            "ports": [["name": "http", "containerPort": 80]],
            "readinessProbe": [
                "httpGet": ["port": "http", "path": "ready"], "failureThreshold": 2, "successThreshold": 2,
            ],
        ]
        let probe = try #require(Probe(.readiness, of: container, address: "127.1.2.3"))
        #expect(probe.action == .http(url: "http://127.1.2.3:80/ready", headers: [:]))
        #expect(probe.period == .seconds(10))
        var state = ProbeState(probe)
        let news = [true, true, false, true, false, false, false].map { state.record($0) }
        #expect(news == [false, true, false, false, false, true, false])
        #expect(state.verdict == false)
    }

    @Test("addresses come back late, and the one that was had before first")
    func addresses() throws {
        #expect(AddressPool("10.0.0.0/8") == nil)
        let pool = try #require(AddressPool("127.9.9.0/30"))
        #expect(pool.take("127.9.9.2") == "127.9.9.2")
        #expect(pool.take() == "127.9.9.1")
        #expect(pool.take() == nil)
        pool.release("127.9.9.2")
        #expect(pool.take("127.9.9.0") == "127.9.9.2")
    }

    @Test("a pod's conditions keep the time of their last change, and those of others are kept")
    func conditions() {
        var state = ContainerState(["name": "a", "image": "i"], waitingFor: "ContainerCreating")
        state.phase = .running(.init(id: "process://1", started: Timestamp(seconds: 5)))
        state.isReady = true
        let status = PodStatus(
            initial: [],
            containers: [state],
            address: "127.1.1.1",
            nodeAddress: "127.0.0.1",
            started: Timestamp(seconds: 1),
            restartPolicy: "Always"
        )
        let first = status.value(
            over: ["conditions": [["type": "example.com/gate", "status": "True"]]],
            now: Timestamp(seconds: 10)
        )
        let second = status.value(over: first, now: Timestamp(seconds: 20))
        #expect(first == second)
        #expect(first["phase"] == "Running")
        #expect(first["conditions"]?.array?.count == 5)
    }

    @Test("a pod is pending, running, succeeded or failed by its containers and its policy")
    func phases() {
        func phase(_ policy: String, _ phases: [ContainerState.Phase]) -> String {
            PodStatus(
                initial: [],
                containers: phases.map { phase in
                    var state = ContainerState(["name": "a"], waitingFor: "ContainerCreating")
                    state.phase = phase
                    return state
                },
                address: "",
                nodeAddress: "",
                started: Timestamp(seconds: 0),
                restartPolicy: policy
            ).phase
        }
        let waiting = ContainerState.Phase.waiting(.init(reason: "ContainerCreating"))
        let running = ContainerState.Phase.running(.init(id: "", started: Timestamp(seconds: 0)))
        let good = ContainerState.Phase.terminated(.init(id: "", code: 0, reason: "Completed"))
        let bad = ContainerState.Phase.terminated(.init(id: "", code: 1, reason: "Error"))
        #expect(phase("Always", [running, waiting]) == "Pending")
        #expect(phase("Always", [running, bad]) == "Running")
        #expect(phase("Always", [good]) == "Running")
        #expect(phase("OnFailure", [good]) == "Succeeded")
        #expect(phase("OnFailure", [bad, good]) == "Running")
        #expect(phase("Never", [bad, good]) == "Failed")
    }

    @Test("volumes are files of config maps, secrets and the pod's own fields")
    func volumes() throws {
        let pod: JSONValue = [
            "metadata": ["name": "p", "namespace": "n", "labels": ["b": "2", "a": "1"]],
            "spec": [
                "volumes": [
                    [
                        "name": "all",
                        "projected": [
                            "sources": [
                                ["configMap": ["name": "c", "items": [["key": "k", "path": "d/k"]]]],
                                [
                                    "downwardAPI": [
                                        "items": [["path": "labels", "fieldRef": ["fieldPath": "metadata.labels"]]]
                                    ]
                                ],
                            ]
                        ],
                    ]
                ]
            ],
        ]
        let surroundings = PodSurroundings(
            object: { type, name in type == .configMap && name == "c" ? ["data": ["k": "v"]] : nil },
            services: { [] }
        )
        let volumes = try PodVolumes(pod, surroundings)
        #expect(
            volumes.volumes.first?.volume
                == .files([
                    .init(path: "d/k", bytes: Array("v".utf8)),
                    .init(path: "labels", bytes: Array("a=\"1\"\nb=\"2\"".utf8)),
                ])
        )
        var missing = pod
        missing[path: ["spec", "volumes"]] = [["name": "s", "secret": ["secretName": "gone"]]]
        let fault = #expect(throws: ContainerFault.self) { try PodVolumes(missing, surroundings) }
        #expect(fault?.message == "MountVolume.SetUp failed for volume \"s\" : secret \"gone\" not found")
    }
}
