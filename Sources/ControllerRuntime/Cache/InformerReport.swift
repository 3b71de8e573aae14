package import Kubernetes

/// Where an ``Informer`` tells what happens to it.
package struct InformerReport: Sendable {
    /// What can happen.
    package enum Event: Sendable {
        /// A list begins.
        case listed
        /// A watch begins.
        case watched
        /// A list or watch failed.
        case failed(WatchMachine.Fault, String)
        /// An object could not be read: which, if known, and why.
        case malformed(ObjectKey?, String)
        /// So many objects changed, and there are so many now.
        case changed(Int, objects: Int)
        /// Whether the cache follows the server.
        case synced(Bool)
    }

    private let sink: @Sendable (Event) -> Void

    /// - Parameter sink: Called from the informer's task; must be quick.
    package init(_ sink: @escaping @Sendable (Event) -> Void = { _ in }) { self.sink = sink }

    func listed() { sink(.listed) }
    func watched() { sink(.watched) }
    func failed(_ fault: WatchMachine.Fault, _ text: String) { sink(.failed(fault, text)) }
    func malformed(_ key: ObjectKey?, _ reason: String) { sink(.malformed(key, reason)) }
    func changed(_ count: Int, objects: Int) { sink(.changed(count, objects: objects)) }
    func isSynced(_ isSynced: Bool) { sink(.synced(isSynced)) }
}
