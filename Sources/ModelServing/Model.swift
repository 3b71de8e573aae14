import Glibc

/// A linear or logistic model, as read from a model file.
package struct Model: Sendable, Equatable {
    /// What the numbers mean.
    package enum Kind: String, Sendable, CaseIterable {
        /// Predicts a number: the weighted sum of the features.
        case linear
        /// Predicts the probabilities of classes.
        case logistic
    }

    /// What is done to the features first: `(value − mean) / scale`.
    package struct Standardization: Sendable, Equatable {
        /// One mean per feature.
        package var mean: [Double]
        /// One scale per feature, above 0.
        package var scale: [Double]
    }

    /// What the numbers mean.
    package var kind: Kind
    /// The model's name.
    package var name: String
    /// The model's version.
    package var version: String
    /// The features' names, in the order of their columns.
    package var features: [String]
    /// The classes' names; empty for ``Kind/linear``.
    package var classes: [String]
    /// One row per score, one weight per feature.
    ///
    /// Two classes have one row (the second class's log-odds) or two.
    package var coefficients: [[Double]]
    /// One number per row of ``coefficients``.
    package var intercepts: [Double]
    /// What is done to the features first; nil for nothing.
    package var standardization: Standardization?
    /// Upper bounds for the histogram of predictions.
    package var predictionBuckets: [Double]

    /// What the model says about one row.
    package struct Prediction: Sendable, Equatable {
        /// The predicted number, or the index of the most probable class (the first of equals).
        package var value: Double
        /// The probability of each class; empty for ``Kind/linear``.
        package var probabilities: [Double]
        /// What is observed of the model: the predicted number, the probability of the second of two classes, or the
        /// highest probability of more.
        package var score: Double
    }

    /// Predicts from one row.
    ///
    /// - Parameter row: One value per feature, in their order. Values that are not finite give a result that is not.
    package func predict(_ row: some RandomAccessCollection<Double>) -> Prediction {
        var scores = intercepts
        for (column, value) in row.enumerated() {
            var value = value
            if let standardization {
                value = (value - standardization.mean[column]) / standardization.scale[column]
            }
            for index in scores.indices { scores[index] += coefficients[index][column] * value }
        }
        if kind == .linear { return Prediction(value: scores[0], probabilities: [], score: scores[0]) }
        let probabilities = scores.count == 1 ? Self.binary(scores[0]) : Self.softmax(scores)
        let best = probabilities.indices.reduce(0) { probabilities[$1] > probabilities[$0] ? $1 : $0 }
        return Prediction(
            value: Double(best),
            probabilities: probabilities,
            score: probabilities.count == 2 ? probabilities[1] : probabilities[best]
        )
    }

    /// Written so that neither side overflows or loses its small probability.
    private static func binary(_ logit: Double) -> [Double] {
        let small = exp(-abs(logit)) / (1 + exp(-abs(logit)))
        let large = 1 / (1 + exp(-abs(logit)))
        return logit >= 0 ? [small, large] : [large, small]
    }

    private static func softmax(_ scores: [Double]) -> [Double] {
        let highest = scores.reduce(-.infinity, max)
        let weights = scores.map { exp($0 - highest) }
        let sum = weights.reduce(0, +)
        return weights.map { $0 / sum }
    }
}
