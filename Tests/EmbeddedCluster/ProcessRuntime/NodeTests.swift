import EmbeddedAPI
import FoundationEssentials
import JSON
import Kubernetes
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#endif

@testable import ProcessRuntime

@Suite("A node that runs pods as processes", .timeLimit(.minutes(1)))
struct NodeTests {
    @Test("runs a container to its end, and the pod has succeeded") func success() async throws {
        try await NodeHarness.with { node in
            try node.pod("once", args: ["-c", "echo hello; echo there >&2"], spec: ["restartPolicy": "Never"])
            let status = try await node.status("once") { $0["phase"] == "Succeeded" }
            #expect(status.main[path: ["state", "terminated", "exitCode"]] == 0)
            #expect(status.main[path: ["state", "terminated", "reason"]] == "Completed")
            let log = try await node.log("once")
            #expect(Set(log.split(separator: "\n")) == ["hello", "there"])
            let events = node.events("once")
            #expect(events.contains("Pulled Container image \"sh\" already present on machine"))
            #expect(events.contains("Created Created container main"))
            #expect(events.contains("Started Started container main"))
        }
    }

    @Test("fails a pod whose container fails, with its last words") func failure() async throws {
        try await NodeHarness.with { node in
            try node.pod(
                "bad",
                args: ["-c", "echo out of luck > /dev/termination-log; exit 3"],
                spec: ["restartPolicy": "Never"]
            )
            let status = try await node.status("bad") { $0["phase"] == "Failed" }
            let end = status.main[path: ["state", "terminated"]] ?? [:]
            #expect(end["exitCode"] == 3)
            #expect(end["reason"] == "Error")
            #expect(end["message"] == "out of luck\n")
        }
    }

