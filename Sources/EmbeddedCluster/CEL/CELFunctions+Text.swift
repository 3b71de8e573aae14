import GoText

extension CELFunctions {
    private typealias Scalars = [Unicode.Scalar]

    private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// A function of a string; nil when there is none for these arguments.
    static func onString(_ name: String, _ text: String, _ arguments: [CELValue]) throws(CELError) -> CELValue? {
        switch (name, arguments.count) {
        case ("lowerAscii", 0): return .string(string(text.unicodeScalars.map { mapped($0, "A"..."Z", 32) }))
        case ("upperAscii", 0): return .string(string(text.unicodeScalars.map { mapped($0, "a"..."z", -32) }))
        case ("trim", 0): return .string(trimmed(text))
        case ("reverse", 0): return .string(string(text.unicodeScalars.reversed()))
        case ("charAt", 1), ("substring", 1), ("substring", 2):
            return try part(name, Scalars(text.unicodeScalars), arguments)
        case ("format", 1):
            return try arguments[0].elements.map { (values) throws(CELError) in
                .string(try formatted(text, values))
            }
        default: break
        }
        guard let other = arguments.first?.string else { return nil }
        switch (name, arguments.count) {
        case ("contains", 1):
            return .bool(position(of: Scalars(other.unicodeScalars), in: Scalars(text.unicodeScalars)) != nil)
        case ("startsWith", 1): return .bool(text.utf8.starts(with: other.utf8))
        case ("endsWith", 1): return .bool(text.utf8.reversed().starts(with: other.utf8.reversed()))
        case ("find", 1), ("findAll", 1), ("findAll", 2): return try found(name, text, other, arguments)
        case ("indexOf", _), ("lastIndexOf", _): return try index(name, text, other, arguments)
        case ("split", _): return split(text, other, arguments)
        case ("replace", _): return replaced(text, other, arguments)
        default: return nil
        }
    }

    private static func mapped(
        _ scalar: Unicode.Scalar,
        _ range: ClosedRange<Unicode.Scalar>,
        _ distance: Int
    ) -> Unicode.Scalar {
        guard range.contains(scalar) else { return scalar }
        return Unicode.Scalar(UInt8(Int(scalar.value) + distance))
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = Scalars(text.unicodeScalars)
        let start = scalars.firstIndex { !$0.properties.isWhitespace } ?? scalars.endIndex
        let end = scalars.lastIndex { !$0.properties.isWhitespace }.map { $0 + 1 } ?? start
        return string(scalars[start..<end])
    }

    private static func part(
        _ name: String,
        _ scalars: Scalars,
        _ arguments: [CELValue]
    ) throws(CELError) -> CELValue? {
        guard let start = arguments[0].int else { return nil }
        guard start >= 0, start <= scalars.count else { throw .evaluation("index out of range: \(start)") }
        if name == "charAt" { return .string(string(scalars[start..<min(start + 1, scalars.count)])) }
        guard arguments.count == 2 else { return .string(string(scalars[start...])) }
        guard let end = arguments[1].int else { return nil }
        guard end >= 0, end <= scalars.count else { throw .evaluation("index out of range: \(end)") }
        guard start <= end else {
            throw .evaluation("invalid substring range. start: \(start), end: \(end)")
        }
        return .string(string(scalars[start..<end]))
    }

    /// Where a text stands in another, at or after a place.
    private static func position(of wanted: Scalars, in scalars: Scalars, from start: Int = 0) -> Int? {
        guard wanted.count <= scalars.count, start <= scalars.count - wanted.count else { return nil }
        return (start...(scalars.count - wanted.count)).first { scalars[$0...].starts(with: wanted) }
    }

    private static func index(
        _ name: String,
        _ text: String,
        _ other: String,
        _ arguments: [CELValue]
    ) throws(CELError) -> CELValue? {
        let scalars = Scalars(text.unicodeScalars)
        let wanted = Scalars(other.unicodeScalars)
        let isLast = name == "lastIndexOf"
        var start = isLast ? scalars.count : 0
        if arguments.count > 1 {
            guard arguments.count == 2, let given = arguments[1].int else { return nil }
            guard given >= 0, given <= scalars.count else { throw .evaluation("index out of range: \(given)") }
            start = given
        }
        guard isLast else { return .int(position(of: wanted, in: scalars, from: start) ?? -1) }
        let last = min(start, scalars.count - wanted.count)
        guard last >= 0 else { return .int(-1) }
        return .int((0...last).last { scalars[$0...].starts(with: wanted) } ?? -1)
    }

