import Glibc

/// Sums of numbers that are known by their natural logarithms.
enum LogSpace {
    /// `ln Σ exp(weights[i] + values[first + i])`, without overflow.
    ///
    /// - Parameters:
    ///   - weights: Logarithms of the weights, at least one of them finite.
    ///   - values: Logarithms of the summands; `first + weights.count` of them at least.
    ///   - first: Position in `values` that belongs to `weights[0]`.
    /// - Returns: The logarithm of the sum.
    static func sum(weights: [Double], values: [Double], from first: Int) -> Double {
        var largest = -Double.infinity
        var index = 0
        while index < weights.count {
            let term = weights[index] + values[first + index]
            if term > largest { largest = term }
            index += 1
        }
        var scaled = 0.0
        index = 0
        while index < weights.count {
            let term = weights[index] + values[first + index] - largest
            // Below this a term cannot change a double, and exp is what costs time here.
            if term > -45 { scaled += exp(term) }
            index += 1
        }
        return largest + log(scaled)
    }

    /// `ln((exp(a) + exp(b)) / 2)`.
    static func mean(_ a: Double, _ b: Double) -> Double {
        let high = max(a, b)
        let low = min(a, b)
        return high + log1p(exp(low - high)) - log(2)
    }
}
