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
        /// As in the specification.
        package var name: String
        /// The image as it was asked for.
        package var image: String
        /// The image that runs, by its digest.
        package var imageID: String
        /// Whether it passes its readiness probe.
        package var isReady: Bool
        /// Whether it passed its startup probe.
        package var isStarted: Bool
        /// How often it was started again.
        package var restartCount: Int
        /// Why it waits to run, as `ImagePullBackOff` or `CrashLoopBackOff`; empty when it does not wait.
        package var waitingReason: String
        /// The details of ``waitingReason``.
        package var waitingMessage: String
        /// Since when it runs; nil when it does not.
        package var runningSince: Timestamp?
        /// How it ended, if it has.
        package var ended: End?
        /// How it ended the time before.
        package var lastEnd: End?

        /// The end of a container.
        package struct End: Sendable, Hashable {
            /// Of the process; 128 and more for a signal.
            package var exitCode: Int
            /// As `OOMKilled`, `Error` or `Completed`.
            package var reason: String
            /// The last words of the container, if it left any.
            package var message: String
            /// When it ended.
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
    /// The details of ``reason``.
    package var message: String { self["status", "message"]?.string ?? "" }
    /// Empty until it has one.
    package var podIP: String { self["status", "podIP"]?.string ?? "" }
    /// The node it is bound to; empty while it is not scheduled.
    package var nodeName: String { self["spec", "nodeName"]?.string ?? "" }
    /// When the node took it up.
    package var startTime: Timestamp? { self["status", "startTime"]?.string.flatMap { Timestamp($0) } }
    /// `PodScheduled`, `Initialized`, `ContainersReady`, `Ready` and others'.
    package var conditions: Conditions { Conditions(self["status", "conditions"]) }
    /// Whether it takes traffic.
    package var isReady: Bool { conditions.isTrue("Ready") }
    /// Why no node takes it; nil when one does or nobody has tried.
    package var unschedulable: String? {
        guard let scheduled = conditions["PodScheduled"], scheduled.status == .no, scheduled.reason == "Unschedulable"
        else { return nil }
        return scheduled.message
    }
    /// The states of the containers; empty until the node has reported.
    package var containers: [Container] { (self["status", "containerStatuses"]?.array ?? []).map(Container.init) }
    /// The states of the containers that run first.
    package var initContainers: [Container] {
        (self["status", "initContainerStatuses"]?.array ?? []).map(Container.init)
    }
}
