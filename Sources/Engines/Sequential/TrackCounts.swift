/// Requests one track answered during one window, and how many of them failed.
package struct TrackCounts: Sendable, Equatable {
    /// Requests answered in the window, failures included; 0 or more.
    package var total: Int
    /// Failed requests in the window; 0 or more, normally at most `total`.
    package var failed: Int

    /// Makes the counts of one window.
    package init(total: Int, failed: Int) {
        self.total = total
        self.failed = failed
    }
}
