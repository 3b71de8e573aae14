import Kubernetes

/// Ages as `kubectl get` shows them.
enum HumanDuration {
    /// The time since a timestamp, as `3d4h`; `<unknown>` when there is none.
    static func age(since text: String?, now: Timestamp) -> String {
        guard let text, let time = Timestamp(text) else { return "<unknown>" }
        return self.text(seconds: Int((now - time).components.seconds))
    }

    /// A duration in the largest units that matter: seconds up to two minutes, then two units up to a limit of each.
    static func text(seconds: Int) -> String {
        if seconds < -1 { return "<invalid>" }
        if seconds < 0 { return "0s" }
        let minutes = seconds / 60
        let hours = minutes / 60
        let days = hours / 24
        let years = days / 365
        func two(_ large: Int, _ unit: String, _ small: Int, _ smallUnit: String) -> String {
            small == 0 ? "\(large)\(unit)" : "\(large)\(unit)\(small)\(smallUnit)"
        }
        if seconds < 120 { return "\(seconds)s" }
        if minutes < 10 { return two(minutes, "m", seconds % 60, "s") }
        if hours < 3 { return "\(minutes)m" }
        if hours < 8 { return two(hours, "h", minutes % 60, "m") }
        if hours < 48 { return "\(hours)h" }
        if days < 8 { return two(days, "d", hours % 24, "h") }
        if days < 730 { return "\(days)d" }
        if years < 8 { return two(years, "y", days % 365, "d") }
        return "\(years)y"
    }
}
