/// A regular expression as instructions for a machine that follows all ways through it at once.
struct PatternProgram: Sendable {
    /// How many instructions an expression may become.
    private static let sizeLimit = 10_000

    private enum Instruction: Sendable {
        case set(Int)
        case assertion(PatternAssertion)
        /// The first way is preferred.
        case split(Int, Int)
        case jump(Int)
        case match
    }

    private var instructions: [Instruction] = []
    private var sets: [PatternSet] = []
    /// For each set, which of the 128 ASCII characters it holds.
    private var low: [SIMD2<UInt64>] = []
    private var isAnchored = false
    private var effort = 0

    init(_ node: PatternNode, of text: String) throws(PatternError) {
        do {
            try add(node)
        } catch {
            throw PatternError(reason: .tooLarge, part: text)
        }
        instructions.append(.match)
        if case .assertion(.textStart) = instructions[0] { isAnchored = true }
    }

    private struct TooLarge: Error {}

    private mutating func emit(_ instruction: Instruction) throws(TooLarge) {
        guard instructions.count < Self.sizeLimit else { throw TooLarge() }
        instructions.append(instruction)
    }

    private mutating func add(_ node: PatternNode) throws(TooLarge) {
        // Repetitions of nothing make no instructions, and would go on for ever.
        effort += 1
        guard effort <= 10 * Self.sizeLimit else { throw TooLarge() }
        switch node {
        case .empty: break
        case .set(let set):
            sets.append(set)
            low.append(Self.ascii(set))
            try emit(.set(sets.count - 1))
        case .assertion(let assertion): try emit(.assertion(assertion))
        case .concatenation(let parts): for part in parts { try add(part) }
        case .alternatives(let branches): try add(branches)
        case .repetition(let part, let minimum, let maximum, let isGreedy):
            try add(part, minimum, maximum, isGreedy)
        }
    }

    private mutating func add(_ branches: [PatternNode]) throws(TooLarge) {
        var ends: [Int] = []
        for (index, branch) in branches.enumerated() {
            guard index < branches.count - 1 else {
                try add(branch)
                break
            }
            let split = instructions.count
            try emit(.match)  // replaced when it is known where the next branch begins
            try add(branch)
            ends.append(instructions.count)
            try emit(.match)
            instructions[split] = .split(split + 1, instructions.count)
        }
        for end in ends { instructions[end] = .jump(instructions.count) }
    }

    private mutating func add(
        _ part: PatternNode,
        _ minimum: Int,
        _ maximum: Int?,
        _ isGreedy: Bool
    ) throws(TooLarge) {
        func split(_ inside: Int, _ outside: Int) -> Instruction {
            isGreedy ? .split(inside, outside) : .split(outside, inside)
        }
        for _ in 0..<minimum { try add(part) }
        guard let maximum else {
            let start = instructions.count
            try emit(.match)
            try add(part)
            try emit(.jump(start))
            instructions[start] = split(start + 1, instructions.count)
            return
        }
        var splits: [Int] = []
        for _ in minimum..<max(minimum, maximum) {
            splits.append(instructions.count)
            try emit(.match)
            try add(part)
        }
        for place in splits { instructions[place] = split(place + 1, instructions.count) }
    }

    private static func ascii(_ set: PatternSet) -> SIMD2<UInt64> {
        var bits = SIMD2<UInt64>()
        for value in UInt8(0)..<128 where set.contains(Unicode.Scalar(value)) {
            bits[Int(value) / 64] |= 1 << UInt64(value % 64)
        }
        return bits
    }

    private func holds(_ set: Int, _ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value < 128 else { return sets[set].contains(scalar) }
        return low[set][Int(scalar.value) / 64] >> UInt64(scalar.value % 64) & 1 == 1
    }

    /// Ways through the program, the preferred ones first, each instruction once.
    private struct Ways {
        var list: [(at: Int, start: Int)] = []
        private var seen: [Int]
        private var round = 0

        init(count: Int) { seen = Array(repeating: 0, count: count) }

        mutating func clear() {
            list.removeAll(keepingCapacity: true)
            round += 1
        }

        mutating func insert(_ at: Int) -> Bool {
            guard seen[at] != round + 1 else { return false }
            seen[at] = round + 1
            return true
        }
    }

    /// The first match at or after a place.
    ///
    /// - Parameter anyEnd: Whether it is enough to know that there is one: its end may be too near then.
    func search(_ text: [Unicode.Scalar], from start: Int, anyEnd: Bool) -> Range<Int>? {
        var now = Ways(count: instructions.count)
        var then = Ways(count: instructions.count)
        var stack: [Int] = []
        var found: Range<Int>?
        var position = start
        while position <= text.count {
            if found == nil, !isAnchored || position == 0 { follow(0, position, text, position, &now, &stack) }
            if now.list.isEmpty, found != nil || isAnchored { break }
            then.clear()
            for way in now.list {
                switch instructions[way.at] {
                case .match:
                    found = way.start..<position
                    if anyEnd { return found }
                case .set(let set):
                    if position < text.count, holds(set, text[position]) {
                        follow(way.at + 1, way.start, text, position + 1, &then, &stack)
                    }
                    continue
                case .assertion, .split, .jump: continue
                }
                break  // ways after a match are less preferred than it
            }
            swap(&now, &then)
            position += 1
        }
        return found
    }

    private func follow(
        _ first: Int,
        _ start: Int,
        _ text: [Unicode.Scalar],
        _ position: Int,
        _ ways: inout Ways,
        _ stack: inout [Int]
    ) {
        stack.append(first)
        while let at = stack.popLast() {
            guard ways.insert(at) else { continue }
            switch instructions[at] {
            case .jump(let target): stack.append(target)
            case .split(let preferred, let other):
                stack.append(other)
                stack.append(preferred)
            case .assertion(let assertion):
                if Self.holds(assertion, text, position) { stack.append(at + 1) }
            case .set, .match: ways.list.append((at, start))
            }
        }
    }

    private static func holds(_ assertion: PatternAssertion, _ text: [Unicode.Scalar], _ position: Int) -> Bool {
        switch assertion {
        case .textStart: return position == 0
        case .textEnd: return position == text.count
        case .lineStart: return position == 0 || text[position - 1] == "\n"
        case .lineEnd: return position == text.count || text[position] == "\n"
        case .wordBoundary, .notWordBoundary:
            let before = position > 0 && PatternSet.words.contains(text[position - 1])
            let after = position < text.count && PatternSet.words.contains(text[position])
            return (before != after) == (assertion == .wordBoundary)
        }
    }
}
