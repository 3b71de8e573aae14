import HomeostatAPI
import Kubernetes

extension Planner {
    /// Takes a person's request, once, and says what came of it.
    mutating func handleRequest() {
        guard let request = policy.request, request.id != state.lastRequest?.id else { return }
        let refusal = policy.isSuspended ? "spec.suspend is true; set it to false first" : carryOut(request)
        state.lastRequest = AnsweredRequest(
            id: request.id,
            verb: request.text,
            revision: request.revision,
            isAccepted: refusal == nil,
            message: refusal ?? "done",
            at: now
        )
        if let refusal {
            notes.append(Note(.requestRefused, warning: true, "\(request.text) \(request.id) refused: \(refusal)"))
        }
    }

    /// - Returns: Why the request is refused; nil when it is carried out.
    private mutating func carryOut(_ request: Policy.Request) -> String? {
        if let fault = request.fault { return fault }
        guard let verb = request.verb else { return "it says nothing" }
        if verb == .retry { return retry(request) }
        guard let rollout = state.rollout else { return "no rollout is in progress" }
        guard request.revision == rollout.canary.revision else {
            return "it names revision \(request.revision), but revision \(rollout.canary.revision) is being rolled out"
        }
        if rollout.isReturning { return "the traffic is going back to the stable revision already" }
        switch verb {
        case .promote: return promote(request, rollout)
        case .skip:
            guard case .stepping(let index) = rollout.stage else { return "all steps are done already" }
            next(after: index, by: request.id)
        case .abort:
            giveBack(.aborted, reason: "Aborted", message: "aborted by request \(request.id)")
        case .pause:
            guard case .stepping = rollout.stage else { return "all steps are done already" }
            guard rollout.pausedAt == nil else { return "it is paused already" }
            state.rollout?.pausedAt = now
            moved(Note(.paused, "paused by request \(request.id)"))
        case .resume: return resume(request, rollout)
        case .retry: break
        }
        return nil
    }

    private mutating func promote(_ request: Policy.Request, _ rollout: Rollout) -> String? {
        guard case .stepping(let index) = rollout.stage else { return "it is being promoted already" }
        closePause()
        state.rollout?.stage = .promoting
        state.rollout?.weight = 100
        state.rollout?.promotedBy = request.id
        state.progress = nil
        moved(
            Note(
                .promoting,
                "promotion of revision \(rollout.canary.revision) by request \(request.id); "
                    + "\(describe(step: index)) and what follows is skipped"
            )
        )
        return nil
    }

    private mutating func resume(_ request: Policy.Request, _ rollout: Rollout) -> String? {
        if rollout.pausedAt != nil {
            closePause()
            moved(Note(.resumed, "resumed by request \(request.id)"))
            return nil
        }
        guard case .stepping(let index) = rollout.stage, policy.steps.indices.contains(index),
            case .pause = policy.steps[index].action
        else { return "it is not paused" }
        notes.append(Note(.resumed, "resumed by request \(request.id)"))
        next(after: index, by: request.id)
        return nil
    }

    private mutating func retry(_ request: Policy.Request) -> String? {
        guard state.rollout == nil, let rejected = state.rejected, rejected.revision == policy.revision else {
            return "there is no refused revision to try again"
        }
        guard request.revision == rejected.revision else {
            return "it names revision \(request.revision), but revision \(rejected.revision) was refused"
        }
        state.rejected = nil
        moved(Note(.retried, "revision \(rejected.revision) is tried again by request \(request.id)"))
        return nil
    }
}
