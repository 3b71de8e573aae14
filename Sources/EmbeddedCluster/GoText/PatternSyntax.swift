/// A regular expression as a tree.
indirect enum PatternNode {
    case empty
    case set(PatternSet)
    case assertion(PatternAssertion)
    case concatenation([PatternNode])
    case alternatives([PatternNode])
    case repetition(PatternNode, minimum: Int, maximum: Int?, isGreedy: Bool)
}

enum PatternAssertion {
    case textStart, textEnd, lineStart, lineEnd, wordBoundary, notWordBoundary
}

/// Which scalars may stand at a place.
struct PatternSet: Sendable {
    enum Item: Sendable {
        case range(ClosedRange<UInt32>)
        case category(Set<Unicode.GeneralCategory>, isNegated: Bool)
        case set(PatternSet)
    }

    var items: [Item] = []
    var isNegated = false
    /// Whether case is of no account.
    var folds = false

    static let any = PatternSet(items: [.range(0...0x10FFFF)])
    static let anyButNewline = PatternSet(items: [.range(0x0A...0x0A)], isNegated: true)
    static let digits = PatternSet(items: [.range(0x30...0x39)])
    static let spaces = PatternSet(items: [.range(0x09...0x0A), .range(0x0C...0x0D), .range(0x20...0x20)])
    static let words = PatternSet(
        items: [.range(0x30...0x39), .range(0x41...0x5A), .range(0x5F...0x5F), .range(0x61...0x7A)]
    )

    static func one(_ scalar: Unicode.Scalar, folds: Bool) -> PatternSet {
        PatternSet(items: [.range(scalar.value...scalar.value)], folds: folds)
    }

    func negated(_ isNegated: Bool) -> PatternSet {
        var copy = self
        if isNegated { copy.isNegated.toggle() }
        return copy
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        var found = holds(scalar)
        if !found, folds {
            let properties = scalar.properties
            for mapped in [properties.lowercaseMapping, properties.uppercaseMapping] {
                let scalars = mapped.unicodeScalars
                if scalars.count == 1, let other = scalars.first, other != scalar { found = found || holds(other) }
            }
        }
        return found != isNegated
    }

    private func holds(_ scalar: Unicode.Scalar) -> Bool {
        items.contains { item in
            switch item {
            case .range(let range): range.contains(scalar.value)
            case .category(let categories, let isNegated):
                categories.contains(scalar.properties.generalCategory) != isNegated
            case .set(let set): set.contains(scalar)
            }
        }
    }
}

/// Reads the syntax.
struct PatternParser {
    /// How deep groups may stand in each other, as in Go's bound of 1000 but safe for a small stack.
    private static let depthLimit = 200
    private static let repeatLimit = 1000

    private struct Flags {
        var folds = false
        var isMultiline = false
        var dotMatchesNewline = false
        var swapsGreed = false
    }

    private let scalars: [Unicode.Scalar]
    private var place = 0
    private var flags = Flags()
    private var depth = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    private var next: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    private func peek(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        return place + wanted.count <= scalars.count && Array(scalars[place..<place + wanted.count]) == wanted
    }

    private mutating func take(_ text: String) -> Bool {
        guard peek(text) else { return false }
        place += text.unicodeScalars.count
        return true
    }

