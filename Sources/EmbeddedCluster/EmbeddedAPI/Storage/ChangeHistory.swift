import JSON

/// The last changes, for watches and for lists of the past.
///
/// Versions are contiguous: one change makes one.
struct ChangeHistory: Sendable {
    let limit: Int
    /// The oldest version that changes can be read after.
    private(set) var oldest: Int
    private(set) var newest: Int
    private var ring: [Change?] = []
    /// The version whose change stands first in the ring.
    private var origin: Int

    init(limit: Int, after version: Int) {
        self.limit = max(1, limit)
        oldest = version
        newest = version
        origin = version + 1
    }

    mutating func append(_ change: Change) {
        newest = change.version
        if ring.count < limit { ring.append(change) } else { ring[place(change.version)] = change }
        oldest = max(oldest, newest - limit)
    }

    /// The changes with versions in `range`, which lies above ``oldest``.
    func changes(_ range: ClosedRange<Int>) -> [Change] {
        var found: [Change] = []
        found.reserveCapacity(range.count)
        for version in range { if let change = ring[place(version)] { found.append(change) } }
        return found
    }

    /// Forgets changes up to a version.
    mutating func compact(to version: Int) {
        let version = min(version, newest)
        guard version > oldest else { return }
        for gone in oldest + 1...version { ring[place(gone)] = nil }
        oldest = version
    }

    private func place(_ version: Int) -> Int { (version - origin) % limit }
}
