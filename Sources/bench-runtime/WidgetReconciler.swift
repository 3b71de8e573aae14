import ControllerRuntime
import JSON
import Kubernetes

/// Writes into the status of a widget what its specification says: one write for each change, none without.
struct WidgetReconciler: Reconciler {
    let widgets: CachedClient<Widget>
    let clock: SteadyWallClock

    func reconcile(_ key: ObjectKey) async throws -> Outcome {
        guard let widget = widgets.get(key), !widget.isSettled else { return .settled }
        var conditions = Conditions()
        for condition in widget.conditions { conditions.set(condition) }
        conditions.set(
            Condition(
                "Ready",
                .yes,
                reason: "Observed",
                message: "spec.value is observed",
                observedGeneration: widget.metadata.generation,
                at: clock.now
            )
        )
        let status = Widget.status(observed: widget.value, conditions: conditions.all)
        try await widgets.send(.merge(["status": status]), to: key, subresource: "status")
        return .settled
    }
}
