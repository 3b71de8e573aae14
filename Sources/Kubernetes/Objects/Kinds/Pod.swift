package import JSON

/// A pod: containers that run together on one node.
package struct Pod: ObjectView, TypedObject {
    package static let resource = ResourceType.pod
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// The state of one container.
    package struct Container: Sendable, Hashable {
        package var name: String
        package var image: String
        package var imageID: String
        package var isReady: Bool
        package var isStarted: Bool
        package var restartCount: Int
        /// Why it waits to run, as `ImagePullBackOff` or `CrashLoopBackOff`; empty when it does not wait.
        package var waitingReason: String
        package var waitingMessage: String
        /// Since when it runs; nil when it does not.
        package var runningSince: Timestamp?
        /// How it ended, if it has.
        package var ended: End?
        /// How it ended the time before.
        package var lastEnd: End?

        /// The end of a container.
        package struct End: Sendable, Hashable {
            package var exitCode: Int
            /// As `OOMKilled`, `Error` or `Completed`.
            package var reason: String
            package var message: String
            package var finishedAt: Timestamp?

            init?(_ value: JSONValue?) {
                guard let value, value.object != nil else { return nil }
                exitCode = value["exitCode"]?.integer ?? 0
                reason = value["reason"]?.string ?? ""
                message = value["message"]?.string ?? ""
                finishedAt = value["finishedAt"]?.string.flatMap { Timestamp($0) }
            }
        }

        init(_ value: JSONValue) {
            name = value["name"]?.string ?? ""
            image = value["image"]?.string ?? ""
            imageID = value["imageID"]?.string ?? ""
            isReady = value["ready"]?.bool ?? false
            isStarted = value["started"]?.bool ?? false
            restartCount = value["restartCount"]?.integer ?? 0
            waitingReason = value[path: ["state", "waiting", "reason"]]?.string ?? ""
            waitingMessage = value[path: ["state", "waiting", "message"]]?.string ?? ""
            runningSince = value[path: ["state", "running", "startedAt"]]?.string.flatMap { Timestamp($0) }
            ended = End(value[path: ["state", "terminated"]])
            lastEnd = End(value[path: ["lastState", "terminated"]])
        }
    }

    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    package var phase: String { self["status", "phase"]?.string ?? "" }
    /// Why the pod as a whole is in its phase, as `Evicted`; often empty.
    package var reason: String { self["status", "reason"]?.string ?? "" }
    package var message: String { self["status", "message"]?.string ?? "" }
    package var podIP: String { self["status", "podIP"]?.string ?? "" }
    /// The node it is bound to; empty while it is not scheduled.
    package var nodeName: String { self["spec", "nodeName"]?.string ?? "" }
    package var startTime: Timestamp? { self["status", "startTime"]?.string.flatMap { Timestamp($0) } }
    package var conditions: [StatusCondition] { StatusCondition.list(self["status", "conditions"]) }
    /// Whether it takes traffic.
    package var isReady: Bool { conditions.contains { $0.type == "Ready" && $0.isTrue } }
    /// Why no node takes it; nil when one does or nobody has tried.
    package var unschedulable: String? {
        conditions.first { $0.type == "PodScheduled" && $0.status == "False" && $0.reason == "Unschedulable" }?.message
    }
    package var containers: [Container] { (self["status", "containerStatuses"]?.array ?? []).map(Container.init) }
    package var initContainers: [Container] {
        (self["status", "initContainerStatuses"]?.array ?? []).map(Container.init)
    }
}