    private static func split(_ text: String, _ separator: String, _ arguments: [CELValue]) -> CELValue? {
        var limit = -1
        if arguments.count > 1 {
            guard arguments.count == 2, let given = arguments[1].int else { return nil }
            limit = given
        }
        if limit == 0 { return .list([]) }
        let scalars = Scalars(text.unicodeScalars)
        let wanted = Scalars(separator.unicodeScalars)
        var start = 0
        var parts: [CELValue] = []
        while limit < 0 || parts.count < limit - 1 {
            if wanted.isEmpty {
                guard scalars.count - start > 1 else { break }
                parts.append(.string(string(scalars[start..<start + 1])))
                start += 1
                continue
            }
            guard let place = position(of: wanted, in: scalars, from: start) else { break }
            parts.append(.string(string(scalars[start..<place])))
            start = place + wanted.count
        }
        if !(wanted.isEmpty && start == scalars.count) { parts.append(.string(string(scalars[start...]))) }
        return .list(parts)
    }

    private static func replaced(_ text: String, _ old: String, _ arguments: [CELValue]) -> CELValue? {
        guard arguments.count >= 2, let new = arguments[1].string else { return nil }
        var limit = -1
        if arguments.count > 2 {
            guard arguments.count == 3, let given = arguments[2].int else { return nil }
            limit = given
        }
        let scalars = Scalars(text.unicodeScalars)
        let wanted = Scalars(old.unicodeScalars)
        var result = String.UnicodeScalarView()
        var place = 0
        var count = 0
        while place <= scalars.count {
            let isHere = limit < 0 || count < limit ? scalars[place...].starts(with: wanted) : false
            if isHere {
                result.append(contentsOf: new.unicodeScalars)
                count += 1
                place += wanted.count
            }
            // Nothing is found before every character and at the end.
            if !isHere || wanted.isEmpty {
                if place < scalars.count { result.append(scalars[place]) }
                place += 1
            }
        }
        return .string(String(result))
    }

    private static func found(
        _ name: String,
        _ text: String,
        _ pattern: String,
        _ arguments: [CELValue]
    ) throws(CELError) -> CELValue? {
        let pattern = try compiled(pattern)
        let scalars = Scalars(text.unicodeScalars)
        if name == "find" {
            return .string(pattern.firstMatch(in: scalars).map { string(scalars[$0]) } ?? "")
        }
        var limit = -1
        if arguments.count > 1 {
            guard let given = arguments[1].int else { return nil }
            limit = given
        }
        var matches: [CELValue] = []
        var place = 0
        while limit < 0 || matches.count < limit, let match = pattern.firstMatch(in: scalars, from: place) {
            matches.append(.string(string(scalars[match])))
            place = match.isEmpty ? match.upperBound + 1 : match.upperBound
            if place > scalars.count { break }
        }
        return .list(matches)
    }

    /// Puts values into a text, as `"%s has %d".format(["it", 2])`.
    private static func formatted(_ text: String, _ values: [CELValue]) throws(CELError) -> String {
        var result = ""
        var rest = Array(text.unicodeScalars)[...]
        var values = values[...]
        while let next = rest.popFirst() {
            guard next == "%" else {
                result.unicodeScalars.append(next)
                continue
            }
            if rest.first == "%" {
                rest.removeFirst()
                result += "%"
                continue
            }
            var precision = 6
            if rest.first == "." {
                rest.removeFirst()
                let digits = rest.prefix { $0 >= "0" && $0 <= "9" }
                rest.removeFirst(digits.count)
                precision = min(Int(string(digits)) ?? 6, 100)
            }
            guard let verb = rest.popFirst() else { throw .evaluation("unexpected end of format string") }
            guard let value = values.popFirst() else {
                throw .evaluation("index \(values.startIndex) out of range")
            }
            result += try formatted(value, verb, precision)
        }
        return result
    }

    private static func formatted(
        _ value: CELValue,
        _ verb: Unicode.Scalar,
        _ precision: Int
    ) throws(CELError) -> String {
        func whole(radix: Int, uppercase: Bool = false) throws(CELError) -> String {
            switch value {
            case .int(let number): return String(number, radix: radix, uppercase: uppercase)
            case .uint(let number): return String(number, radix: radix, uppercase: uppercase)
            case .bool(let flag) where radix == 2: return flag ? "1" : "0"
            case .string(let text) where radix == 16: return hexadecimal(Array(text.utf8), uppercase)
            case .bytes(let bytes) where radix == 16: return hexadecimal(bytes, uppercase)
            default: throw .evaluation("no formatting function for \(value.typeName)")
            }
        }
        switch verb {
        case "s": return shown(value)
        case "d":
            if case .double(let number) = value, !number.isFinite { return shown(value) }
            return try whole(radix: 10)
        case "b": return try whole(radix: 2)
        case "o": return try whole(radix: 8)
        case "x": return try whole(radix: 16)
        case "X": return try whole(radix: 16, uppercase: true)
        case "f", "e":
            let number: Double
            switch value {
            case .double(let value): number = value
            case .int(let value): number = Double(value)
            case .uint(let value): number = Double(value)
            default: throw .evaluation("no formatting function for \(value.typeName)")
            }
            guard number.isFinite else { return shown(.double(number)) }
            return verb == "f" ? fixed(number, precision) : scientific(number, precision)
        default: throw .evaluation("unrecognized formatting clause \"\(verb)\"")
        }
    }

