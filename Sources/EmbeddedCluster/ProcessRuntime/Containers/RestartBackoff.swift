/// How long a container that ends again and again waits before it is started again: kubelet's back-off.
struct RestartBackoff: Sendable, Equatable {
    private static let first = Duration.seconds(10)
    private static let longest = Duration.seconds(300)
    /// After running this long it counts as new.
    private static let resetTime = Duration.seconds(600)

    private var wait = Duration.zero

    /// Says that the container ended, or could not be made.
    ///
    /// - Parameter ran: How long it ran.
    /// - Returns: How long after its end it may start again; zero the first time, then 10 s doubling up to 5 min.
    mutating func ended(after ran: Duration) -> Duration {
        if ran >= Self.resetTime { wait = .zero }
        defer { wait = wait == .zero ? Self.first : min(wait * 2, Self.longest) }
        return wait
    }

    /// The wait that the next failure brings, as kubelet's messages have it: `10s`, `2m40s`.
    static func text(_ wait: Duration) -> String {
        let seconds = wait.components.seconds
        return seconds < 60 ? "\(seconds)s" : "\(seconds / 60)m\(seconds % 60)s"
    }
}