    private func text(_ range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[range.clamped(to: 0..<scalars.count)])
        return String(view)
    }

    private func failure(_ reason: PatternError.Reason, from start: Int, to end: Int? = nil) -> PatternError {
        PatternError(reason: reason, part: text(start..<max(start, end ?? place)))
    }

    /// The whole expression.
    mutating func expression() throws(PatternError) -> PatternNode {
        let node = try alternatives()
        guard next == nil else { throw failure(.unexpectedParenthesis, from: 0, to: scalars.count) }
        return node
    }

    private mutating func alternatives() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw failure(.tooDeep, from: 0, to: scalars.count) }
        var branches = [try concatenation()]
        while take("|") { branches.append(try concatenation()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func concatenation() throws(PatternError) -> PatternNode {
        var parts: [PatternNode] = []
        var lastRepeat: Int?
        while let scalar = next, scalar != "|", scalar != ")" {
            let start = place
            if let (minimum, maximum) = try repetition() {
                if let lastRepeat { throw failure(.nestedRepeat, from: lastRepeat) }
                var isGreedy = !take("?")
                if flags.swapsGreed { isGreedy.toggle() }
                guard let last = parts.popLast() else { throw failure(.missingArgument, from: start) }
                parts.append(.repetition(last, minimum: minimum, maximum: maximum, isGreedy: isGreedy))
                lastRepeat = start
                continue
            }
            lastRepeat = nil
            parts += try atom()
        }
        return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .concatenation(parts)
    }

    private mutating func repetition() throws(PatternError) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard next == "{" else { return nil }
        let start = place
        place += 1
        // What does not read as a count is text, as in Perl.
        guard let bounds = counts() else {
            place = start
            return nil
        }
        if bounds.0 > Self.repeatLimit || (bounds.1 ?? 0) > Self.repeatLimit || bounds.0 > (bounds.1 ?? Int.max) {
            throw failure(.repeatSize, from: start)
        }
        return bounds
    }

    private mutating func counts() -> (Int, Int?)? {
        guard let minimum = number() else { return nil }
        if take("}") { return (minimum, minimum) }
        guard take(",") else { return nil }
        if take("}") { return (minimum, nil) }
        guard let maximum = number(), take("}") else { return nil }
        return (minimum, maximum)
    }

    private mutating func number() -> Int? {
        let start = place
        var value = 0
        while let scalar = next, ("0"..."9").contains(scalar) {
            value = min(value * 10 + Int(scalar.value) - 0x30, 1_000_000)
            place += 1
        }
        return place == start ? nil : value
    }

    private mutating func atom() throws(PatternError) -> [PatternNode] {
        guard let scalar = next else { return [] }
        switch scalar {
        case "(": return try group()
        case "[": return [.set(try bracketed())]
        case ".":
            place += 1
            return [.set(flags.dotMatchesNewline ? .any : .anyButNewline)]
        case "^":
            place += 1
            return [.assertion(flags.isMultiline ? .lineStart : .textStart)]
        case "$":
            place += 1
            return [.assertion(flags.isMultiline ? .lineEnd : .textEnd)]
        case "\\": return try escape()
        default:
            place += 1
            return [.set(.one(scalar, folds: flags.folds))]
        }
    }

    private mutating func group() throws(PatternError) -> [PatternNode] {
        let start = place
        place += 1
        let outer = flags
        if take("?") {
            if peek("P<") || (peek("<") && !peek("<=") && !peek("<!")) {
                try name(from: start)
            } else if try !flagGroup(from: start) {
                return []  // the flags hold for the rest of the group around it
            }
        }
        let inner = try alternatives()
        guard take(")") else { throw failure(.missingParenthesis, from: 0, to: scalars.count) }
        flags = outer
        return [inner]
    }

    private mutating func name(from start: Int) throws(PatternError) {
        place += peek("P") ? 2 : 1
        let first = place
        while let scalar = next, scalar != ">" {
            guard PatternSet.words.contains(scalar) else { throw failure(.badName, from: start, to: place + 1) }
            place += 1
        }
        guard next == ">", place > first else { throw failure(.badName, from: start, to: place + 1) }
        place += 1
    }

    /// Reads `i-s:` or `i-s)`; whether a group follows.
    private mutating func flagGroup(from start: Int) throws(PatternError) -> Bool {
        var isOn = true
        var sawFlag = true
        var changed = flags
        while let scalar = next {
            place += 1
            switch scalar {
            case "i": changed.folds = isOn
            case "m": changed.isMultiline = isOn
            case "s": changed.dotMatchesNewline = isOn
            case "U": changed.swapsGreed = isOn
            case "-" where isOn:
                isOn = false
                sawFlag = false
                continue
            case ":" where sawFlag, ")" where sawFlag && place - start > 3:
                flags = changed
                return scalar == ":"
            default: throw failure(.badPerl, from: start)
            }
            sawFlag = true
        }
        throw failure(.missingParenthesis, from: 0, to: scalars.count)
    }

    private mutating func escape() throws(PatternError) -> [PatternNode] {
        let start = place
        if take("\\Q") {
            var nodes: [PatternNode] = []
            while let scalar = next, !take("\\E") {
                nodes.append(.set(.one(scalar, folds: flags.folds)))
                place += 1
            }
            return nodes
        }
        if take("\\A") { return [.assertion(.textStart)] }
        if take("\\z") { return [.assertion(.textEnd)] }
        if take("\\b") { return [.assertion(.wordBoundary)] }
        if take("\\B") { return [.assertion(.notWordBoundary)] }
        if let set = try classEscape() { return [.set(set)] }
        place = start
        return [.set(.one(try scalarEscape(), folds: flags.folds))]
    }

    /// `\d`, `\pL`, `\P{Lu}` and their like; nil leaves the place as it was.
    private mutating func classEscape() throws(PatternError) -> PatternSet? {
        let start = place
        for (name, set) in [("d", PatternSet.digits), ("s", .spaces), ("w", .words)] {
            if take("\\" + name) { return set }
            if take("\\" + name.uppercased()) { return set.negated(true) }
        }
        guard peek("\\p") || peek("\\P") else { return nil }
        var isNegated = peek("\\P")
        place += 2
        var name = ""
        if take("{") {
            if take("^") { isNegated.toggle() }
            while let scalar = next, scalar != "}" {
                name.unicodeScalars.append(scalar)
                place += 1
            }
            guard take("}") else { throw failure(.badClass, from: start) }
        } else if let scalar = next {
            name.unicodeScalars.append(scalar)
            place += 1
        }
        if name == "Any" { return PatternSet.any.negated(isNegated) }
        guard let categories = Self.categories[name] else { throw failure(.badClass, from: start) }
        return PatternSet(items: [.category(categories, isNegated: false)], isNegated: isNegated)
    }

    private mutating func scalarEscape() throws(PatternError) -> Unicode.Scalar {
        let start = place
        place += 1
        guard let scalar = next else { throw failure(.trailingBackslash, from: 0, to: 0) }
        place += 1
        switch scalar {
        case "a": return "\u{7}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "v": return "\u{B}"
        case "x": return try hexadecimal(from: start)
        case "0": return octal(0)
        case "1"..."7":
            // One digit alone would be a reference back, which RE2 has not.
            guard let digit = next, ("0"..."7").contains(digit) else { break }
            return octal(scalar.value - 0x30)
        default:
            if scalar.value < 0x80, !PatternSet.words.contains(scalar) { return scalar }
        }
        throw failure(.badEscape, from: start)
    }

    private mutating func octal(_ first: UInt32) -> Unicode.Scalar {
        var value = first
        for _ in 0..<2 {
            guard let digit = next, ("0"..."7").contains(digit) else { break }
            value = value * 8 + digit.value - 0x30
            place += 1
        }
        return Unicode.Scalar(value) ?? "\u{FFFD}"
    }

    private mutating func hexadecimal(from start: Int) throws(PatternError) -> Unicode.Scalar {
        var digits = ""
        if take("{") {
            while let scalar = next, scalar != "}" {
                digits.unicodeScalars.append(scalar)
                place += 1
            }
            guard take("}") else { throw failure(.badEscape, from: start) }
        } else {
            digits = text(place..<place + 2)
            place = min(place + 2, scalars.count)
        }
        guard digits.utf8.allSatisfy({ $0 < 0x80 && Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value)
        else { throw failure(.badEscape, from: start) }
        return scalar
    }

    private mutating func bracketed() throws(PatternError) -> PatternSet {
        let start = place
        place += 1
        var set = PatternSet(folds: flags.folds)
        set.isNegated = take("^")
        var isFirst = true
        while isFirst || next != "]" {
            guard let scalar = next else { throw failure(.missingBracket, from: start, to: scalars.count) }
            isFirst = false
            if peek("[:"), let named = try namedClass() {
                set.items.append(.set(named))
                continue
            }
            if scalar == "\\", let escaped = try classEscape() {
                set.items.append(.set(escaped))
                continue
            }
            let rangeStart = place
            let low = try member()
            var high = low
            if next == "-", place + 1 < scalars.count, scalars[place + 1] != "]" {
                place += 1
                high = try member()
            }
            guard low <= high else { throw failure(.badClass, from: rangeStart) }
            set.items.append(.range(low.value...high.value))
        }
        place += 1
        return set
    }

    private mutating func member() throws(PatternError) -> Unicode.Scalar {
        guard let scalar = next else { throw failure(.missingBracket, from: 0, to: scalars.count) }
        if scalar == "\\" { return try scalarEscape() }
        place += 1
        return scalar
    }

    private mutating func namedClass() throws(PatternError) -> PatternSet? {
        let start = place
        var name = ""
        place += 2
        let isNegated = take("^")
        while let scalar = next, scalar != ":" {
            name.unicodeScalars.append(scalar)
            place += 1
        }
        guard take(":]") else {
            place = start
            return nil
        }
        guard let set = Self.namedClasses[name] else { throw failure(.badClass, from: start) }
        return set.negated(isNegated)
    }

    private static let namedClasses: [String: PatternSet] = [
        "alnum": PatternSet(items: [.range(0x30...0x39), .range(0x41...0x5A), .range(0x61...0x7A)]),
        "alpha": PatternSet(items: [.range(0x41...0x5A), .range(0x61...0x7A)]),
        "ascii": PatternSet(items: [.range(0...0x7F)]),
        "blank": PatternSet(items: [.range(0x09...0x09), .range(0x20...0x20)]),
        "cntrl": PatternSet(items: [.range(0...0x1F), .range(0x7F...0x7F)]),
        "digit": .digits,
        "graph": PatternSet(items: [.range(0x21...0x7E)]),
        "lower": PatternSet(items: [.range(0x61...0x7A)]),
        "print": PatternSet(items: [.range(0x20...0x7E)]),
        "punct": PatternSet(
            items: [.range(0x21...0x2F), .range(0x3A...0x40), .range(0x5B...0x60), .range(0x7B...0x7E)]
        ),
        "space": PatternSet(items: [.range(0x09...0x0D), .range(0x20...0x20)]),
        "upper": PatternSet(items: [.range(0x41...0x5A)]),
        "word": .words,
        "xdigit": PatternSet(items: [.range(0x30...0x39), .range(0x41...0x46), .range(0x61...0x66)]),
    ]

    private static let categories: [String: Set<Unicode.GeneralCategory>] = {
        var table: [String: Set<Unicode.GeneralCategory>] = [
            "Lu": [.uppercaseLetter], "Ll": [.lowercaseLetter], "Lt": [.titlecaseLetter], "Lm": [.modifierLetter],
            "Lo": [.otherLetter], "Mn": [.nonspacingMark], "Mc": [.spacingMark], "Me": [.enclosingMark],
            "Nd": [.decimalNumber], "Nl": [.letterNumber], "No": [.otherNumber], "Pc": [.connectorPunctuation],
            "Pd": [.dashPunctuation], "Ps": [.openPunctuation], "Pe": [.closePunctuation],
            "Pi": [.initialPunctuation], "Pf": [.finalPunctuation], "Po": [.otherPunctuation],
            "Sm": [.mathSymbol], "Sc": [.currencySymbol], "Sk": [.modifierSymbol], "So": [.otherSymbol],
            "Zs": [.spaceSeparator], "Zl": [.lineSeparator], "Zp": [.paragraphSeparator], "Cc": [.control],
            "Cf": [.format], "Cs": [.surrogate], "Co": [.privateUse],
        ]
        for (name, categories) in table { table[String(name.prefix(1)), default: []].formUnion(categories) }
        return table
    }()
}
