import JSON

/// Why a model file cannot be used.
package struct ModelFileError: Error, Equatable, CustomStringConvertible {
    /// The path of the field, the value and the remedy.
    package var description: String

    init(_ description: String) { self.description = description }
}

/// The format `homeostat.dev/model/v1`, described in `docs/model-format.md`.
package enum ModelFile {
    /// The value of the file's `format`.
    package static let format = "homeostat.dev/model/v1"
    /// Bounds of the prediction histogram where a file names none: 0 to 1 by 0.1.
    package static let defaultPredictionBuckets = (0...10).map { Double($0) / 10 }

    /// Reads and checks a model.
    ///
    /// - Throws: ``ModelFileError`` that names the first field that is wrong.
    package static func parse(_ bytes: [UInt8]) throws(ModelFileError) -> Model {
        let fields: Fields
        do { fields = try JSONReader.read(bytes, Fields.read) } catch {
            throw ModelFileError(explain(error, in: bytes))
        }
        return try check(fields)
    }

    // MARK: Reading

    private struct Fields {
        var format: String?
        var kind: String?
        var name: String?
        var version: String?
        var features: [String]?
        var classes: [String]?
        var coefficients: [[Double]]?
        var intercepts: [Double]?
        var standardize: (mean: [Double]?, scale: [Double]?)?
        var predictionBuckets: [Double]?

        static func read(_ reader: inout JSONReader) throws(JSONError) -> Fields {
            var fields = Fields()
            var seen: Set<String> = []
            try reader.object { (key, reader) throws(JSONError) in
                let name = try key.string()
                guard seen.insert(name).inserted else {
                    throw JSONError(.wrongType, "is there twice", offset: reader.offset).inside(name)
                }
                do throws(JSONError) { try fields.read(name, &reader) } catch { throw error.inside(name) }
            }
            return fields
        }

        private mutating func read(_ name: String, _ reader: inout JSONReader) throws(JSONError) {
            switch name {
            case "format": format = try reader.string()
            case "kind": kind = try reader.string()
            case "name": self.name = try reader.string()
            case "version": version = try reader.string()
            case "features": features = try list(&reader) { reader throws(JSONError) in try reader.string() }
            case "classes": classes = try list(&reader) { reader throws(JSONError) in try reader.string() }
            case "coefficients": coefficients = try list(&reader) { reader throws(JSONError) in try numbers(&reader) }
            case "intercepts": intercepts = try numbers(&reader)
            case "predictionBuckets": predictionBuckets = try numbers(&reader)
            case "metadata": try reader.skip()
            case "standardize":
                if try reader.null() { return }
                var step: (mean: [Double]?, scale: [Double]?) = (nil, nil)
                try reader.object { (key, reader) throws(JSONError) in
                    let part = try key.string()
                    do throws(JSONError) {
                        switch part {
                        case "mean": step.mean = try numbers(&reader)
                        case "scale": step.scale = try numbers(&reader)
                        default: throw JSONError(.wrongType, "is not a field of this format")
                        }
                    } catch { throw error.inside(part) }
                }
                standardize = step
            default: throw JSONError(.wrongType, "is not a field of this format; put notes under metadata")
            }
        }
    }

    private static func list<Element>(
        _ reader: inout JSONReader,
        _ element: (inout JSONReader) throws(JSONError) -> Element
    ) throws(JSONError) -> [Element] {
        var result: [Element] = []
        try reader.array { reader throws(JSONError) in
            do throws(JSONError) { result.append(try element(&reader)) } catch {
                throw error.inside(index: result.count)
            }
        }
        return result
    }

    private static func numbers(_ reader: inout JSONReader) throws(JSONError) -> [Double] {
        try list(&reader) { reader throws(JSONError) in try reader.double() }
    }

    /// Python writes NaN and Infinity, which JSON has not, where a training went wrong: say so.
    private static func explain(_ error: JSONError, in bytes: [UInt8]) -> String {
        if let offset = error.offset, bytes.indices.contains(offset) {
            let rest = bytes[offset...]
            for name in ["NaN", "Infinity", "-Infinity"] where rest.starts(with: name.utf8) {
                let path = error.path.isEmpty ? "byte \(offset)" : error.path
                return "\(path): \(name) is not a finite number; train again on finite features and export the result"
            }
        }
        if error.reason == .wrongType, !error.path.isEmpty { return "\(error.path): \(error.detail)" }
        return error.description
    }

    // MARK: Checking

    private static func check(_ fields: Fields) throws(ModelFileError) -> Model {
        guard let format = fields.format else { throw missing("format", "set it to \"\(self.format)\"") }
        guard format == self.format else {
            throw ModelFileError("format: \"\(format)\" is not known; use \"\(self.format)\"")
        }
        guard let kindName = fields.kind else { throw missing("kind", "use linear or logistic") }
        guard let kind = Model.Kind(rawValue: kindName) else {
            throw ModelFileError("kind: \"\(kindName)\" is not known; use linear or logistic")
        }
        let name = try text(fields.name, "name")
        let version = try text(fields.version, "version")
        guard let features = fields.features else { throw missing("features", "list the features' names") }
        guard !features.isEmpty else { throw ModelFileError("features: is empty; list the features' names") }
        try unique(features, "features")
        let classes = fields.classes ?? []
        try unique(classes, "classes")
        let model = Model(
            kind: kind,
            name: name,
            version: version,
            features: features,
            classes: classes,
            coefficients: try coefficients(fields, kind, features, classes),
            intercepts: try intercepts(fields),
            standardization: try standardization(fields, features),
            predictionBuckets: fields.predictionBuckets ?? defaultPredictionBuckets
        )
        guard zip(model.predictionBuckets, model.predictionBuckets.dropFirst()).allSatisfy({ $0 < $1 }),
            !model.predictionBuckets.isEmpty
        else { throw ModelFileError("predictionBuckets: are not ascending; list upper bounds, the lowest first") }
        return model
    }

    private static func missing(_ field: String, _ remedy: String) -> ModelFileError {
        ModelFileError("\(field): is missing; \(remedy)")
    }

    private static func text(_ value: String?, _ field: String) throws(ModelFileError) -> String {
        guard let value else { throw missing(field, "give the model a \(field)") }
        // Both are segments of URL paths.
        guard !value.isEmpty, !value.contains("/") else {
            throw ModelFileError("\(field): \"\(value)\" is empty or holds a slash; use letters, digits, . - and _")
        }
        return value
    }

    private static func unique(_ names: [String], _ field: String) throws(ModelFileError) {
        var seen: Set<String> = []
        for (index, name) in names.enumerated() where !seen.insert(name).inserted || name.isEmpty {
            throw ModelFileError(
                "\(field)[\(index)]: \"\(name)\" is \(name.isEmpty ? "empty" : "there twice"); names must differ"
            )
        }
    }

    private static func coefficients(
        _ fields: Fields,
        _ kind: Model.Kind,
        _ features: [String],
        _ classes: [String]
    ) throws(ModelFileError) -> [[Double]] {
        guard let rows = fields.coefficients else {
            throw missing("coefficients", "give one row of \(features.count) numbers per score")
        }
        switch kind {
        case .linear:
            guard classes.isEmpty else {
                throw ModelFileError("classes: a linear model has none; leave them out or use the kind logistic")
            }
            guard rows.count == 1 else {
                throw ModelFileError("coefficients: \(rows.count) rows; a linear model has one")
            }
        case .logistic:
            guard classes.count >= 2 else {
                throw ModelFileError("classes: \(classes.count) names; a logistic model has two or more")
            }
            guard rows.count == classes.count || classes.count == 2 && rows.count == 1 else {
                throw ModelFileError(
                    "coefficients: \(rows.count) rows for \(classes.count) classes; give one row per class"
                        + (classes.count == 2 ? ", or one for the second class" : "")
                )
            }
        }
        for (index, row) in rows.enumerated() where row.count != features.count {
            throw ModelFileError(
                "coefficients[\(index)]: \(row.count) numbers for \(features.count) features; give one per feature"
            )
        }
        guard fields.intercepts?.count ?? rows.count == rows.count else {
            throw ModelFileError(
                "intercepts: \(fields.intercepts?.count ?? 0) numbers for \(rows.count) rows of coefficients; give one per row"
            )
        }
        return rows
    }

    private static func intercepts(_ fields: Fields) throws(ModelFileError) -> [Double] {
        guard let intercepts = fields.intercepts else {
            throw missing("intercepts", "give one number per row of coefficients")
        }
        return intercepts
    }

    private static func standardization(
        _ fields: Fields,
        _ features: [String]
    ) throws(ModelFileError) -> Model.Standardization? {
        guard let step = fields.standardize else { return nil }
        guard let mean = step.mean else { throw missing("standardize.mean", "give one number per feature") }
        guard let scale = step.scale else { throw missing("standardize.scale", "give one number per feature") }
        for (field, values) in [("mean", mean), ("scale", scale)] where values.count != features.count {
            throw ModelFileError(
                "standardize.\(field): \(values.count) numbers for \(features.count) features; give one per feature"
            )
        }
        for (index, value) in scale.enumerated() where !(value > 0) {
            throw ModelFileError(
                "standardize.scale[\(index)]: \(value) for \"\(features[index])\" is not above 0; a feature that never "
                    + "varies has the scale 1"
            )
        }
        return Model.Standardization(mean: mean, scale: scale)
    }
}
