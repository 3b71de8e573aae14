import Testing

@testable import ModelServing

extension Model {
    /// A linear model of two standardised features.
    static let linear = Model(
        kind: .linear,
        name: "price",
        version: "1.0.0-1",
        features: ["area", "age"],
        classes: [],
        coefficients: [[3, -1]],
        intercepts: [0.5],
        standardization: .init(mean: [1, 2], scale: [2, 4]),
        predictionBuckets: [0, 1, 2]
    )

    /// A binary model of one feature: its log-odds are the feature itself.
    static let binary = Model(
        kind: .logistic,
        name: "churn",
        version: "2.1.3-7",
        features: ["x"],
        classes: ["stay", "leave"],
        coefficients: [[1]],
        intercepts: [0],
        standardization: nil,
        predictionBuckets: ModelFile.defaultPredictionBuckets
    )

    /// Three classes whose scores at 0 are ln 1, ln 2 and ln 5; the feature adds the same to all.
    static let multinomial = Model(
        kind: .logistic,
        name: "iris",
        version: "1.0.0-1",
        features: ["x", "y"],
        classes: ["a", "b", "c"],
        coefficients: [[1, 0], [1, 0], [1, 10]],
        intercepts: [0, 0.6931471805599453, 1.6094379124341003],
        standardization: nil,
        predictionBuckets: ModelFile.defaultPredictionBuckets
    )
}

struct ModelTests {
    /// A few roundings of doubles near 1.
    func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-14 * max(1, abs(b)) }

    @Test("adds the weighted standardised features to the intercept")
    func linear() {
        // (3 − 1)/2 = 1 and (10 − 2)/4 = 2, so 3·1 − 1·2 + 0.5.
        #expect(Model.linear.predict([3, 10]) == .init(value: 1.5, probabilities: [], score: 1.5))
        // The means give the intercept.
        #expect(Model.linear.predict([1, 2]).value == 0.5)
    }

    @Test("gives two classes the logistic function of the log-odds")
    func binary() {
        // ln 3 are odds of 3 to 1.
        let leaves = Model.binary.predict([1.0986122886681098])
        #expect(leaves.value == 1)
        #expect(isClose(leaves.probabilities[0], 0.25))
        #expect(isClose(leaves.probabilities[1], 0.75))
        #expect(leaves.score == leaves.probabilities[1])
        let even = Model.binary.predict([0])
        #expect(even.probabilities == [0.5, 0.5])
        #expect(even.value == 0)
    }

    @Test("keeps small probabilities and does not overflow")
    func extremes() {
        // e^−700 by a reference implementation; 1 − p would have lost it.
        #expect(abs(Model.binary.predict([-700]).probabilities[1] / 9.859676543759770e-305 - 1) < 1e-12)
        #expect(abs(Model.binary.predict([700]).probabilities[0] / 9.859676543759770e-305 - 1) < 1e-12)
        #expect(Model.binary.predict([1e6]).probabilities == [0, 1])
        #expect(Model.binary.predict([-1e6]).probabilities == [1, 0])
    }

    @Test("gives more classes the softmax of their scores, whatever is added to all", arguments: [0.0, 1000, -1000])
    func multinomial(shift: Double) {
        let prediction = Model.multinomial.predict([shift, 0])
        // ln 1, ln 2 and ln 5 are shares of 1, 2 and 5 in 8. At a shift of 1000 the scores keep 13 digits.
        for (probability, expected) in zip(prediction.probabilities, [0.125, 0.25, 0.625]) {
            #expect(abs(probability - expected) < 1e-12)
        }
        #expect(prediction.value == 2)
        #expect(prediction.score == prediction.probabilities[2])
        #expect(Model.multinomial.predict([0, -1]).value == 1)
    }
}
