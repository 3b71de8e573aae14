package import Kubernetes

/// A time of day that no correction of the machine's clock moves: read once, then carried on by the monotonic clock.
///
/// For decisions that compare stored times with now, as the end of a pause: an hour's jump of the clock must not end it
/// early or an hour late.
package struct SteadyWallClock: WallClock {
    private let clock: RuntimeClock
    private let start: Timestamp
    private let startedAt: Duration

    package init(_ clock: RuntimeClock) {
        self.clock = clock
        start = clock.wall.now
        startedAt = clock.now
    }

    package var now: Timestamp { start + (clock.now - startedAt) }
}
