extension Phase {
    package var meaning: String {
        switch self {
        case .pending: "the first revision has never been ready"
        case .progressing: "pods are being brought to what is wanted, or the canary's share is being set"
        case .paused: "the rollout waits for a time or a person"
        case .analyzing: "the rollout waits for a verdict on the canary"
        case .promoting: "the canary becomes stable"
        case .rollingBack: "requests return to stable and the canary goes away"
        case .healthy: "what is wanted serves"
        case .degraded: "what is wanted does not serve, and somebody must change something"
        case .suspended: "spec.suspend is true"
        case .terminating: "the object is being deleted"
        }
    }
}

extension Verdict {
    package var meaning: String {
        switch self {
        case .worse: "the evidence condemns the canary"
        case .nonInferior: "the canary is shown not to be worse than the margin allows"
        case .collecting: "there is not enough evidence yet"
        case .passed: "the measurement is within its threshold"
        case .failed: "the measurement has been outside its threshold failureLimit times in a row"
        case .insufficientData: "Prometheus answers and has nothing to say"
        case .unavailable: "Prometheus does not answer"
        }
    }
}

extension RolloutResult {
    package var meaning: String {
        switch self {
        case .promoted: "the revision became stable"
        case .rolledBack: "the operator judged against it"
        case .aborted: "a person ended it"
        case .superseded: "a further revision took its place"
        case .reverted: "the spec went back to the stable revision"
        }
    }
}
