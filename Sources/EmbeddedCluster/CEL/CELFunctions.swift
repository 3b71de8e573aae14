import GoText

/// The functions of the standard, and of the libraries that Kubernetes adds to it.
///
/// - SeeAlso: <https://kubernetes.io/docs/reference/using-api/cel/>
enum CELFunctions {
    /// What may be called without a target; with a dot, the family's name stands before it.
    static let global: Set<String> = [
        "size", "type", "dyn", "int", "uint", "double", "string", "bytes", "bool", "timestamp", "duration", "matches",
        "quantity", "isQuantity", "optional.of", "optional.none", "optional.ofNonZeroValue", "sets.contains",
        "sets.equivalent", "sets.intersects", "strings.quote",
    ]

    /// What may be called on a target.
    static let members: Set<String> = [
        "size", "contains", "startsWith", "endsWith", "matches", "find", "findAll", "charAt", "indexOf", "lastIndexOf",
        "join", "lowerAscii", "upperAscii", "replace", "split", "substring", "trim", "reverse", "format", "isSorted",
        "sum", "min", "max", "distinct", "getFullYear", "getMonth", "getDayOfYear", "getDayOfMonth", "getDate",
        "getDayOfWeek", "getHours", "getMinutes", "getSeconds", "getMilliseconds", "sign", "isInteger", "asInteger",
        "asApproximateFloat", "add", "sub", "isLessThan", "isGreaterThan", "compareTo", "hasValue", "value", "or",
        "orValue",
    ]

    /// The names of types that are values.
    static let typeNames: [String: String] = [
        "bool": "bool", "int": "int", "uint": "uint", "double": "double", "string": "string", "bytes": "bytes",
        "list": "list", "map": "map", "null_type": "null_type", "type": "type",
    ]

    /// How much work a function is on some values, at least; from the limit on it is not counted further.
    static func work(_ name: String, _ values: [CELValue], limit: Int) -> Int {
        var work = 0
        // What only looks at the outside of a value does not pay for what is inside.
        if !["size", "type", "dyn"].contains(name) { for value in values { add(value, &work, limit) } }
        let sizes = values.prefix(2).map { extent($0) }
        switch name {
        case "contains", "indexOf", "lastIndexOf", "split", "replace", "sets.contains", "sets.equivalent",
            "sets.intersects":
            if sizes.count == 2 { work += sizes[0].multipliedReportingOverflow(by: sizes[1]).partialValue }
        case "distinct", "sum": work += (sizes.first ?? 0) * (sizes.first ?? 0)
        case "_+_":
            if case .list(let list)? = values.first, list.kind != .ordered, sizes.count == 2 {
                work += sizes[0] * sizes[1]
            }
        default: break
        }
        return work
    }

    private static func extent(_ value: CELValue) -> Int {
        switch value {
        case .string(let text): text.utf8.count / 10 + 1
        case .list(let list): list.elements.count
        default: 1
        }
    }

    /// Goes through a value and all in it.
    private static func add(_ value: CELValue, _ work: inout Int, _ limit: Int) {
        guard work <= limit else { return }
        switch value {
        case .string(let text): work += text.utf8.count / 10
        case .bytes(let bytes): work += bytes.count / 10
        case .list(let list):
            work += list.elements.count
            for element in list.elements where work <= limit { add(element, &work, limit) }
        case .map(let map):
            work += map.entries.count
            for entry in map.entries where work <= limit { add(entry.value, &work, limit) }
        case .optional(let held): if let held { add(held, &work, limit) }
        case .null, .bool, .int, .uint, .double, .timestamp, .duration, .type, .quantity: break
        }
    }

    /// How much work it is to look for a pattern, the second value, in a text, the first.
    static func patternCost(_ values: [CELValue]) -> Int {
        guard values.count >= 2, let text = values[0].string, let pattern = values[1].string else { return 0 }
        return (text.utf8.count / 10 + 1) * (pattern.utf8.count / 4 + 1)
    }

    static func call(_ name: String, _ values: [CELValue], isMember: Bool) throws(CELError) -> CELValue {
        if let result = try general(name, values, isMember) { return result }
        if let first = values.first, isMember {
            switch first {
            case .string(let text):
                if let result = try onString(name, text, Array(values.dropFirst())) { return result }
            case .list(let list):
                if let result = try onList(name, list.elements, Array(values.dropFirst())) { return result }
            case .timestamp(let time):
                if let result = try onTimestamp(name, time, Array(values.dropFirst())) { return result }
            case .duration(let span):
                if values.count == 1, let result = onDuration(name, span) { return result }
            case .quantity(let quantity):
                if let result = try onQuantity(name, quantity, Array(values.dropFirst())) { return result }
            default: break
            }
        }
        throw .noOverload
    }

