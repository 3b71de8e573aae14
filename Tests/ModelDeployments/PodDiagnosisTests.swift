import JSON
import Kubernetes
import Testing

@testable import ModelDeployments

@Suite("Pod diagnosis") struct PodDiagnosisTests {
    /// A pod in the shape the kubelet reports.
    static func pod(
        _ name: String = "p",
        scheduled: Bool = true,
        ready: Bool = false,
        container: JSONValue? = nil
    ) -> DynamicObject {
        var conditions: [JSONValue] = [
            [
                "type": "PodScheduled", "status": .string(scheduled ? "True" : "False"),
                "message": "0/1 nodes are available",
            ],
            ["type": "Ready", "status": .string(ready ? "True" : "False")],
        ]
        if !scheduled { conditions[0]["reason"] = "Unschedulable" }
        var status: JSONValue = ["conditions": .array(conditions)]
        if let container { status["containerStatuses"] = [container] }
        return DynamicObject(metadata: ObjectMeta(name: name), fields: ["status": status])
    }

    static func container(
        waiting reason: String,
        message: String = "",
        last: JSONValue? = nil,
        restarts: Int = 0
    ) -> JSONValue {
        var status: JSONValue = [
            "name": "model", "image": "registry/churn:2", "restartCount": .integer(restarts),
            "state": ["waiting": ["reason": .string(reason), "message": .string(message)]],
        ]
        if let last { status["lastState"] = ["terminated": last] }
        return status
    }

    static let deployment = DynamicObject(metadata: ObjectMeta(name: "churn-v2"), fields: [:])

    @Test(
        "names the cause that comes first in a pod's life",
        arguments: [
            (pod(scheduled: false), Trouble.Cause.unschedulable, "0/1 nodes"),
            (
                pod(container: container(waiting: "ImagePullBackOff", message: "back-off")), .imagePull,
                "registry/churn:2"
            ),
            (pod(container: container(waiting: "ErrImageNeverPull")), .imagePull, "registry/churn:2"),
            (
                pod(container: container(waiting: "CreateContainerConfigError", message: "configmap \"m\" not found")),
                .configuration, "configmap \"m\" not found"
            ),
            (
                pod(
                    container: container(
                        waiting: "CrashLoopBackOff",
                        last: ["exitCode": 3, "reason": "Error"],
                        restarts: 4
                    )
                ),
                .crash, "code 3, 4 restarts"
            ),
            (
                pod(
                    container: container(
                        waiting: "CrashLoopBackOff",
                        last: ["exitCode": 137, "reason": "OOMKilled"],
                        restarts: 2
                    )
                ),
                .outOfMemory, "killed for memory"
            ),
            (
                pod(container: [
                    "name": "model", "ready": false, "state": ["running": ["startedAt": "2026-11-20T17:28:00Z"]],
                ]),
                .notReady, "2026-11-20T17:28:00Z"
            ),
        ]
    )
    func causes(pod: DynamicObject, cause: Trouble.Cause, text: String) throws {
        let trouble = try #require(PodDiagnosis.trouble(of: [pod], deployment: Self.deployment))
        #expect(trouble.cause == cause && trouble.object == "p" && trouble.message.contains(text))
    }

    @Test("ready pods and pods that are just starting have no trouble")
    func noTrouble() {
        let starting = Self.pod(container: Self.container(waiting: "ContainerCreating"))
        #expect(PodDiagnosis.trouble(of: [Self.pod(ready: true), starting], deployment: Self.deployment) == nil)
    }

    @Test("of several pods the most fundamental trouble is told")
    func worst() {
        let pods = [
            Self.pod("a", container: Self.container(waiting: "CrashLoopBackOff", last: ["exitCode": 1], restarts: 1)),
            Self.pod("b", scheduled: false),
        ]
        #expect(PodDiagnosis.trouble(of: pods, deployment: Self.deployment)?.object == "b")
    }

    @Test(
        "without pods the Deployment says why",
        arguments: [("exceeded quota: q", Trouble.Cause.quotaExceeded), ("denied by policy", .admissionRefused)]
    )
    func refused(message: String, cause: Trouble.Cause) {
        var deployment = Self.deployment
        deployment["status", "conditions"] = [
            ["type": "ReplicaFailure", "status": "True", "message": .string("pods \"x\" is forbidden: \(message)")]
        ]
        #expect(PodDiagnosis.trouble(of: [], deployment: deployment)?.cause == cause)
    }

    @Test("progress counts pods that got a node, started and became ready, and the furthest load")
    func progress() {
        let running: JSONValue = ["name": "model", "state": ["running": ["startedAt": "2026-11-20T17:28:00Z"]]]
        let pods = [
            Self.pod(ready: true, container: running), Self.pod(container: running), Self.pod(scheduled: false),
        ]
        #expect(
            PodDiagnosis.progress(of: pods, loaded: 0.25)
                == ProgressMark(scheduled: 2, started: 2, ready: 1, loaded: 1250)
        )
    }

    @Test("trouble of a shape nobody foresaw is no crash")
    func garbage() {
        let shapes: [JSONValue] = [nil, 1, "x", [], [1], ["conditions": 1], ["containerStatuses": ["x", nil, 3]]]
        for shape in shapes {
            let pod = DynamicObject(metadata: ObjectMeta(name: "p"), fields: ["status": shape])
            _ = PodDiagnosis.trouble(of: [pod], deployment: pod)
            #expect(PodDiagnosis.progress(of: [pod]) == ProgressMark())
        }
    }
}
