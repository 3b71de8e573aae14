import HomeostatAPI
import Kubernetes

extension Planner {
    /// How long the way back may take before the object is let go anyway; well under a minute, so that nobody is stuck.
    static let restoreLimit = Duration.seconds(45)

    mutating func planDeletion() -> Plan {
        guard policy.hasFinalizer else { return finish([], terminating("gone")) }
        if observed.isNamespaceTerminating {
            return finish([.removeFinalizer], terminating("the namespace is being deleted: nothing is restored"))
        }
        switch policy.deletion {
        case .delete: return finish([.removeFinalizer], terminating("the children go with the object"))
        case .orphan: return finish([.orphanChildren, .removeFinalizer], terminating("the children stay as they are"))
        case .restore: return planRestore()
        }
    }

    private mutating func planRestore() -> Plan {
        guard state.isEstablished, let stable = state.stable, let track = observed.track(stable.revision) else {
            return finish([.removeFinalizer], terminating("there is no serving revision to keep"))
        }
        let others = observed.tracks.filter { $0.revision != stable.revision && ($0.desired > 0 || $0.replicas > 0) }
        let isRestored = others.isEmpty && track.available >= policy.replicas
        let limit = (policy.deletedAt ?? now) + Self.restoreLimit
        if isRestored || now >= limit {
            if !isRestored {
                notes.append(
                    Note(
                        .released,
                        warning: true,
                        "let go after \(Self.restoreLimit.inWords) with \(track.available) of \(policy.replicas) pods of the "
                            + "stable revision available" + (track.trouble.map { "; \($0)" } ?? "")
                    )
                )
            }
            return finish(
                [.orphanChildren, .removeFinalizer],
                terminating("revision \(stable.revision) serves on alone")
            )
        }
        if let rollout = state.rollout, !rollout.isReturning {
            giveBack(.aborted, reason: "Deleted", message: "the ModelDeployment is being deleted")
            return finish([], terminating("all traffic goes back to revision \(stable.revision)"))
        }
        wakeUps.append(limit)
        return finish(
            services(stable: stable.revision) + scaling(stable: stable.revision),
            terminating("all traffic goes back to revision \(stable.revision)")
        )
    }

    private func terminating(_ message: String) -> Situation {
        Situation(.terminating, .unchanged, reason: "Terminating", message)
    }
}
