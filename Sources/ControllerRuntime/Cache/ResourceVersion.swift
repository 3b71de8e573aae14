/// Compares versions of stored objects.
///
/// The API server promises since 1.35 that they are decimal numbers that grow with each write of a kind, and etcd made
/// them so before. What is no number can only be equal or not.
package enum ResourceVersion {
    /// Whether `a` was written at the same time as `b` or later; nil when that cannot be told.
    package static func isAtLeast(_ a: String, _ b: String) -> Bool? {
        if a == b { return true }
        guard isNumber(a), isNumber(b) else { return nil }
        return !isLess(a, b)
    }

    /// Whether `a` was certainly written before `b`.
    package static func isBefore(_ a: String, _ b: String) -> Bool {
        a != b && isNumber(a) && isNumber(b) && isLess(a, b)
    }

    private static func isLess(_ a: String, _ b: String) -> Bool {
        // Without leading zeros the longer number is the larger one, and of equal length text order is number order.
        a.utf8.count == b.utf8.count ? a.utf8.lexicographicallyPrecedes(b.utf8) : a.utf8.count < b.utf8.count
    }

    private static func isNumber(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "0") || text.utf8.count == 1 else { return false }
        return text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }
}
