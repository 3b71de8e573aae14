import Glibc

/// SplitMix64: a generator whose whole state is its seed, so that a failing seed can be run again.
///
/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: Int) {
        // Mixed, because seeds that differ by a multiple of the increment give one sequence, shifted.
        state = Self.mix(UInt64(bitPattern: Int64(seed)) ^ 0x5851_f42d_4c95_7f2d)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mix(state)
    }

    private static func mix(_ word: UInt64) -> UInt64 {
        var mixed = word
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// Uniform in 0 (exclusive) to 1.
    mutating func unit() -> Double {
        (Double(next() >> 11) + 1) * 0x1p-53
    }

    /// Successes in `trials` trials, by jumping from success to success: cost goes with the result, not the trials.
    mutating func binomial(_ trials: Int, _ probability: Double) -> Int {
        if probability <= 0 || trials <= 0 { return 0 }
        if probability >= 1 { return trials }
        if probability > 0.5 { return trials - binomial(trials, 1 - probability) }
        let scale = 1 / log1p(-probability)
        var successes = 0
        var position = 0.0
        let end = Double(trials)
        while true {
            position += (log(unit()) * scale).rounded(.down) + 1
            if position > end { return successes }
            successes += 1
        }
    }
}
