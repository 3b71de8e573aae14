import Synchronization

/// Faults a model server is made to have, for demonstrations and tests.
package struct Faults: Sendable, Equatable {
    /// The share of infer requests answered with 500, 0...1.
    package var errorShare = 0.0
    /// How much longer each infer request takes.
    package var extraLatency = Duration.zero
    /// Up to how much longer still, evenly drawn for each request.
    package var latencyJitter = Duration.zero
    /// How long the model takes to load.
    package var loadDelay = Duration.zero
    /// The seed of what is drawn.
    package var seed: UInt64 = 1

    /// Creates no faults.
    package init() {}
}

/// Draws the faults of one request after another.
final class FaultSource: Sendable {
    private let faults: Faults
    private let generator: Mutex<SplitMix64>

    init(_ faults: Faults) {
        self.faults = faults
        generator = Mutex(SplitMix64(state: faults.seed))
    }

    func draw() -> (fails: Bool, latency: Duration) {
        guard faults.errorShare > 0 || faults.latencyJitter > .zero else { return (false, faults.extraLatency) }
        return generator.withLock { generator in
            let fails = Double.random(in: 0..<1, using: &generator) < faults.errorShare
            let jitter = Double.random(in: 0..<1, using: &generator)
            return (fails, faults.extraLatency + faults.latencyJitter * jitter)
        }
    }
}

/// - SeeAlso: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
