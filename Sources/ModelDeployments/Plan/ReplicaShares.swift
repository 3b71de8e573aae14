/// How many pods of each track give a share of the traffic when every pod takes the same.
///
/// The rule: both tracks are rounded up, so neither is ever smaller than its share needs, and a track with any share has
/// at least one pod. With 4 replicas, 25 % is 3 + 1; with 3 replicas, 10 % is 3 + 1 and the share in effect 25 %.
package struct ReplicaShares: Sendable, Hashable {
    package var stable: Int
    package var canary: Int

    package init(stable: Int, canary: Int) {
        self.stable = stable
        self.canary = canary
    }

    /// - Parameters:
    ///   - weight: The canary's share in percent, clamped to `0...100`.
    ///   - replicas: The pods that bear the whole traffic; none gives none on either track.
    package init(weight: Int, of replicas: Int) {
        let weight = min(max(weight, 0), 100)
        let replicas = max(replicas, 0)
        func roundedUp(_ share: Int) -> Int { (replicas * share + 99) / 100 }
        self.init(stable: roundedUp(100 - weight), canary: roundedUp(weight))
    }

    /// The canary's share in percent that a number of pods on each track gives, to the nearest whole; 0 without pods.
    package var weight: Int {
        let total = stable + canary
        return total > 0 ? (canary * 200 + total) / (2 * total) : 0
    }
}
