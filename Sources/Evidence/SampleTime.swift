import Glibc

/// A point in time to the millisecond, which is how Prometheus keeps it.
package struct SampleTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    package var milliseconds: Int

    /// Makes a time.
    package init(milliseconds: Int) { self.milliseconds = milliseconds }

    /// Makes a time of microseconds since 1970-01-01T00:00:00Z, rounded down.
    package init(microseconds: Int) { milliseconds = (microseconds - (microseconds % 1000 + 1000) % 1000) / 1000 }

    /// Makes a time of seconds since 1970-01-01T00:00:00Z; nil beyond ± 10¹² and for NaN.
    package init?(seconds: Double) {
        guard abs(seconds) <= 1e12 else { return nil }
        milliseconds = Int((seconds * 1000).rounded())
    }

    /// The system's wall clock.
    package static var now: SampleTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return SampleTime(milliseconds: time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    package var microseconds: Int { milliseconds * 1000 }

    /// Seconds since 1970-01-01T00:00:00Z with three digits after the point, as Prometheus's API takes it.
    package var description: String {
        let digits = String(abs(milliseconds) % 1000)
        let fraction = String(repeating: "0", count: 3 - digits.count) + digits
        return "\(milliseconds < 0 ? "-" : "")\(abs(milliseconds) / 1000).\(fraction)"
    }

    package static func < (a: SampleTime, b: SampleTime) -> Bool { a.milliseconds < b.milliseconds }
    /// A time after this one by a duration, cut to the millisecond.
    package static func + (time: SampleTime, duration: Duration) -> SampleTime {
        SampleTime(milliseconds: time.milliseconds + duration.wholeMilliseconds)
    }
    /// A time before this one by a duration, cut to the millisecond.
    package static func - (time: SampleTime, duration: Duration) -> SampleTime {
        SampleTime(milliseconds: time.milliseconds - duration.wholeMilliseconds)
    }
    /// The duration from `b` to `a`.
    package static func - (a: SampleTime, b: SampleTime) -> Duration { .milliseconds(a.milliseconds - b.milliseconds) }
}

extension Duration {
    /// The duration in milliseconds, cut towards zero.
    package var wholeMilliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}

/// The time after `start` up to and including `end`.
///
/// Half open, so that adjacent windows share no sample and miss none.
package struct TimeWindow: Sendable, Hashable {
    /// The last moment before the window.
    package var start: SampleTime
    /// The last moment of the window; after `start`.
    package var end: SampleTime

    /// Makes a window; nil when it would be empty.
    package init?(after start: SampleTime, upTo end: SampleTime) {
        guard start < end else { return nil }
        self.start = start
        self.end = end
    }

    /// The window to judge now: from where the last one ended up to a moment that no scrape under way can still change.
    ///
    /// - Parameters:
    ///   - start: Where the last window ended.
    ///   - now: The time now.
    ///   - settle: How long a sample may take from its timestamp until queries see it: at least the scrape timeout (a
    ///     sample bears the time its scrape began), so one scrape interval is safe.
    /// - Returns: nil while no time has settled since `start`.
    package static func next(after start: SampleTime, now: SampleTime, settle: Duration) -> TimeWindow? {
        TimeWindow(after: start, upTo: now - settle)
    }

    /// How long the window is.
    package var length: Duration { end - start }

    /// Whether a time is in the window.
    package func contains(_ time: SampleTime) -> Bool { start < time && time <= end }
}
