import Kubernetes

/// Things that go wrong by chance, determined by a seed: the script of a chaos test.
///
/// Each request is held against the rules in their order; the first that matches and whose die falls its way decides. The
/// same seed and the same requests in the same order give the same faults.
package struct Faults: Sendable, Hashable {
    /// What goes wrong.
    package enum Effect: Sendable, Hashable {
        /// Waits for a time between the bounds before doing it.
        case latency(ClosedRange<Duration>)
        /// Answers a failure instead of doing it.
        case answer(code: Int, reason: String, retryAfterSeconds: Int?)
        /// Closes the connection instead of doing it.
        case disconnect
        /// Does it and closes the connection instead of answering.
        case loseAnswer
        /// Does it and breaks the answer off after so many bytes.
        case truncate(afterBytes: Int)
        /// Answers a list as it was so many versions ago.
        case staleList(versions: Int)
        /// Ends a watch after so many events, as its time limit would.
        case endWatch(afterEvents: Int)
        /// Breaks a watch off in the middle of an event, after so many.
        case cutWatch(afterEvents: Int)
        /// Sends nothing more over a watch after so many events, and leaves it open.
        case stallWatch(afterEvents: Int)
        /// Leaves out so many events after so many others, then says that the version is gone.
        case dropEvents(afterEvents: Int, count: Int)
        /// Says that the version is gone after so many events.
        case expireWatch(afterEvents: Int)

        var concernsWatches: Bool {
            switch self {
            case .endWatch, .cutWatch, .stallWatch, .dropEvents, .expireWatch: true
            default: false
            }
        }
    }

    /// When something goes wrong, and what.
    package struct Rule: Sendable, Hashable {
        /// Verbs as ``FaultInjector/Request/verb`` names them; empty for all.
        package var verbs: Set<String>
        /// Plurals, or plurals with group as `deployments.apps`; empty for all.
        package var resources: Set<String>
        /// How the user agent begins; empty for all.
        package var userAgent: String
        /// From 0 to 1.
        package var probability: Double
        /// How often at most; nil for no limit.
        package var limit: Int?
        package var effect: Effect

        package init(
            _ effect: Effect,
            verbs: Set<String> = [],
            resources: Set<String> = [],
            userAgent: String = "",
            probability: Double = 1,
            limit: Int? = nil
        ) {
            self.effect = effect
            self.verbs = verbs
            self.resources = resources
            self.userAgent = userAgent
            self.probability = probability
            self.limit = limit
        }

        func matches(_ request: FaultInjector.Request) -> Bool {
            if effect.concernsWatches, request.verb != "watch" { return false }
            if case .staleList = effect, request.verb != "list" { return false }
            let plural = request.type?.plural ?? ""
            return (verbs.isEmpty || verbs.contains(request.verb))
                && (resources.isEmpty || resources.contains(plural)
                    || resources.contains(request.type?.description ?? ""))
                && request.userAgent.hasPrefix(userAgent)
        }
    }

    package var seed: UInt64
    package var rules: [Rule]

    package init(seed: UInt64 = 0, rules: [Rule] = []) {
        self.seed = seed
        self.rules = rules
    }
}

/// Rules with their dice: the state of a ``Faults`` script.
struct FaultScript: Sendable {
    private let rules: [Faults.Rule]
    private var uses: [Int]
    private var dice: SeededDice

    init(_ faults: Faults) {
        rules = faults.rules
        uses = Array(repeating: 0, count: rules.count)
        dice = SeededDice(faults.seed)
    }

    mutating func effect(for request: FaultInjector.Request) -> Faults.Effect? {
        for (index, rule) in rules.enumerated() where rule.matches(request) {
            // The die is thrown even where the limit is reached, so that one rule's limit moves no other's faults.
            let falls = rule.probability >= 1 || dice.fraction() < rule.probability
            guard falls, uses[index] < rule.limit ?? Int.max else { continue }
            uses[index] += 1
            return rule.effect
        }
        return nil
    }

    mutating func duration(in range: ClosedRange<Duration>) -> Duration {
        range.lowerBound + (range.upperBound - range.lowerBound) * dice.fraction()
    }
}

/// Chance that a seed determines: SplitMix64.
///
/// - SeeAlso: G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", 2014.
private struct SeededDice {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    /// A number in `0..<1`.
    mutating func fraction() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Double((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53
    }
}
