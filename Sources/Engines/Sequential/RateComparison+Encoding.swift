import FoundationEssentials

/// Version 1 of the stored state, base64 of little-endian fields:
///
///     UInt8      version, 1
///     UInt64     fingerprint of the configuration
///     UInt64     FNV-1a of everything after this field
///     Int64 × 6  canary total, canary failed, stable total, stable failed, windows, clamped windows
///     Double × 5 the two Mantel-Haenszel sums, the two harmlessness sums, the log-likelihood at the margin
///     Double × n the log-likelihood on the grid, without ratio 1, where it is 0
extension RateComparison {
    private static let version: UInt8 = 1
    private static let headerBytes = 1 + 8 + 8
    private static let counters = 6
    private static let sums = 5

    /// The whole state as about 1.2 kB of base64, for ``init(encoded:configuration:)``.
    package var encoded: String {
        var body: [UInt8] = []
        for count in [canary.total, canary.failed, stable.total, stable.failed, windows, clampedWindows] {
            Self.append(UInt64(bitPattern: Int64(count)), to: &body)
        }
        let sums = [weightedCanary, weightedStable, harmlessness.ratio, harmlessness.rate, likelihood.atMargin]
        for sum in sums { Self.append(sum.bitPattern, to: &body) }
        for (index, value) in likelihood.values.enumerated() where index != RatioLikelihood.pointsPerSide {
            Self.append(value.bitPattern, to: &body)
        }
        var bytes = [Self.version]
        Self.append(configuration.fingerprint, to: &bytes)
        Self.append(Self.checksum(body[...]), to: &bytes)
        return Data(bytes + body).base64EncodedString()
    }

    /// Restores a state, to carry on exactly where it was encoded.
    ///
    /// - Parameters:
    ///   - encoded: What ``encoded`` gave.
    ///   - configuration: The configuration it was gathered under.
    /// - Throws: ``RateComparisonError``: `otherVersion`, `otherConfiguration` (the evidence answers another question, so
    ///   it cannot be carried over), `malformedState` for anything this type did not write, `invalidConfiguration`.
    package init(encoded: String, configuration: Configuration) throws(RateComparisonError) {
        try self.init(configuration)
        guard let data = Data(base64Encoded: encoded), let version = data.first else {
            throw Self.malformed("it is not base64, or empty")
        }
        guard version == Self.version else {
            throw RateComparisonError(
                reason: .otherVersion,
                detail: "its format is version \(version), this is version \(Self.version)"
            )
        }
        let bytes = [UInt8](data)
        let gridPoints = likelihood.values.count - 1
        let expected = Self.headerBytes + 8 * (Self.counters + Self.sums + gridPoints)
        guard bytes.count == expected else {
            throw Self.malformed("it has \(bytes.count) bytes instead of \(expected)")
        }
        guard Self.word(bytes, at: 9) == Self.checksum(bytes[Self.headerBytes...]) else {
            throw Self.malformed("its checksum does not match")
        }
        guard Self.word(bytes, at: 1) == configuration.fingerprint else {
            throw RateComparisonError(
                reason: .otherConfiguration,
                detail: "the evidence was gathered under another configuration"
            )
        }
        try restore(bytes, gridPoints: gridPoints)
    }

    private mutating func restore(_ bytes: [UInt8], gridPoints: Int) throws(RateComparisonError) {
        let words = (0..<(Self.counters + Self.sums + gridPoints)).map {
            Self.word(bytes, at: Self.headerBytes + 8 * $0)
        }
        var counts: [Int] = []
        for word in words.prefix(Self.counters) {
            guard let count = Int(exactly: Int64(bitPattern: word)), count >= 0 else {
                throw Self.malformed("a count is negative")
            }
            counts.append(count)
        }
        let numbers = words.dropFirst(Self.counters).map(Double.init(bitPattern:))
        guard numbers.allSatisfy(\.isFinite) else { throw Self.malformed("a number in it is not finite") }
        canary = TrackCounts(total: counts[0], failed: counts[1])
        stable = TrackCounts(total: counts[2], failed: counts[3])
        windows = counts[4]
        clampedWindows = counts[5]
        (weightedCanary, weightedStable) = (numbers[0], numbers[1])
        harmlessness = Harmlessness(ratio: numbers[2], rate: numbers[3])
        likelihood.atMargin = numbers[4]
        likelihood.values = Array(numbers[Self.sums...])
        likelihood.values.insert(0, at: RatioLikelihood.pointsPerSide)
        let credit = 0...Harmlessness.cap(configuration)
        guard canary.failed <= canary.total, stable.failed <= stable.total, clampedWindows <= windows,
            weightedCanary >= 0, weightedStable >= 0, credit.contains(harmlessness.ratio),
            credit.contains(harmlessness.rate)
        else { throw Self.malformed("its numbers contradict each other") }
    }

    private static func malformed(_ detail: String) -> RateComparisonError {
        RateComparisonError(reason: .malformedState, detail: detail)
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    private static func word(_ bytes: [UInt8], at offset: Int) -> UInt64 {
        (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }

    private static func checksum(_ body: ArraySlice<UInt8>) -> UInt64 {
        var hash = FNV1a()
        for byte in body { hash.add(byte) }
        return hash.value
    }
}
