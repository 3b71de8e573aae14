import Testing

@testable import ModelServing

struct ModelFileTests {
    static let good = [
        "format": "\"homeostat.dev/model/v1\"", "kind": "\"logistic\"", "name": "\"churn\"", "version": "\"1.0.0-1\"",
        "features": "[\"a\",\"b\"]", "classes": "[\"stay\",\"leave\"]", "coefficients": "[[1,-2.5]]",
        "intercepts": "[0.25]", "standardize": "{\"mean\":[0,1],\"scale\":[1,2]}",
        "metadata": "{\"accuracy\":0.9,\"anything\":[]}",
    ]

    func file(_ changes: [String: String?]) -> [UInt8] {
        var fields = Self.good
        for (key, value) in changes { fields[key] = value }
        return Array(
            "{\(fields.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", "))}".utf8
        )
    }

    @Test("reads a whole model")
    func whole() throws {
        let model = try ModelFile.parse(file(["predictionBuckets": "[0.5, 1]"]))
        #expect(
            model
                == Model(
                    kind: .logistic,
                    name: "churn",
                    version: "1.0.0-1",
                    features: ["a", "b"],
                    classes: ["stay", "leave"],
                    coefficients: [[1, -2.5]],
                    intercepts: [0.25],
                    standardization: .init(mean: [0, 1], scale: [1, 2]),
                    predictionBuckets: [0.5, 1]
                )
        )
    }

    @Test("has defaults for what may be left out")
    func defaults() throws {
        let model = try ModelFile.parse(file(["standardize": nil as String?, "metadata": nil as String?]))
        #expect(model.standardization == nil)
        #expect(model.predictionBuckets.first == 0)
        #expect(model.predictionBuckets.last == 1)
        #expect(model.predictionBuckets.count == 11)
        #expect(try ModelFile.parse(file(["standardize": "null"])).standardization == nil)
    }

    @Test(
        "names the field, the value and the remedy of what is wrong",
        arguments: [
            ("format", nil, #"format: is missing; set it to "homeostat.dev/model/v1""#),
            ("format", "\"v9\"", #"format: "v9" is not known; use "homeostat.dev/model/v1""#),
            ("kind", "\"tree\"", #"kind: "tree" is not known; use linear or logistic"#),
            ("name", "\"a/b\"", #"name: "a/b" is empty or holds a slash; use letters, digits, . - and _"#),
            ("version", nil, "version: is missing; give the model a version"),
            ("features", "[]", "features: is empty; list the features' names"),
            ("features", "[\"a\",\"a\"]", #"features[1]: "a" is there twice; names must differ"#),
            ("classes", "[\"one\"]", "classes: 1 names; a logistic model has two or more"),
            (
                "coefficients", "[[1,2],[3,4],[5,6]]",
                "coefficients: 3 rows for 2 classes; give one row per class, or one for the second class"
            ),
            ("coefficients", "[[1]]", "coefficients[0]: 1 numbers for 2 features; give one per feature"),
            (
                "coefficients", "[[1,NaN]]",
                "coefficients[0][1]: NaN is not a finite number; train again on finite features and export the result"
            ),
            (
                "intercepts", "[-Infinity]",
                "intercepts[0]: -Infinity is not a finite number; train again on finite features and export the result"
            ),
            ("intercepts", "[1,2]", "intercepts: 2 numbers for 1 rows of coefficients; give one per row"),
            ("intercepts", nil, "intercepts: is missing; give one number per row of coefficients"),
            ("standardize", "{\"mean\":[0,1]}", "standardize.scale: is missing; give one number per feature"),
            (
                "standardize", "{\"mean\":[0],\"scale\":[1,1]}",
                "standardize.mean: 1 numbers for 2 features; give one per feature"
            ),
            (
                "standardize", "{\"mean\":[0,0],\"scale\":[1,0]}",
                "standardize.scale[1]: 0.0 for \"b\" is not above 0; a feature that never varies has the scale 1"
            ),
            ("standardise", "{}", "standardise: is not a field of this format; put notes under metadata"),
            (
                "predictionBuckets", "[1,1]",
                "predictionBuckets: are not ascending; list upper bounds, the lowest first"
            ),
        ] as [(String, String?, String)]
    )
    func wrong(field: String, value: String?, message: String) {
        let error = #expect(throws: ModelFileError.self) { try ModelFile.parse(file([field: value])) }
        #expect(error?.description == message)
    }

    @Test("refuses values of the wrong type and numbers out of range at their path")
    func types() {
        for (field, value) in [("features", "[1]"), ("coefficients", "[[1,\"2\"]]"), ("intercepts", "[1e999]")] {
            let error = #expect(throws: ModelFileError.self) { try ModelFile.parse(file([field: value])) }
            #expect(error?.description.hasPrefix("\(field)[0]") == true, "\(String(describing: error))")
        }
        #expect(throws: ModelFileError.self) { try ModelFile.parse(Array("[]".utf8)) }
        #expect(throws: ModelFileError.self) { try ModelFile.parse([]) }
    }
}
