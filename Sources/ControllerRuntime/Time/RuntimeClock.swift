package import Kubernetes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Tells the time of day, for what is written down; never for measuring how long something took.
package protocol WallClock: Sendable {
    var now: Timestamp { get }
}

/// The machine's time of day.
package struct SystemWallClock: WallClock {
    package init() {}

    package var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: time.tv_sec * 1_000_000 + time.tv_nsec / 1000)
    }
}

/// Time as the runtime sees it: a monotonic clock for every duration, a wall clock for what is written down.
///
/// The monotonic time is a duration since the clock was made, so that pure code can compare and store it.
package struct RuntimeClock: Sendable {
    /// The time of day.
    package let wall: any WallClock
    private let elapsed: @Sendable () -> Duration
    private let pause: @Sendable (Duration) async throws -> Void

    /// A clock that measures with `clock` and dates with `wall`.
    package init<C: Clock>(_ clock: C, wall: any WallClock) where C.Duration == Duration {
        let start = clock.now
        self.wall = wall
        elapsed = { start.duration(to: clock.now) }
        pause = { try await clock.sleep(until: start.advanced(by: $0), tolerance: nil) }
    }

    /// The machine's clocks, of which the monotonic one goes on while the machine is suspended.
    package static let system = RuntimeClock(ContinuousClock(), wall: SystemWallClock())

    /// The time since the clock was made; it never goes back.
    package var now: Duration { elapsed() }

    /// Suspends for a while.
    ///
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    package func sleep(for duration: Duration) async throws { try await sleep(until: now + duration) }

    /// Suspends until the clock shows `deadline`.
    ///
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    package func sleep(until deadline: Duration) async throws { try await pause(deadline) }
}
