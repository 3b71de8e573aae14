package import ControllerRuntime
package import Kubernetes
import Synchronization

/// A time of day that changes only when a test changes it.
package final class ManualWallClock: WallClock {
    private let time: Mutex<Timestamp>

    /// Begins at 2026-11-20T12:00:00Z unless told otherwise.
    package init(_ time: Timestamp = Timestamp(microseconds: 1_795_176_000_000_000)) { self.time = Mutex(time) }

    package var now: Timestamp { time.withLock { $0 } }

    /// Sets the time, also back.
    package func set(_ time: Timestamp) { self.time.withLock { $0 = time } }

    /// Moves the time, also by a negative duration.
    package func advance(by duration: Duration) { time.withLock { $0 = $0 + duration } }
}

extension RuntimeClock {
    /// A runtime's clock in the hands of a test.
    package init(manual clock: ManualClock, wall: ManualWallClock = ManualWallClock()) {
        self.init(clock, wall: wall)
    }
}
