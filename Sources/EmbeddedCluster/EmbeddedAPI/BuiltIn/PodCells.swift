import JSON

/// The line of a pod.
enum PodCells {
    @Sendable static func cells(_ row: Row) -> [JSONValue] {
        let initial = initialState(row)
        var state = state(row)
        if let initial { state.reason = initial.reason }
        let restarts = initial?.restarts ?? state.restarts
        let ready = initial == nil ? state.ready : 0
        if row["metadata", "deletionTimestamp"] != nil {
            state.reason = row.text("status", "reason") == "NodeLost" ? "Unknown" : "Terminating"
        }
        let address = row.list("status", "podIPs").first?["ip"]?.string ?? row.text("status", "podIP")
        return [
            row.name, .string("\(ready)/\(row.count("spec", "containers"))"), .string(state.reason),
            .integer(restarts), row.age, .string(address ?? "<none>"),
            .string(row.text("spec", "nodeName") ?? "<none>"),
            .string(row.text("status", "nominatedNodeName") ?? "<none>"), .string(gates(row)),
        ]
    }

    /// What initial containers are doing; nil when they have all succeeded.
    private static func initialState(_ row: Row) -> (reason: String, restarts: Int)? {
        var restarts = 0
        for (index, status) in row.list("status", "initContainerStatuses").enumerated() {
            restarts += status["restartCount"]?.integer ?? 0
            let state = status["state"]
            if let ended = state?["terminated"], !ended.isNull {
                if ended["exitCode"]?.integer ?? 0 == 0 { continue }
                return ("Init:\(endReason(ended))", restarts)
            }
            if let reason = state?["waiting"]?["reason"]?.string, !reason.isEmpty, reason != "PodInitializing" {
                return ("Init:\(reason)", restarts)
            }
            return ("Init:\(index)/\(row.count("spec", "initContainers"))", restarts)
        }
        return nil
    }

    /// What the containers are doing: the first that waits or has ended says it.
    private static func state(_ row: Row) -> (reason: String, ready: Int, restarts: Int) {
        var reason = row.text("status", "reason") ?? row.text("status", "phase") ?? ""
        var ready = 0
        var restarts = 0
        for status in row.list("status", "containerStatuses").reversed() {
            restarts += status["restartCount"]?.integer ?? 0
            let state = status["state"]
            if let waiting = state?["waiting"]?["reason"]?.string, !waiting.isEmpty {
                reason = waiting
            } else if let ended = state?["terminated"], !ended.isNull {
                reason = endReason(ended)
            } else if status["ready"]?.bool == true, let running = state?["running"], !running.isNull {
                ready += 1
            }
        }
        // Some containers are done, and others still run.
        if reason == "Completed", ready > 0 { reason = isTrue("Ready", row) ? "Running" : "NotReady" }
        return (reason, ready, restarts)
    }

    private static func endReason(_ ended: JSONValue) -> String {
        if let reason = ended["reason"]?.string, !reason.isEmpty { return reason }
        let signal = ended["signal"]?.integer ?? 0
        return signal != 0 ? "Signal:\(signal)" : "ExitCode:\(ended["exitCode"]?.integer ?? 0)"
    }

    private static func isTrue(_ condition: String, _ row: Row) -> Bool {
        row.list("status", "conditions").contains {
            $0["type"]?.string == condition && $0["status"]?.string == "True"
        }
    }

    private static func gates(_ row: Row) -> String {
        let gates = row.list("spec", "readinessGates").compactMap { $0["conditionType"]?.string }
        guard !gates.isEmpty else { return "<none>" }
        return "\(gates.filter { isTrue($0, row) }.count)/\(gates.count)"
    }
}
