extension CELValue {
    /// Whether two values are equal; values of different types are not, but numbers are compared by what they are.
    package static func areEqual(_ a: CELValue, _ b: CELValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.bytes(let a), .bytes(let b)): a == b
        case (.timestamp(let a), .timestamp(let b)): a == b
        case (.duration(let a), .duration(let b)): a == b
        case (.type(let a), .type(let b)): a == b
        case (.quantity(let a), .quantity(let b)): a == b
        case (.optional(let a), .optional(let b)):
            if let a, let b { areEqual(a, b) } else { a == nil && b == nil }
        case (.list(let a), .list(let b)): areEqual(a, b)
        case (.map(let a), .map(let b)):
            a.entries.count == b.entries.count
                && a.entries.allSatisfy { key, value in b[key].map { areEqual($0, value) } ?? false }
        default: compareNumbers(a, b) == .some(0)
        }
    }

    private static func areEqual(_ a: CELList, _ b: CELList) -> Bool {
        guard a.elements.count == b.elements.count else { return false }
        if a.kind == .ordered {  // the left one says what equal means
            return zip(a.elements, b.elements).allSatisfy(areEqual)
        }
        return a.elements.allSatisfy { element in b.elements.contains { areEqual(element, $0) } }
    }

    /// Where a value stands to another: below 0, 0 or above it; nil when they have no order, as NaN has none.
    static func compare(_ a: CELValue, _ b: CELValue) throws(CELError) -> Int? {
        switch (a, b) {
        case (.bool(let a), .bool(let b)): return a == b ? 0 : a ? 1 : -1
        case (.string(let a), .string(let b)): return order(a.utf8, b.utf8)
        case (.bytes(let a), .bytes(let b)): return order(a, b)
        case (.timestamp(let a), .timestamp(let b)): return a == b ? 0 : a < b ? -1 : 1
        case (.duration(let a), .duration(let b)): return a == b ? 0 : a < b ? -1 : 1
        default:
            guard a.isNumber, b.isNumber else { throw .noOverload }
            return compareNumbers(a, b)
        }
    }

    private static func order(_ a: some Sequence<UInt8>, _ b: some Sequence<UInt8>) -> Int {
        a.elementsEqual(b) ? 0 : a.lexicographicallyPrecedes(b) ? -1 : 1
    }

    var isNumber: Bool {
        switch self {
        case .int, .uint, .double: true
        case .null, .bool, .string, .bytes, .list, .map, .timestamp, .duration, .type, .quantity, .optional: false
        }
    }

    private static func compareNumbers(_ a: CELValue, _ b: CELValue) -> Int? {
        switch (a, b) {
        case (.int(let a), .int(let b)): a == b ? 0 : a < b ? -1 : 1
        case (.uint(let a), .uint(let b)): a == b ? 0 : a < b ? -1 : 1
        case (.int(let a), .uint(let b)): a == b ? 0 : a < b ? -1 : 1
        case (.uint(let a), .int(let b)): a == b ? 0 : a < b ? -1 : 1
        case (.double(let a), .double(let b)): a == b ? 0 : a < b ? -1 : a > b ? 1 : nil
        case (.double(let a), .int(let b)): compare(a, b)
        case (.double(let a), .uint(let b)): compare(a, b)
        case (.int(let a), .double(let b)): compare(b, a).map { -$0 }
        case (.uint(let a), .double(let b)): compare(b, a).map { -$0 }
        default: nil
        }
    }

    /// As cel-go does it: a whole number that a double cannot hold is the nearest that it can.
    private static func compare(_ a: Double, _ b: some FixedWidthInteger) -> Int? {
        let b = Double(b)
        return a == b ? 0 : a < b ? -1 : a > b ? 1 : nil
    }
}
