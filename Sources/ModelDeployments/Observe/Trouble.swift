/// Why pods of a track are not ready, as the pods themselves say.
package struct Trouble: Sendable, Hashable, CustomStringConvertible {
    /// A closed set of causes; the raw value is a condition's reason.
    package enum Cause: String, Sendable, CaseIterable {
        case unschedulable = "Unschedulable"
        case quotaExceeded = "QuotaExceeded"
        case admissionRefused = "AdmissionRefused"
        case imagePull = "ImagePullFailed"
        case configuration = "ContainerConfigError"
        case outOfMemory = "OutOfMemory"
        case crash = "CrashLoop"
        case modelLoadStalled = "ModelLoadStalled"
        case notReady = "ReadinessProbeFailing"
        case evicted = "Evicted"
    }

    package var cause: Cause
    /// The pod that says so, or the Deployment when there is no pod.
    package var object: String
    package var message: String

    package init(_ cause: Cause, object: String, message: String) {
        self.cause = cause
        self.object = object
        self.message = message
    }

    package var description: String {
        message.isEmpty ? "\(cause.rawValue) on \"\(object)\"" : "\(cause.rawValue) on \"\(object)\": \(message)"
    }
}
