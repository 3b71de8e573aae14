package import JSON
package import Kubernetes

/// The conventions by which tools read whether an object has reached what was asked for.
///
/// - SeeAlso: kstatus of sigs.k8s.io/cli-utils (`pkg/kstatus`), and the conditions of Flux
///   (fluxcd/pkg `apis/meta/conditions.go`).
package enum KStatus {
    /// What such a tool concludes.
    package enum Verdict: String, Sendable {
        case current = "Current"
        case inProgress = "InProgress"
        case failed = "Failed"
        case terminating = "Terminating"
    }

    /// What a tool that follows kstatus says of an object.
    ///
    /// - Parameters:
    ///   - status: The object's `status`.
    ///   - metadata: The object's metadata.
    package static func verdict(status: JSONValue?, metadata: ObjectMeta) -> Verdict {
        if metadata.isBeingDeleted { return .terminating }
        if let observed = status?["observedGeneration"]?.integer, observed != metadata.generation { return .inProgress }
        let conditions = Conditions(status?["conditions"])
        if conditions.isTrue("Reconciling") { return .inProgress }
        if conditions.isTrue("Stalled") { return .failed }
        if let ready = conditions["Ready"], ready.status != .yes { return .inProgress }
        return .current
    }

    /// Every way in which a status breaks the conventions; none when it is right.
    ///
    /// - Parameters:
    ///   - status: What is about to be written as `status`.
    ///   - generation: `metadata.generation` of the object it is written to.
    package static func violations(of status: JSONValue, generation: Int) -> [String] {
        var found: [String] = []
        let root = status["observedGeneration"]
        if root == nil {
            found.append("observedGeneration: missing")
        } else if root?.integer == nil {
            found.append("observedGeneration: must be a whole number")
        }
        let observed = root?.integer ?? 0
        if observed > generation {
            found.append("observedGeneration: \(observed) is above the generation \(generation)")
        }

        let entries = status["conditions"]?.array ?? []
        var types: Set<String> = []
        for (place, entry) in entries.enumerated() {
            let path = "conditions[\(place)]"
            guard let type = entry["type"]?.string, !type.isEmpty else {
                found.append("\(path).type: missing")
                continue
            }
            if !types.insert(type).inserted { found.append("\(path).type: \(type) is there twice") }
            found += violations(of: entry, path: "\(path) (\(type))", generation: generation)
        }

        let conditions = Conditions(status["conditions"])
        let isReconciling = conditions.isTrue("Reconciling")
        let isStalled = conditions.isTrue("Stalled")
        for negative in ["Reconciling", "Stalled"] {
            if let condition = conditions[negative], condition.status != .yes {
                found.append("\(negative): is \(condition.status.rawValue); leave it out unless it is True")
            }
        }
        if isReconciling && isStalled { found.append("Reconciling and Stalled: both are True") }
        guard let ready = conditions["Ready"] else { return found + ["Ready: missing"] }
        if ready.status == .yes {
            if isReconciling || isStalled {
                found.append("Ready: is True while \(isReconciling ? "Reconciling" : "Stalled") is True")
            }
            if ready.observedGeneration != generation || observed != generation {
                found.append(
                    "Ready: is True for generation \(ready.observedGeneration), the status for \(observed), the object "
                        + "is at \(generation)"
                )
            }
        } else if ready.status == .unknown, !isReconciling {
            found.append("Ready: is Unknown without Reconciling")
        }
        return found
    }

    private static func violations(of entry: JSONValue, path: String, generation: Int) -> [String] {
        var found: [String] = []
        if Condition.Status(rawValue: entry["status"]?.string ?? "") == nil {
            found.append("\(path).status: must be True, False or Unknown")
        }
        let reason = entry["reason"]?.string ?? ""
        if !isReason(reason) { found.append("\(path).reason: \"\(reason)\" is no word in CamelCase") }
        if let message = entry["message"]?.string {
            if message.utf8.count > 32_768 { found.append("\(path).message: longer than 32768 bytes") }
        } else {
            found.append("\(path).message: missing")
        }
        if entry["lastTransitionTime"]?.string.flatMap({ Timestamp($0) }) == nil {
            found.append("\(path).lastTransitionTime: is no time")
        }
        if let observed = entry["observedGeneration"] {
            if let number = observed.integer {
                if number > generation { found.append("\(path).observedGeneration: \(number) is above \(generation)") }
            } else {
                found.append("\(path).observedGeneration: must be a whole number")
            }
        }
        return found
    }

    /// The pattern of `metav1.Condition.reason`: `^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`, at most 1024 long.
    private static func isReason(_ text: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }
        func isWord(_ byte: UInt8) -> Bool { isLetter(byte) || (48...57).contains(byte) || byte == UInt8(ascii: "_") }
        guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 1024 else { return false }
        return isLetter(first) && isWord(last)
            && text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: ":") }
    }
}
