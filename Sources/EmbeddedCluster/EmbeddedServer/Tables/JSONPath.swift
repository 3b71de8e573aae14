import JSON

/// The part of kubectl's JSONPath that printer columns use: `.a.b`, `['a.b']`, `[0]`, `[-1]`, `[*]`, `.*`, `..a` and
/// filters as `[?(@.type=="Ready")]`.
struct JSONPath: Sendable, Hashable {
    private enum Step: Sendable, Hashable {
        case key(String)
        case index(Int)
        case every
        /// The value at the path equals the text, or differs from it.
        case filter(path: [String], text: String, isEqual: Bool)
        case deep(String)
    }

    private let steps: [Step]

    /// Reads a path; nil when it has something else in it.
    init?(_ text: String) {
        var steps: [Step] = []
        var rest = Substring(text)
        if rest.hasPrefix("{"), rest.hasSuffix("}") { rest = rest.dropFirst().dropLast() }
        if rest.hasPrefix("$") { rest = rest.dropFirst() }
        while let first = rest.first {
            if first == "[" {
                guard let (inside, tail) = Self.bracket(rest) else { return nil }
                guard let step = Self.step(inBrackets: inside) else { return nil }
                steps.append(step)
                rest = tail
            } else if first == "." {
                rest = rest.dropFirst()
                let isDeep = rest.first == "."
                if isDeep { rest = rest.dropFirst() }
                let key = Self.key(&rest)
                guard !key.isEmpty else {
                    if rest.first == "[" { continue }
                    if steps.isEmpty, rest.isEmpty { break }
                    return nil
                }
                steps.append(isDeep ? .deep(key) : key == "*" ? .every : .key(key))
            } else {
                return nil
            }
        }
        self.steps = steps
    }

    /// All values that the path leads to.
    func values(in root: JSONValue) -> [JSONValue] {
        var values = [root]
        for step in steps { values = values.flatMap { Self.follow(step, $0) } }
        return values
    }

    private static func follow(_ step: Step, _ value: JSONValue) -> [JSONValue] {
        switch step {
        case .key(let key): return value[key].map { [$0] } ?? []
        case .index(let index):
            let count = value.array?.count ?? 0
            return value[index < 0 ? count + index : index].map { [$0] } ?? []
        case .every: return value.array ?? value.object?.map(\.value) ?? []
        case .filter(let path, let text, let isEqual):
            return (value.array ?? []).filter { element in
                guard let found = element[path: path] else { return false }
                let shown = found.string ?? found.description
                return (shown == text) == isEqual
            }
        case .deep(let key):
            let here = value[key].map { [$0] } ?? []
            let below = value.array ?? value.object?.map(\.value) ?? []
            return here + below.flatMap { follow(step, $0) }
        }
    }

    /// A key up to the next dot or bracket; a backslash takes the meaning from what follows it.
    private static func key(_ rest: inout Substring) -> String {
        var key = ""
        while let next = rest.first, next != ".", next != "[" {
            rest = rest.dropFirst()
            if next == "\\", let escaped = rest.first {
                key.append(escaped)
                rest = rest.dropFirst()
            } else {
                key.append(next)
            }
        }
        return key
    }

    private static func bracket(_ text: Substring) -> (inside: Substring, tail: Substring)? {
        var quote: Character?
        var index = text.index(after: text.startIndex)
        while index < text.endIndex {
            let character = text[index]
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if character == "]" {
                return (text[text.index(after: text.startIndex)..<index], text[text.index(after: index)...])
            }
            index = text.index(after: index)
        }
        return nil
    }

    private static func step(inBrackets inside: Substring) -> Step? {
        if inside == "*" { return .every }
        if let index = Int(inside) { return .index(index) }
        if let key = unquoted(inside) { return .key(key) }
        guard inside.hasPrefix("?("), inside.hasSuffix(")") else { return nil }
        let condition = inside.dropFirst(2).dropLast()
        for (sign, isEqual) in [("==", true), ("!=", false)] {
            guard let place = condition.range(ofASCII: sign) else { continue }
            let left = condition[..<place.lowerBound].filter { $0 != " " }
            guard left.hasPrefix("@.") else { return nil }
            let right = String(condition[place.upperBound...].drop { $0 == " " })
            return .filter(
                path: left.dropFirst(2).split(separator: ".").map(String.init),
                text: unquoted(Substring(right)) ?? right,
                isEqual: isEqual
            )
        }
        return nil
    }

    private static func unquoted(_ text: Substring) -> String? {
        guard text.count >= 2, let first = text.first, first == "'" || first == "\"", text.last == first else {
            return nil
        }
        return String(text.dropFirst().dropLast())
    }
}

extension Substring {
    fileprivate func range(ofASCII text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
