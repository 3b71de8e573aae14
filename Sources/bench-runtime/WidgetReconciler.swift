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
        var updated = widget
        updated.observed = widget.value
        updated.conditions = conditions.all
        // A whole status is written at a version, as the program's own controllers write theirs; it costs the apiserver
        // a quarter less than a patch.
        try await widgets.replace(updated, subresource: "status")
        return .settled
    }
}