    /// A value in a text; maps are sorted by their keys.
    private static func shown(_ value: CELValue) -> String {
        switch value {
        case .double(let number) where number.isInfinite: return number < 0 ? "-Infinity" : "Infinity"
        case .list(let list): return "[" + list.elements.map(shown).joined(separator: ", ") + "]"
        case .map(let map):
            let entries = map.entries.map { (key: shown($0.key), value: shown($0.value)) }
            return "{" + entries.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
                + "}"
        default: return text(of: value)
        }
    }

    /// A string in quotes, with control characters escaped.
    static func quoted(_ text: String) -> String {
        let escapes: [Unicode.Scalar: String] = [
            "\u{7}": "\\a", "\u{8}": "\\b", "\u{C}": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\u{B}": "\\v",
            "\\": "\\\\", "\"": "\\\"",
        ]
        return "\"" + text.unicodeScalars.map { escapes[$0] ?? String($0) }.joined() + "\""
    }

    private static func hexadecimal(_ bytes: [UInt8], _ uppercase: Bool) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: uppercase) }.joined()
    }

    /// So many digits after the point.
    private static func fixed(_ value: Double, _ precision: Int) -> String {
        guard value.isFinite else { return GoText.number(value) }
        var scale = 1.0
        for _ in 0..<precision { scale *= 10 }
        // Beyond what can be scaled exactly there are no digits after the point to round.
        guard let scaled = Int128(exactly: (value.magnitude * scale).rounded(.toNearestOrEven)) else {
            return GoText.plainNumber(value)
        }
        var digits = String(scaled)
        digits = String(repeating: "0", count: max(0, precision + 1 - digits.count)) + digits
        let sign = value < 0 ? "-" : ""
        return sign + digits.dropLast(precision) + (precision > 0 ? "." + digits.suffix(precision) : "")
    }

    private static func scientific(_ value: Double, _ precision: Int) -> String {
        guard value.isFinite, value != 0 else { return fixed(value, precision) + (value.isFinite ? "e+00" : "") }
        var mantissa = value
        var exponent = 0
        while mantissa.magnitude >= 10 {
            mantissa /= 10
            exponent += 1
        }
        while mantissa.magnitude < 1 {
            mantissa *= 10
            exponent -= 1
        }
        let size = String(exponent.magnitude)
        return fixed(mantissa, precision) + (exponent < 0 ? "e-" : "e+") + (size.count < 2 ? "0" : "") + size
    }
}

extension CELFunctions {
    /// A function of a list; nil when there is none for these arguments.
    static func onList(_ name: String, _ list: [CELValue], _ arguments: [CELValue]) throws(CELError) -> CELValue? {
        switch (name, arguments.count) {
        case ("isSorted", 0):
            for (a, b) in zip(list, list.dropFirst()) {
                guard let order = try CELValue.compare(a, b), order <= 0 else { return .bool(false) }
            }
            return .bool(true)
        case ("sum", 0):
            guard var sum = list.first else { return .int(0) }
            for value in list.dropFirst() { sum = try CELOperators.apply("_+_", [sum, value]) }
            return sum
        case ("min", 0), ("max", 0):
            guard var best = list.first else { throw .evaluation("\(name) called on empty list") }
            for value in list.dropFirst() {
                guard let order = try CELValue.compare(value, best) else { continue }
                if name == "min" ? order < 0 : order > 0 { best = value }
            }
            return best
        case ("indexOf", 1): return .int(list.firstIndex { CELValue.areEqual($0, arguments[0]) } ?? -1)
        case ("lastIndexOf", 1): return .int(list.lastIndex { CELValue.areEqual($0, arguments[0]) } ?? -1)
        case ("reverse", 0): return .list(list.reversed())
        case ("distinct", 0):
            return .list(
                list.reduce(into: [CELValue]()) { kept, value in
                    if !kept.contains(where: { CELValue.areEqual($0, value) }) { kept.append(value) }
                }
            )
        case ("join", 0), ("join", 1):
            guard let separator = arguments.isEmpty ? "" : arguments[0].string else { return nil }
            var parts: [String] = []
            for value in list {
                guard let text = value.string else { throw .noOverload }
                parts.append(text)
            }
            return .string(parts.joined(separator: separator))
        default: return nil
        }
    }
}
