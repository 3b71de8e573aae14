package import EmbeddedAPI
package import Kubernetes

/// A part of the cluster that brings objects to what they should be, one key at a time.
///
/// It keeps nothing that the API does not have: a new one over the same objects goes on where the last one stopped.
package protocol ClusterController: Sendable {
    /// A short name, as `deployment`.
    var name: String { get }

    /// The keys that a change concerns. Called for every change, so it must be quick for those that do not matter.
    ///
    /// Every object comes as one that was just made when the controllers start.
    func keys(for change: Change, in cluster: Cluster) -> [ObjectKey]

    /// Does what there is to do for a key.
    ///
    /// - Returns: After what time to look again, even if nothing changes; nil to wait for a change.
    /// - Throws: What the API refused; it is tried again later, after longer and longer times.
    func reconcile(_ key: ObjectKey, in cluster: Cluster, now: Timestamp) throws(APIStatus) -> Duration?
}
