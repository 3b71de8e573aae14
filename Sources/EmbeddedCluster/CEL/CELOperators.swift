/// The operators.
///
/// Numbers of different types can be compared but not computed with, and nothing wraps around.
enum CELOperators {
    private static let intOverflow = CELError.evaluation("integer overflow")
    private static let uintOverflow = CELError.evaluation("unsigned integer overflow")
    private static let durationOverflow = CELError.evaluation("duration overflow")
    private static let timestampOverflow = CELError.evaluation("timestamp overflow")

    static func apply(_ name: String, _ values: [CELValue]) throws(CELError) -> CELValue {
        if values.count == 1 { return name == "!_" ? try not(values[0]) : try negated(values[0]) }
        let (a, b) = (values[0], values[1])
        switch name {
        case "_==_": return .bool(CELValue.areEqual(a, b))
        case "_!=_": return .bool(!CELValue.areEqual(a, b))
        case "_<_": return .bool(try CELValue.compare(a, b).map { $0 < 0 } ?? false)
        case "_<=_": return .bool(try CELValue.compare(a, b).map { $0 <= 0 } ?? false)
        case "_>_": return .bool(try CELValue.compare(a, b).map { $0 > 0 } ?? false)
        case "_>=_": return .bool(try CELValue.compare(a, b).map { $0 >= 0 } ?? false)
        case "@in": return .bool(try contains(b, a))
        case "_+_": return try add(a, b)
        case "_-_": return try subtract(a, b)
        default: return try multiply(name, a, b)
        }
    }

    private static func not(_ value: CELValue) throws(CELError) -> CELValue {
        guard let value = value.bool else { throw .noOverload }
        return .bool(!value)
    }

    private static func negated(_ value: CELValue) throws(CELError) -> CELValue {
        switch value {
        case .int(let value):
            guard value != .min else { throw intOverflow }
            return .int(-value)
        case .double(let value): return .double(-value)
        case .duration(let value):
            guard value != .min else { throw durationOverflow }
            return .duration(-value)
        default: throw .noOverload
        }
    }

    private static func contains(_ collection: CELValue, _ value: CELValue) throws(CELError) -> Bool {
        switch collection {
        case .list(let list): return list.elements.contains { CELValue.areEqual($0, value) }
        case .map(let map): return map[value] != nil
        default: throw .noOverload
        }
    }

    /// A result that must fit in 64 bits.
    private static func fitting<Number>(
        _ result: (partialValue: Number, overflow: Bool),
        else error: CELError
    ) throws(CELError) -> Number {
        guard !result.overflow else { throw error }
        return result.partialValue
    }

    private static func add(_ a: CELValue, _ b: CELValue) throws(CELError) -> CELValue {
        switch (a, b) {
        case (.int(let a), .int(let b)): .int(try fitting(a.addingReportingOverflow(b), else: intOverflow))
        case (.uint(let a), .uint(let b)): .uint(try fitting(a.addingReportingOverflow(b), else: uintOverflow))
        case (.double(let a), .double(let b)): .double(a + b)
        case (.string(let a), .string(let b)): .string(a + b)
        case (.bytes(let a), .bytes(let b)): .bytes(a + b)
        case (.list(let a), .list(let b)): .list(added(b, to: a))
        case (.duration(let a), .duration(let b)):
            .duration(try fitting(a.addingReportingOverflow(b), else: durationOverflow))
        case (.timestamp(let time), .duration(let span)), (.duration(let span), .timestamp(let time)):
            .timestamp(try moved(time, by: span, isBack: false))
        default: throw .noOverload
        }
    }

    private static func added(_ b: CELList, to a: CELList) -> CELList {
        switch a.kind {
        case .ordered: return CELList(a.elements + b.elements)
        case .set:
            let new = b.elements.filter { element in !a.elements.contains { CELValue.areEqual($0, element) } }
            return CELList(a.elements + new, kind: .set)
        case .map(let keys):
            func key(_ element: CELValue) -> [CELValue?] {
                guard case .map(let map) = element else { return [] }
                return keys.map { map[.string($0)] }
            }
            func areSame(_ a: [CELValue?], _ b: [CELValue?]) -> Bool {
                zip(a, b).allSatisfy { a, b in
                    if let a, let b { CELValue.areEqual(a, b) } else { a == nil && b == nil }
                }
            }
            var merged = a.elements
            for element in b.elements {
                if let place = merged.firstIndex(where: { areSame(key($0), key(element)) }) {
                    merged[place] = element
                } else {
                    merged.append(element)
                }
            }
            return CELList(merged, kind: a.kind)
        }
    }

    private static func subtract(_ a: CELValue, _ b: CELValue) throws(CELError) -> CELValue {
        switch (a, b) {
        case (.int(let a), .int(let b)): return .int(try fitting(a.subtractingReportingOverflow(b), else: intOverflow))
        case (.uint(let a), .uint(let b)):
            return .uint(try fitting(a.subtractingReportingOverflow(b), else: uintOverflow))
        case (.double(let a), .double(let b)): return .double(a - b)
        case (.duration(let a), .duration(let b)):
            return .duration(try fitting(a.subtractingReportingOverflow(b), else: durationOverflow))
        case (.timestamp(let time), .duration(let span)): return .timestamp(try moved(time, by: span, isBack: true))
        case (.timestamp(let a), .timestamp(let b)):
            let (span, overflows) = (a.seconds - b.seconds).multipliedReportingOverflow(by: 1_000_000_000)
            guard !overflows else { throw durationOverflow }
            let rest = a.nanoseconds - b.nanoseconds
            return .duration(try fitting(span.addingReportingOverflow(rest), else: durationOverflow))
        default: throw .noOverload
        }
    }

    private static func moved(
        _ time: CELTimestamp,
        by span: Int,
        isBack: Bool
    ) throws(CELError) -> CELTimestamp {
        let sign = isBack ? -1 : 1
        let seconds = time.seconds + sign * (span / 1_000_000_000)
        let nanoseconds = time.nanoseconds + sign * (span % 1_000_000_000)
        guard let moved = CELTimestamp(seconds: seconds, nanoseconds: nanoseconds) else { throw timestampOverflow }
        return moved
    }

    private static func multiply(_ name: String, _ a: CELValue, _ b: CELValue) throws(CELError) -> CELValue {
        switch (name, a, b) {
        case ("_*_", .int(let a), .int(let b)):
            return .int(try fitting(a.multipliedReportingOverflow(by: b), else: intOverflow))
        case ("_*_", .uint(let a), .uint(let b)):
            return .uint(try fitting(a.multipliedReportingOverflow(by: b), else: uintOverflow))
        case ("_*_", .double(let a), .double(let b)): return .double(a * b)
        case ("_/_", .int(let a), .int(let b)):
            guard b != 0 else { throw .evaluation("division by zero") }
            return .int(try fitting(a.dividedReportingOverflow(by: b), else: intOverflow))
        case ("_/_", .uint(let a), .uint(let b)):
            guard b != 0 else { throw .evaluation("division by zero") }
            return .uint(a / b)
        case ("_/_", .double(let a), .double(let b)): return .double(a / b)
        case ("_%_", .int(let a), .int(let b)):
            guard b != 0 else { throw .evaluation("modulus by zero") }
            return .int(try fitting(a.remainderReportingOverflow(dividingBy: b), else: intOverflow))
        case ("_%_", .uint(let a), .uint(let b)):
            guard b != 0 else { throw .evaluation("modulus by zero") }
            return .uint(a % b)
        default: throw .noOverload
        }
    }
}