    private static func general(
        _ name: String,
        _ values: [CELValue],
        _ isMember: Bool
    ) throws(CELError) -> CELValue? {
        switch (name, values.count) {
        case ("size", 1): return try size(values[0])
        case ("matches", 2):
            guard let text = values[0].string, let pattern = values[1].string else { return nil }
            return .bool(try compiled(pattern).matches(text))
        case ("strings.quote", 1): return values[0].string.map { .string(quoted($0)) }
        case ("optional.of", 1): return .optional(values[0])
        case ("optional.none", 0): return .optional(nil)
        case ("optional.ofNonZeroValue", 1): return .optional(isZero(values[0]) ? nil : values[0])
        case ("sets.contains", 2), ("sets.equivalent", 2), ("sets.intersects", 2):
            guard let a = values[0].elements, let b = values[1].elements else { return nil }
            return .bool(setRelation(name, a, b))
        case (_, 1) where !isMember: return try converted(name, values[0])
        default: return nil
        }
    }

    private static func size(_ value: CELValue) throws(CELError) -> CELValue {
        switch value {
        case .string(let text): .int(text.unicodeScalars.count)
        case .bytes(let bytes): .int(bytes.count)
        case .list(let list): .int(list.elements.count)
        case .map(let map): .int(map.entries.count)
        default: throw .noOverload
        }
    }

    static func compiled(_ pattern: String) throws(CELError) -> Pattern {
        do throws(PatternError) { return try Pattern(pattern) } catch { throw .evaluation(error.description) }
    }

    private static func isZero(_ value: CELValue) -> Bool {
        switch value {
        case .null: true
        case .bool(let value): !value
        case .int(let value): value == 0
        case .uint(let value): value == 0
        case .double(let value): value == 0
        case .duration(let value): value == 0
        case .string, .bytes, .list, .map: (try? size(value))?.int == 0  // these have a size
        case .timestamp, .type, .quantity, .optional: false
        }
    }

    private static func setRelation(_ name: String, _ a: [CELValue], _ b: [CELValue]) -> Bool {
        func holds(_ list: [CELValue], _ value: CELValue) -> Bool { list.contains { CELValue.areEqual($0, value) } }
        switch name {
        case "sets.contains": return b.allSatisfy { holds(a, $0) }
        case "sets.intersects": return b.contains { holds(a, $0) }
        default: return b.allSatisfy { holds(a, $0) } && a.allSatisfy { holds(b, $0) }
        }
    }
}

// MARK: Conversions

extension CELFunctions {
    private static func converted(_ name: String, _ value: CELValue) throws(CELError) -> CELValue? {
        switch name {
        case "dyn": return value
        case "type": return .type(value.typeName)
        case "int": return try int(value)
        case "uint": return try uint(value)
        case "double": return try double(value)
        case "string": return try string(value)
        case "bytes":
            if case .bytes = value { return value }
            return value.string.map { .bytes(Array($0.utf8)) }
        case "bool":
            if case .bool = value { return value }
            guard let text = value.string else { return nil }
            if ["1", "t", "T", "TRUE", "true", "True"].contains(text) { return .bool(true) }
            if ["0", "f", "F", "FALSE", "false", "False"].contains(text) { return .bool(false) }
            throw wrong("strconv.ParseBool", text)
        case "duration": return try duration(value)
        case "timestamp": return try timestamp(value)
        case "quantity":
            guard let text = value.string else { return nil }
            guard let quantity = CELQuantity(text) else {
                let form = "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                throw .evaluation("quantities must match the regular expression \(form)")
            }
            return .quantity(quantity)
        case "isQuantity": return value.string.map { .bool(CELQuantity($0) != nil) }
        default: return nil
        }
    }

    private static func wrong(_ function: String, _ text: String) -> CELError {
        .evaluation("\(function): parsing \(GoText.quoted(text)): invalid syntax")
    }

    private static func int(_ value: CELValue) throws(CELError) -> CELValue? {
        switch value {
        case .int: return value
        case .uint(let number):
            guard let whole = Int(exactly: number) else { throw .evaluation("integer overflow") }
            return .int(whole)
        case .double(let number):
            // The least int is left out, as in cel-go.
            guard number > -0x1p63, let whole = Int(exactly: number.rounded(.towardZero)) else {
                throw .evaluation("integer overflow")
            }
            return .int(whole)
        case .string(let text):
            guard let whole = Int(text) else { throw wrong("strconv.ParseInt", text) }
            return .int(whole)
        case .timestamp(let time): return .int(time.seconds)
        case .duration(let span): return .int(span)
        default: return nil
        }
    }

    private static func uint(_ value: CELValue) throws(CELError) -> CELValue? {
        let overflow = CELError.evaluation("unsigned integer overflow")
        switch value {
        case .uint: return value
        case .int(let number):
            guard let whole = UInt(exactly: number) else { throw overflow }
            return .uint(whole)
        case .double(let number):
            guard let whole = UInt(exactly: number.rounded(.towardZero)) else { throw overflow }
            return .uint(whole)
        case .string(let text):
            guard let whole = UInt(text) else { throw wrong("strconv.ParseUint", text) }
            return .uint(whole)
        default: return nil
        }
    }

