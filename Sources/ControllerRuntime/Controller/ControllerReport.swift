package import Kubernetes

/// Where a ``Controller`` tells what happens.
package struct ControllerReport: Sendable {
    /// What can happen.
    package enum Event: Sendable {
        /// It began to work, with so many workers.
        case began(workers: Int)
        /// A key was taken from the queue.
        case took(WorkQueueCore<ObjectKey>.Item)
        /// A reconcile ended.
        case ended(WorkQueueCore<ObjectKey>.Item, ReconcileEnd, took: Duration)
    }

    private let sink: @Sendable (Event) -> Void

    /// - Parameter sink: Called from the workers; must be quick.
    package init(_ sink: @escaping @Sendable (Event) -> Void = { _ in }) { self.sink = sink }

    func began(_ workers: Int) { sink(.began(workers: workers)) }
    func took(_ item: WorkQueueCore<ObjectKey>.Item) { sink(.took(item)) }
    func ended(_ item: WorkQueueCore<ObjectKey>.Item, _ end: ReconcileEnd, took: Duration) {
        sink(.ended(item, end, took: took))
    }
}
