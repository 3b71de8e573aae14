import Engines
import FoundationEssentials
import Testing

@Suite("Rate comparison: stored state") struct RateComparisonEncodingTests {
    private func halfway(_ configuration: Configuration = Configuration()) throws -> (RateComparison, SeededRandom) {
        var random = SeededRandom(seed: 17)
        var comparison = try RateComparison(configuration)
        for _ in 0..<25 { try Self.addWindow(to: &comparison, &random) }
        return (comparison, random)
    }

    private static func addWindow(to comparison: inout RateComparison, _ random: inout SeededRandom) throws {
        let canary = 1 + Int(random.unit() * 900)
        try comparison.add(
            canary: TrackCounts(total: canary, failed: random.binomial(canary, 0.02)),
            stable: TrackCounts(total: 4000, failed: random.binomial(4000, 0.012))
        )
    }

    @Test("carries on after a restart exactly as without one")
    func roundTrip() throws {
        let configuration = Configuration(margin: 1.4, tolerance: 0.002)
        var (unbroken, random) = try halfway(configuration)
        var restored = try RateComparison(encoded: unbroken.encoded, configuration: configuration)
        #expect(restored == unbroken)
        var sameRandom = random
        for _ in 0..<25 {
            try Self.addWindow(to: &unbroken, &random)
            try Self.addWindow(to: &restored, &sameRandom)
            restored = try RateComparison(encoded: restored.encoded, configuration: configuration)
            #expect(restored == unbroken)
            #expect(restored.logEWorse == unbroken.logEWorse)
            #expect(restored.logENonInferior == unbroken.logENonInferior)
            #expect(restored.ratio == unbroken.ratio)
            #expect(restored.verdict == unbroken.verdict)
        }
    }

    @Test("fits a status field, however much was seen")
    func size() throws {
        #expect(try RateComparison().encoded.utf8.count <= 1200)
        var comparison = try RateComparison()
        try comparison.add(
            canary: TrackCounts(total: 1 << 60, failed: 1 << 59),
            stable: TrackCounts(total: 1 << 60, failed: 3)
        )
        #expect(comparison.encoded.utf8.count <= 1200)
        #expect(try RateComparison(encoded: comparison.encoded, configuration: Configuration()) == comparison)
    }

    @Test(
        "refuses what it did not write",
        arguments: ["", "A", "not base64!", "AQ==", "AQID", "日本"]
    )
    func garbage(_ text: String) {
        #expect(reason(of: text) == .malformedState)
    }

    @Test("refuses a state that was cut or changed anywhere")
    func corrupted() throws {
        let bytes = try decoded(halfway().0.encoded)
        #expect(reason(of: encode(bytes.dropLast())) == .malformedState)
        #expect(reason(of: encode(bytes + [0])) == .malformedState)
        for index in stride(from: 9, to: bytes.count, by: 41) {
            var changed = bytes
            changed[index] ^= 0x10
            #expect(reason(of: encode(changed)) == .malformedState)
        }
    }

    @Test("refuses another version by its number")
    func otherVersion() throws {
        var bytes = try decoded(halfway().0.encoded)
        bytes[0] = 2
        #expect(reason(of: encode(bytes)) == .otherVersion)
    }

    @Test(
        "refuses evidence gathered under another configuration",
        arguments: [
            Configuration(margin: 1.25), Configuration(alphaRollback: 0.005), Configuration(alphaPromote: 0.01),
            Configuration(minSamples: 500), Configuration(tolerance: nil), Configuration(tolerance: 0.01),
        ]
    )
    func otherConfiguration(_ configuration: Configuration) throws {
        let encoded = try halfway().0.encoded
        #expect(reason(of: encoded, configuration) == .otherConfiguration)
    }

    @Test("refuses numbers no run can have left, even with a right checksum", arguments: Forgery.allCases)
    func forged(_ forgery: Forgery) throws {
        var bytes = try decoded(halfway().0.encoded)
        let (field, word) = forgery.change
        for byte in 0..<8 { bytes[17 + 8 * field + byte] = UInt8(truncatingIfNeeded: word >> UInt64(8 * byte)) }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes[17...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for byte in 0..<8 { bytes[9 + byte] = UInt8(truncatingIfNeeded: hash >> UInt64(8 * byte)) }
        #expect(reason(of: encode(bytes)) == (forgery == .none ? nil : .malformedState))
    }

    /// A field and what is written into it; `none` shows that the forging itself is sound.
    ///
    /// Fields 0 to 5 are counts, 6 to 10 sums, then comes the grid.
    enum Forgery: CaseIterable {
        case none, notANumber, infinite, negativeCount, moreFailuresThanRequests, negativeSum, tooMuchCredit

        var change: (field: Int, word: UInt64) {
            switch self {
            case .none: (10, (0.5).bitPattern)
            case .notANumber: (40, Double.nan.bitPattern)
            case .infinite: (10, Double.infinity.bitPattern)
            case .negativeCount: (4, UInt64.max)
            case .moreFailuresThanRequests: (1, 1 << 60)
            case .negativeSum: (6, (-1.0).bitPattern)
            case .tooMuchCredit: (9, (1e6).bitPattern)
            }
        }
    }

    private func reason(
        of text: String,
        _ configuration: Configuration = Configuration()
    ) -> RateComparisonError.Reason? {
        do {
            _ = try RateComparison(encoded: text, configuration: configuration)
            return nil
        } catch {
            return error.reason
        }
    }

    private func decoded(_ text: String) throws -> [UInt8] { [UInt8](try #require(Data(base64Encoded: text))) }
    private func encode(_ bytes: some Sequence<UInt8>) -> String { Data(bytes).base64EncodedString() }
}