    @Test("gives a pod its environment, its files and its address") func surroundings() async throws {
        try await NodeHarness.with { node in
            try node.create(
                .configMap,
                ["kind": "ConfigMap", "metadata": ["name": "settings"], "data": ["color": "red", "size": "7"]]
            )
            try node.create(
                .secret,
                ["kind": "Secret", "metadata": ["name": "keys"], "data": ["token": "czNjcmV0"]]
            )
            try node.pod(
                "told",
                args: [
                    "-c",
                    "echo $NAME $COLOR $TOKEN $GREETING $P_size $CPU; cat /etc/settings/color; echo; cat /etc/token",
                ],
                container: [
                    "resources": ["limits": ["cpu": "1500m"]],
                    "ports": [["containerPort": 8080]],
                    "envFrom": [["prefix": "P_", "configMapRef": ["name": "settings"]]],
                    "env": [
                        ["name": "NAME", "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]]],
                        [
                            "name": "COLOR",
                            "valueFrom": ["configMapKeyRef": ["name": "settings", "key": "color"]],
                        ],
                        ["name": "TOKEN", "valueFrom": ["secretKeyRef": ["name": "keys", "key": "token"]]],
                        ["name": "GREETING", "value": "hi-$(NAME)-$(PORT)-$$(X)-$(UNKNOWN)"],
                        ["name": "CPU", "valueFrom": ["resourceFieldRef": ["resource": "limits.cpu"]]],
                    ],
                    "volumeMounts": [
                        ["name": "settings", "mountPath": "/etc/settings"],
                        ["name": "keys", "mountPath": "/etc/token", "subPath": "token"],
                    ],
                ],
                spec: [
                    "restartPolicy": "Never",
                    "volumes": [
                        ["name": "settings", "configMap": ["name": "settings"]],
                        ["name": "keys", "secret": ["secretName": "keys"]],
                    ],
                ]
            )
            let status = try await node.status("told") { ["Succeeded", "Failed"].contains($0["phase"]?.string) }
            let log = try await node.log("told")
            #expect(log == "told red s3cret hi-told-8080-$(X)-$(UNKNOWN) 7 2\nred\ns3cret\n")
            #expect(status["podIP"]?.string?.hasPrefix("127.") == true)
        }
    }

    @Test("runs init containers one after the other before the others") func initial() async throws {
        try await NodeHarness.with { node in
            func step(_ name: String) -> JSONValue {
                [
                    "name": .string(name), "image": "sh", "args": ["-c", .string("echo \(name) >> /work/order")],
                    "volumeMounts": [["name": "work", "mountPath": "/work"]],
                ]
            }
            try node.pod(
                "steps",
                args: ["-c", "cat /work/order"],
                container: ["volumeMounts": [["name": "work", "mountPath": "/work"]]],
                spec: [
                    "restartPolicy": "Never", "initContainers": [step("first"), step("second")],
                    "volumes": [["name": "work", "emptyDir": [:]]],
                ]
            )
            try await node.status("steps") { $0["phase"] == "Succeeded" }
            #expect(try await node.log("steps") == "first\nsecond\n")
        }
    }

    @Test("says that an image is not known, first as a failed pull and then as backing off") func unknownImage()
        async throws
    {
        try await NodeHarness.with { node in
            try node.pod("strange", image: "registry.example/thing:v1")
            try await node.status("strange") { $0.main[path: ["state", "waiting", "reason"]] == "ErrImagePull" }
            try await node.status("strange") { $0.main[path: ["state", "waiting", "reason"]] == "ImagePullBackOff" }
        }
    }

    @Test("says what a container lacks, and starts it once that is there") func missingConfig() async throws {
        try await NodeHarness.with { node in
            try node.pod(
                "early",
                args: ["-c", "echo $COLOR"],
                container: [
                    "env": [
                        ["name": "COLOR", "valueFrom": ["configMapKeyRef": ["name": "late", "key": "color"]]]
                    ]
                ],
                spec: ["restartPolicy": "Never"]
            )
            let status = try await node.status("early") {
                $0.main[path: ["state", "waiting", "reason"]] == "CreateContainerConfigError"
            }
            #expect(status.main[path: ["state", "waiting", "message"]] == "configmap \"late\" not found")
            try node.create(
                .configMap,
                ["kind": "ConfigMap", "metadata": ["name": "late"], "data": ["color": "blue"]]
            )
            try await node.status("early") { $0["phase"] == "Succeeded" }
            #expect(try await node.log("early") == "blue\n")
        }
    }

    @Test("starts a container that ends at once again, then waits 10 s and 20 s") func crashLoop() async throws {
        let clock = ManualClock()
        try await NodeHarness.with(clock: clock) { node in
            try node.pod("crashing", args: ["-c", "echo run; exit 1"])
            for wait in [10, 20] {
                let status = try await node.status("crashing") {
                    $0.main[path: ["state", "waiting", "reason"]] == "CrashLoopBackOff"
                        && $0.main["restartCount"]?.integer == wait / 10
                }
                let message = status.main[path: ["state", "waiting", "message"]]?.string ?? ""
                #expect(message.hasPrefix("back-off \(wait)s restarting failed container=main pod=crashing_default("))
                #expect(status["phase"] == "Running")
                #expect(!status.isReadyPodStatus)
                await clock.sleepers(atLeast: 1)
                clock.advance(by: .seconds(wait))
            }
            try await node.status("crashing") { $0.main["restartCount"]?.integer == 3 }
            #expect(try await node.log("crashing") { $0.isPrevious = true } == "run\n")
        }
    }

    @Test("becomes ready when its probe says so, and not ready again") func readiness() async throws {
        let node = try NodeHarness()
        try node.pod(
            "probed",
            args: ["-c", "while :; do sleep 0.05; done"],
            container: [
                "readinessProbe": [
                    "exec": ["command": ["test", "-e", "/flags/ready"]], "periodSeconds": 1,
                    "failureThreshold": 1, "timeoutSeconds": 5,
                ],
                "volumeMounts": [["name": "flags", "mountPath": "/flags"]],
            ],
            spec: ["volumes": [["name": "flags", "emptyDir": [:]]], "terminationGracePeriodSeconds": 1]
        )
        try await node.status("probed") {
            $0.main[path: ["state", "running"]] != nil && !$0.isReadyPodStatus
        }
        let flag = node.podFolder("probed") + "/volumes/flags/ready"
        node.touch(flag)
        try await node.status("probed") { $0.isReadyPodStatus }
        Files.remove(flag)
        try await node.status("probed") { !$0.isReadyPodStatus }
        await node.stop()
    }

    @Test("starts a container again whose liveness probe fails") func liveness() async throws {
        try await NodeHarness.with { node in
            try node.pod(
                "stuck",
                args: ["-c", "while :; do sleep 0.05; done"],
                container: [
                    "livenessProbe": [
                        "tcpSocket": ["port": 9], "periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 5,
                    ]
                ],
                spec: ["terminationGracePeriodSeconds": 1]
            )
            let status = try await node.status("stuck") { ($0.main["restartCount"]?.integer ?? 0) > 0 }
            #expect(status.main[path: ["lastState", "terminated", "exitCode"]] == 143)
            let events = node.events("stuck")
            #expect(events.contains("Killing Container main failed liveness probe, will be restarted"))
            #expect(events.contains { $0.hasPrefix("Unhealthy Liveness probe failed: dial tcp 127.") })
        }
    }

    @Test("asks a deleted pod to end before it kills it, and leaves nothing of it") func deletion() async throws {
        try await NodeHarness.with { node in
            try node.pod(
                "leaving",
                args: ["-c", "trap 'echo asked; exit 0' TERM; sleep 600 & echo $! > /shared/child; wait"],
                container: ["volumeMounts": [["name": "shared", "mountPath": "/shared"]]],
                spec: ["volumes": [["name": "shared", "hostPath": ["path": .string(node.folder)]]]]
            )
            try await node.status("leaving") { $0.main[path: ["state", "running"]] != nil }
            var child: Int32?
            while child == nil {
                child = Files.readText("\(node.folder)/child").flatMap { Int32($0.dropLast()) }
                try await Task.sleep(for: .milliseconds(5))
            }
            let key = ObjectKey(namespace: "default", name: "leaving")
            let folder = node.podFolder("leaving")
            try node.delete(.pod, "leaving")
            _ = try await node.until { $0.get(.pod, key) == nil ? true : nil }
            while access(folder, F_OK) == 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(try #require(child).isGone)
        }
    }

    @Test("follows a log until the container ends, and shows its last lines") func logs() async throws {
        try await NodeHarness.with { node in
            try node.pod(
                "talking",
                args: ["-c", "for i in 1 2 3; do echo $i; sleep 0.1; done"],
                spec: ["restartPolicy": "Never"]
            )
            try await node.status("talking") {
                $0.main[path: ["state", "running"]] != nil || $0["phase"] == "Succeeded"
            }
            #expect(try await node.log("talking") { $0.follows = true } == "1\n2\n3\n")
            #expect(try await node.log("talking") { $0.tailLines = 1 } == "3\n")
            #expect(try await node.log("talking") { $0.limitBytes = 3 } == "1\n2")
            let error = await #expect(throws: APIStatus.self) {
                try await node.log("talking") { $0.isPrevious = true }
            }
            #expect(error?.message == "previous terminated container \"main\" in pod \"talking\" not found")
        }
    }

    @Test("tells what containers use under kubelet's names") func metrics() async throws {
        try await NodeHarness.with { node in
            try node.pod("busy", args: ["-c", "while :; do :; done"], spec: ["terminationGracePeriodSeconds": 1])
            try await node.status("busy") { $0.isReadyPodStatus }
            let text = await node.runtime.metrics()
            let labels = "{namespace=\"default\",pod=\"busy\",container=\"main\"}"
            #expect(text.contains("container_cpu_usage_seconds_total\(labels) "))
            let line = text.split(separator: "\n").first {
                $0.hasPrefix("container_memory_working_set_bytes\(labels)")
            }
            #expect(try #require(line?.split(separator: " ").last.flatMap { Int($0) }) > 0)
        }
    }

    @Test("registers itself with what the machine has") func registration() async throws {
        try await NodeHarness.with { node in
            let object = try await node.until {
                $0.get(.node, ObjectKey(name: "local")).flatMap {
                    $0.status["conditions"] != nil ? $0 : nil
                }
            }
            let ready = object.status["conditions"]?.array?.first { $0["type"] == "Ready" }
            #expect(ready?["status"] == "True")
            #expect(object.status[path: ["allocatable", "pods"]] == "110")
        }
    }

    @Test("ends every process when it stops, and starts the pods again when it comes back") func restart() async throws
    {
        let folder = NodeHarness.temporaryFolder()
        let first = try NodeHarness(folder: folder)
        try first.pod("lasting", args: ["-c", "echo $$$$; exec sleep 600"])
        try await first.status("lasting") { $0.isReadyPodStatus }
        while try await first.log("lasting").isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        let id = try #require(Int32(try await first.log("lasting").dropLast()))
        await first.stop(keepsFolder: true)
        #expect(id.isGone)
        let second = try NodeHarness(folder: folder, core: first.core)
        let status = try await second.status("lasting") {
            $0.main["restartCount"]?.integer == 1 && $0.main[path: ["state", "running"]] != nil
        }
        #expect(status.main[path: ["lastState", "terminated", "reason"]] == "ContainerStatusUnknown")
        await second.stop()
    }
}

extension Int32 {
    /// Whether no process has this number, or only one that ended and was not collected yet.
    var isGone: Bool {
        guard kill(self, 0) == 0 else { return true }
        let state = Files.readText("/proc/\(self)/stat").flatMap {
            $0.split(separator: ")").last?.split(separator: " ").first
        }
        return state == nil || state == "Z"
    }
}
