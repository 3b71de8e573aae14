import Kubernetes

extension Planner {
    /// The effects that the recorded position asks for.
    func actions() -> [Action] {
        guard let stable = state.stable else { return [] }
        return services(stable: stable.revision) + scaling(stable: stable.revision) + retired(stable: stable.revision)
    }

    /// Services come first: at a promotion clients of the stable Service move before the old pods go.
    func services(stable: String) -> [Action] {
        var canary = stable
        if let rollout = state.rollout, !rollout.isReturning,
            (observed.track(rollout.canary.revision)?.available ?? 0) > 0
        {
            canary = rollout.canary.revision
        }
        return [(TrackService.all, nil), (.stable, stable), (.canary, canary)].compactMap { service, revision in
            let seen = observed.services.first { $0.name == service.name(of: policy.key.name) }
            if let seen, seen.isCurrent, seen.revision == revision { return nil }
            return .point(service: service, revision: revision)
        }
    }

    func scaling(stable: String) -> [Action] {
        let canary = state.rollout?.canary.revision
        var tracks: [CapacityGuard.Track] = []
        // Shrinking happens in this order: what is left of other revisions, then the track that gives way.
        for track in observed.tracks where track.revision != stable && track.revision != canary {
            tracks.append(size(track.revision, target: 0))
        }
        tracks.sort { $0.revision < $1.revision }
        let targets = targets(stable: stable)
        tracks.append(size(stable, target: targets.stable))
        if let canary { tracks.append(size(canary, target: targets.canary)) }
        let sizes = CapacityGuard.sizes(tracks, replicas: policy.replicas)
        return tracks.compactMap { track in
            let replicas = sizes[track.revision] ?? track.current
            let seen = observed.track(track.revision)
            if seen == nil, replicas == 0, track.revision != stable { return nil }
            return seen?.desired == replicas && seen?.isCurrent == true
                ? nil : .scale(revision: track.revision, replicas: replicas)
        }
    }

    private func targets(stable: String) -> ReplicaShares {
        guard let rollout = state.rollout else { return shares }
        switch rollout.stage {
        case .stepping: return shares
        case .promoting:
            // The stable track stays as it is until the canary has taken its place.
            let present = observed.track(stable)?.desired ?? 0
            return ReplicaShares(stable: min(present, policy.replicas), canary: policy.replicas)
        case .returning: return ReplicaShares(stable: policy.replicas, canary: 0)
        }
    }

    private func size(_ revision: String, target: Int) -> CapacityGuard.Track {
        let seen = observed.track(revision)
        var available = seen?.available ?? 0
        if let rollout = state.rollout, case .returning(let back) = rollout.stage, back.abandonsCapacity,
            revision == rollout.canary.revision
        {
            available = 0
        }
        return CapacityGuard.Track(
            revision: revision,
            current: seen?.desired ?? 0,
            available: available,
            target: target
        )
    }

    /// The oldest Deployments without pods go when there are more than shall be kept.
    func retired(stable: String) -> [Action] {
        observed.tracks
            .filter {
                $0.revision != stable && $0.revision != state.rollout?.canary.revision && $0.desired == 0
                    && $0.replicas == 0
            }
            .sorted { ($0.createdAt?.microseconds ?? 0, $0.name) > ($1.createdAt?.microseconds ?? 0, $1.name) }
            .dropFirst(policy.historyLimit)
            .map { .remove(revision: $0.revision) }
    }
}
