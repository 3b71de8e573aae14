/// Turns the sizes that tracks shall have into the sizes they may have now.
///
/// Growing is always allowed. Shrinking never takes available pods away that the traffic still needs: at every instant
/// the available pods of all tracks together are at least the wanted replicas, or as many as there were. Pods that are
/// not available bear nothing and may always go.
package struct CapacityGuard: Sendable {
    /// A track as it is and as it shall become.
    package struct Track: Sendable, Equatable {
        package var revision: String
        /// Pods asked for now.
        package var current: Int
        /// Pods that answer now.
        package var available: Int
        /// Pods asked for in the end.
        package var target: Int

        package init(revision: String, current: Int, available: Int, target: Int) {
            self.revision = revision
            self.current = current
            self.available = available
            self.target = target
        }
    }

    /// The pods to ask for now, by revision.
    ///
    /// - Parameters:
    ///   - tracks: In the order in which they shrink; an earlier one goes before a later one may.
    ///   - replicas: The pods that bear the whole traffic.
    package static func sizes(_ tracks: [Track], replicas: Int) -> [String: Int] {
        var bearing = tracks.map { min($0.available, $0.current) }
        var sizes: [String: Int] = [:]
        for (index, track) in tracks.enumerated() {
            let others = bearing.reduce(0, +) - bearing[index]
            let needed = min(bearing[index], max(0, replicas - others))
            let size = track.target >= track.current ? track.target : max(track.target, needed)
            sizes[track.revision] = size
            bearing[index] = min(bearing[index], size)
        }
        return sizes
    }
}
