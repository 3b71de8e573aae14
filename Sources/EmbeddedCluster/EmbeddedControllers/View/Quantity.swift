import JSON

/// An amount of a resource, as `100m` or `1.5Gi`.
enum Quantity {
    /// The amount in thousandths, rounded up.
    ///
    /// - Returns: Nil when it is no quantity. What does not fit in 64 bits is cut to the largest number.
    static func thousandths(_ value: JSONValue?) -> Int? {
        switch value {
        case .integer(let number): return saturated(Double(number) * 1000)
        case .double(let number): return saturated(number * 1000)
        case .string(let text): return thousandths(text)
        default: return nil
        }
    }

    private static let scales: [(suffix: String, factor: Double)] = [
        ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776),
        ("Pi", 1_125_899_906_842_624), ("Ei", 1_152_921_504_606_846_976), ("n", 1e-9), ("u", 1e-6), ("m", 1e-3),
        ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("P", 1e15), ("E", 1e18),
    ]

    private static func thousandths(_ text: String) -> Int? {
        for (suffix, factor) in scales where text.hasSuffix(suffix) {
            return Double(text.dropLast(suffix.count)).flatMap { saturated($0 * factor * 1000) }
        }
        return Double(text).flatMap { saturated($0 * 1000) }
    }

    private static func saturated(_ value: Double) -> Int? {
        guard value.isFinite else { return nil }
        // A binary fraction just above a whole number is that number, not one more.
        let rounded = (value - 1e-6).rounded(.up)
        return rounded >= 9.2e18 ? Int.max : rounded <= -9.2e18 ? Int.min : Int(rounded)
    }
}