    private static func double(_ value: CELValue) throws(CELError) -> CELValue? {
        switch value {
        case .double: return value
        case .int(let number): return .double(Double(number))
        case .uint(let number): return .double(Double(number))
        case .string(let text):
            guard let number = Double(text) else { throw wrong("strconv.ParseFloat", text) }
            return .double(number)
        default: return nil
        }
    }

    private static func string(_ value: CELValue) throws(CELError) -> CELValue? {
        switch value {
        case .bytes(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .evaluation("invalid UTF-8 in bytes, cannot convert to string")
            }
            return .string(text)
        case .string, .bool, .int, .uint, .double, .timestamp, .duration: return .string(text(of: value))
        case .null, .list, .map, .type, .quantity, .optional: return nil
        }
    }

    private static func duration(_ value: CELValue) throws(CELError) -> CELValue? {
        if case .duration = value { return value }
        guard let text = value.string else { return nil }
        guard let span = GoDuration.nanoseconds(text) else {
            throw .evaluation("time: invalid duration \(GoText.quoted(text))")
        }
        return .duration(span)
    }

    private static func timestamp(_ value: CELValue) throws(CELError) -> CELValue? {
        switch value {
        case .timestamp: return value
        case .int(let seconds):
            guard let time = CELTimestamp(seconds: seconds) else { throw .evaluation("timestamp overflow") }
            return .timestamp(time)
        case .string(let text):
            guard text.utf8.count > 10, let time = CELTimestamp(text) else {
                throw .evaluation("parsing time \(GoText.quoted(text)): invalid timestamp")
            }
            return .timestamp(time)
        default: return nil
        }
    }

    /// A value as text, for people and for `string()`.
    static func text(of value: CELValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .uint(let value): String(value)
        case .double(let value): GoText.number(value)
        case .string(let value): value
        case .bytes(let value): String(decoding: value, as: UTF8.self)
        case .timestamp(let value): value.text
        case .duration(let value): GoText.plainNumber(Double(value) / 1e9) + "s"
        case .type(let value): value
        case .list(let list): "[" + list.elements.map(text).joined(separator: ", ") + "]"
        case .map(let map):
            "{" + map.entries.map { "\(text(of: $0.key)): \(text(of: $0.value))" }.joined(separator: ", ") + "}"
        case .quantity(let value): GoText.plainNumber(value.double)
        case .optional(let held): held.map { "optional(\(text(of: $0)))" } ?? "optional.none()"
        }
    }
}

// MARK: Times and quantities

extension CELFunctions {
    private static func onTimestamp(
        _ name: String,
        _ time: CELTimestamp,
        _ arguments: [CELValue]
    ) throws(CELError) -> CELValue? {
        var offset = 0
        if let zone = arguments.first {
            guard arguments.count == 1, let zone = zone.string else { return nil }
            // Names of places would need the tables of time zones, which a machine may not have.
            guard let found = CELTimestamp.offset(zone) else { throw .evaluation("unknown time zone \(zone)") }
            offset = found
        }
        let fields = time.fields(offset: offset)
        switch name {
        case "getFullYear": return .int(fields.year)
        case "getMonth": return .int(fields.month - 1)
        case "getDayOfYear": return .int(fields.yearday)
        case "getDayOfMonth": return .int(fields.day - 1)
        case "getDate": return .int(fields.day)
        case "getDayOfWeek": return .int(fields.weekday)
        case "getHours": return .int(fields.hour)
        case "getMinutes": return .int(fields.minute)
        case "getSeconds": return .int(fields.second)
        case "getMilliseconds": return .int(time.nanoseconds / 1_000_000)
        default: return nil
        }
    }

    private static func onDuration(_ name: String, _ span: Int) -> CELValue? {
        switch name {
        case "getHours": .int(span / 3_600_000_000_000)
        case "getMinutes": .int(span / 60_000_000_000)
        case "getSeconds": .int(span / 1_000_000_000)
        case "getMilliseconds": .int(span / 1_000_000)
        default: nil
        }
    }

    private static func onQuantity(
        _ name: String,
        _ quantity: CELQuantity,
        _ arguments: [CELValue]
    ) throws(CELError) -> CELValue? {
        guard let argument = arguments.first else {
            switch name {
            case "sign": return .int(quantity.sign)
            case "isInteger": return .bool(quantity.integer != nil)
            case "asInteger":
                guard let whole = quantity.integer else { throw .evaluation("cannot convert value to integer") }
                return .int(whole)
            case "asApproximateFloat": return .double(quantity.double)
            default: return nil
            }
        }
        let other: CELQuantity
        switch argument {
        case .quantity(let value): other = value
        case .int(let value): other = CELQuantity(billionths: Int128(value) * 1_000_000_000)
        default: return nil
        }
        switch name {
        case "add": return .quantity(try quantity.adding(other))
        case "sub": return .quantity(try quantity.subtracting(other))
        case "isLessThan": return .bool(quantity < other)
        case "isGreaterThan": return .bool(quantity > other)
        case "compareTo": return .int(quantity == other ? 0 : quantity < other ? -1 : 1)
        default: return nil
        }
    }
}
