import Kubernetes

/// How a reconcile ended, as the queue and the metrics tell apart.
package enum ReconcileEnd: Sendable {
    case settled
    case again(after: Duration)
    /// The server asked to wait; no fault of the object.
    case throttled(Duration, String)
    /// Somebody else wrote first; the next run sees what.
    case conflict(String)
    case failed(String)
    /// Trying again cannot mend it.
    case terminal(String)
    case timedOut
    case cancelled

    init(_ result: Result<Outcome, any Error>, isOverdue: Bool, isCancelled: Bool) {
        switch result {
        // What was done in spite of the limit is done: it would be wrong to do it again for that.
        case .success(.settled): self = .settled
        case .success(.again(let after)): self = .again(after: after)
        case .failure where isOverdue: self = .timedOut
        case .failure where isCancelled: self = .cancelled
        case .failure(let error as TerminalError): self = .terminal(error.description)
        case .failure(let error as APIFailure) where error.reason == .conflict: self = .conflict(error.description)
        case .failure(let error as APIFailure) where error.reason == .throttled:
            self = .throttled(error.retryAfter ?? .seconds(1), error.description)
        case .failure(let error): self = .failed("\(error)")
        }
    }

    var queueResult: WorkQueueCore<ObjectKey>.Result {
        switch self {
        case .settled: .settled
        case .again(let after): .again(after: after)
        case .throttled(let after, _): .throttled(after)
        case .conflict, .failed, .timedOut: .failed
        case .terminal: .hopeless
        case .cancelled: .cancelled
        }
    }
}
