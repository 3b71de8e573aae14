import Kubernetes
import Telemetry

extension InformerReport {
    /// Counts and logs what happens to an informer.
    init(name: String, _ runtime: RuntimeContext) {
        let metrics = runtime.metrics
        let logger = runtime.logger.with(["informer.resource": .string(name)])
        metrics.synced.set(0, [name])
        self.init { event in
            switch event {
            case .listed: metrics.lists.increment([name])
            case .watched: metrics.watches.increment([name])
            case .failed(let fault, let text):
                metrics.listFailures.increment([name, fault.label])
                switch fault {
                // Among what is refused is the first state as a stream, which older servers do not know.
                case .expired, .initialEventsUnfinished, .versionTooLarge, .refused:
                    logger.info(
                        "following an object kind begins anew",
                        ["reason": .string(fault.label), "error": .string(text)]
                    )
                default:
                    logger.warning(
                        "cannot follow an object kind; trying again",
                        ["reason": .string(fault.label), "error": .string(text)]
                    )
                }
            case .malformed(let key, let reason):
                metrics.malformed.increment([name])
                logger.error(
                    "an object cannot be read and is left out",
                    ["object.key": .string(key?.description ?? "unknown"), "error": .string(reason)]
                )
            case .changed(let count, let objects):
                metrics.changes.increment(by: Double(count), [name])
                metrics.objects.set(Double(objects), [name])
            case .synced(let isSynced): metrics.synced.set(isSynced ? 1 : 0, [name])
            }
        }
    }
}

extension ControllerReport {
    /// Counts and logs what a controller does.
    init(name: String, _ runtime: RuntimeContext) {
        let metrics = runtime.metrics
        let logger = runtime.logger.with(["controller": .string(name)])
        self.init { event in
            switch event {
            case .began(let workers):
                metrics.maxConcurrent.set(Double(workers), [name])
                logger.info("controller started", ["workers": .integer(workers)])
            case .took(let item): metrics.queueSeconds.observe(item.waited, [name, name])
            case .ended(let item, let end, let took):
                metrics.workSeconds.observe(took, [name, name])
                metrics.reconcileSeconds.observe(took, [name])
                Self.count(end, name, metrics)
                Self.log(end, item, took, logger)
            }
        }
    }

    private static func count(_ end: ReconcileEnd, _ name: String, _ metrics: RuntimeMetrics) {
        switch end {
        case .settled: metrics.reconciles.increment([name, "success"])
        case .again: metrics.reconciles.increment([name, "requeue_after"])
        case .throttled, .cancelled: metrics.reconciles.increment([name, "requeue"])
        case .conflict:
            metrics.conflicts.increment([name])
            metrics.reconciles.increment([name, "requeue"])
        case .failed, .terminal, .timedOut:
            metrics.reconciles.increment([name, "error"])
            metrics.reconcileErrors.increment([name])
            if case .terminal = end { metrics.terminalErrors.increment([name]) }
            if case .timedOut = end { metrics.timeouts.increment([name]) }
        }
    }

    private static func log(
        _ end: ReconcileEnd,
        _ item: WorkQueueCore<ObjectKey>.Item,
        _ took: Duration,
        _ logger: Logger
    ) {
        func fields(_ error: String) -> Logger.Fields {
            [
                "object.namespace": .string(item.key.namespace), "object.name": .string(item.key.name),
                "error": .string(error), "failures": .integer(item.failures + 1), "seconds": .duration(took),
            ]
        }
        switch end {
        case .settled, .again, .cancelled: break
        case .throttled(_, let text): logger.info("the server asks to wait", fields(text))
        // Both sides are at work; the next run sees what the other wrote.
        case .conflict(let text): logger.debug("somebody else wrote first; trying again", fields(text))
        case .failed(let text): logger.error("reconcile failed; trying again", fields(text))
        case .terminal(let text): logger.error("reconcile failed; waiting for a change", fields(text))
        case .timedOut: logger.error("reconcile took too long and was cancelled", fields("time limit"))
        }
    }
}
