import JSON
package import Kubernetes

/// Reads from pods how far they have come and what holds them up.
package enum PodDiagnosis {
    /// How far the pods of a track have come.
    ///
    /// - Parameter loaded: How much of its model the furthest of the loading pods has loaded, in `0...1`.
    package static func progress(of pods: [DynamicObject], loaded: Double = 0) -> ProgressMark {
        var mark = ProgressMark()
        for pod in pods where !pod.metadata.isBeingDeleted {
            if condition("PodScheduled", of: pod)?["status"] == "True" { mark.scheduled += 1 }
            if serving(pod)?["state"]?["running"] != nil { mark.started += 1 }
            if isReady(pod) { mark.ready += 1 }
        }
        mark.loaded = mark.ready * 1000 + (loaded < 1 ? Int((max(loaded, 0) * 1000).rounded(.down)) : 0)
        return mark
    }

    /// What holds the pods up most fundamentally: what comes earlier in a pod's life comes first.
    ///
    /// - Parameter deployment: Of which the pods are; it says why there are none.
    package static func trouble(of pods: [DynamicObject], deployment: DynamicObject) -> Trouble? {
        let found = pods.filter { !$0.metadata.isBeingDeleted && !isReady($0) }.compactMap(trouble(of:))
        if let worst = found.min(by: { rank($0.cause) < rank($1.cause) }) { return worst }
        return refusal(deployment)
    }

    private static func rank(_ cause: Trouble.Cause) -> Int { Trouble.Cause.allCases.firstIndex(of: cause) ?? 0 }

    /// Why the API server does not let the Deployment have its pods.
    private static func refusal(_ deployment: DynamicObject) -> Trouble? {
        let failure = (deployment["status", "conditions"]?.array ?? [])
            .first { $0["type"] == "ReplicaFailure" && $0["status"] == "True" }
        guard let failure else { return nil }
        let message = failure["message"]?.string ?? ""
        let isQuota = message.contains("exceeded quota")
        return Trouble(
            isQuota ? .quotaExceeded : .admissionRefused,
            object: deployment.metadata.name,
            message: message
        )
    }

    private static func trouble(of pod: DynamicObject) -> Trouble? {
        func trouble(_ cause: Trouble.Cause, _ message: String?) -> Trouble {
            Trouble(cause, object: pod.metadata.name, message: String((message ?? "").prefix(400)))
        }
        if pod["status", "reason"] == "Evicted" { return trouble(.evicted, pod["status", "message"]?.string) }
        if let scheduled = condition("PodScheduled", of: pod), scheduled["status"] == "False" {
            return trouble(.unschedulable, scheduled["message"]?.string)
        }
        let containers =
            (pod["status", "initContainerStatuses"]?.array ?? []) + (pod["status", "containerStatuses"]?.array ?? [])
        let found = containers.compactMap { status -> Trouble? in
            guard let (cause, message) = containerTrouble(status) else { return nil }
            return trouble(cause, message)
        }
        if let worst = found.min(by: { rank($0.cause) < rank($1.cause) }) { return worst }
        guard let status = serving(pod), status["state"]?["running"] != nil, status["ready"] != true else { return nil }
        let since = status["state"]?["running"]?["startedAt"]?.string ?? ""
        return trouble(.notReady, "container \"model\" has run since \(since) and is not ready")
    }

    private static func containerTrouble(_ status: JSONValue) -> (Trouble.Cause, String)? {
        let name = status["name"]?.string ?? ""
        let waiting = status["state"]?["waiting"]
        let reason = waiting?["reason"]?.string ?? ""
        let message = waiting?["message"]?.string ?? reason
        switch reason {
        case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable",
            "ImageInspectError":
            return (.imagePull, "\(status["image"]?.string ?? name): \(message)")
        case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
            return (.configuration, "container \"\(name)\": \(message)")
        default: break
        }
        let ended = status["state"]?["terminated"] ?? status["lastState"]?["terminated"]
        let isRunning = status["state"]?["running"] != nil
        guard let ended, !isRunning, reason != "PodInitializing" else { return nil }
        let code = ended["exitCode"]?.integer ?? 0
        guard code != 0 || reason == "CrashLoopBackOff" else { return nil }
        let restarts = status["restartCount"]?.integer ?? 0
        let said = ended["message"]?.string.map { ": \($0)" } ?? ""
        if ended["reason"] == "OOMKilled" {
            return (.outOfMemory, "container \"\(name)\" was killed for memory, \(restarts) restarts\(said)")
        }
        return (.crash, "container \"\(name)\" exited with code \(code), \(restarts) restarts\(said)")
    }

    /// The status of the container that serves.
    private static func serving(_ pod: DynamicObject) -> JSONValue? {
        pod["status", "containerStatuses"]?.array?.first { $0["name"] == "model" }
    }

    private static func condition(_ type: String, of pod: DynamicObject) -> JSONValue? {
        pod["status", "conditions"]?.array?.first { $0["type"]?.string == type }
    }

    private static func isReady(_ pod: DynamicObject) -> Bool { condition("Ready", of: pod)?["status"] == "True" }
}
