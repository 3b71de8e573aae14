import JSON

/// A failure the client is told about: a status and one sentence.
struct InferenceFailure: Error, Equatable {
    var status: Int
    var message: String

    static func badInput(_ message: String) -> InferenceFailure { InferenceFailure(status: 400, message: message) }
}

/// An infer request of the Open Inference Protocol v2, checked against a model.
///
/// Features come either as the columns of one input `features` of the shape [rows, features] ([features] is one row), or
/// as one input per feature, named after it, of the shape [rows] or [rows, 1], in any order.
struct InferenceRequest: Equatable {
    var id: String?
    /// Row after row, features in the model's order.
    var values: [Double]
    var rowCount: Int
    /// The outputs asked for, in their order; nil for all.
    var outputs: [String]?

    /// The name of the input that has all features as columns.
    static let matrixName = "features"

    init(parsing body: [UInt8], for model: Model) throws(InferenceFailure) {
        let root: JSONObject
        do throws(JSONError) {
            guard let object = try JSONValue(parsing: body).object else {
                throw JSONError(.wrongType, "expected an object with inputs")
            }
            root = object
        } catch { throw .badInput("the request is not valid: \(error)") }
        switch root["id"] {
        case .string(let id): self.id = id
        case nil, .null: id = nil
        case let other?: throw .badInput("id: \(Self.short(other)) is not a string")
        }
        outputs = try Self.outputs(root["outputs"], model)
        guard let inputs = root["inputs"]?.array else {
            throw .badInput("inputs: is missing or not an array; send \(Self.expectation(model))")
        }
        var tensors: [Tensor] = []
        for (index, input) in inputs.enumerated() { tensors.append(try Tensor(input, "inputs[\(index)]")) }
        if let matrix = tensors.first, tensors.count == 1, matrix.name == Self.matrixName {
            (rowCount, values) = (try Self.rowCount(matrix, model), matrix.values)
        } else {
            (rowCount, values) = try Self.columns(tensors, model)
        }
    }

    static func expectation(_ model: Model) -> String {
        "one input \"\(matrixName)\" of the shape [rows, \(model.features.count)], or one input per feature"
    }

    private static func rowCount(_ matrix: Tensor, _ model: Model) throws(InferenceFailure) -> Int {
        let width = model.features.count
        switch matrix.shape.count {
        case 1 where width == 1: return matrix.shape[0]
        case 1 where matrix.shape[0] == width: return 1
        case 2 where matrix.shape[1] == width: return matrix.shape[0]
        default:
            throw .badInput(
                "inputs[0].shape: \(matrix.shape) does not fit the \(width) features of \"\(model.name)\"; use "
                    + "[rows, \(width)]"
            )
        }
    }

    private static func columns(
        _ tensors: [Tensor],
        _ model: Model
    ) throws(InferenceFailure) -> (rowCount: Int, values: [Double]) {
        var columns: [String: [Double]] = [:]
        for (index, tensor) in tensors.enumerated() {
            let path = "inputs[\(index)]"
            guard model.features.contains(tensor.name) else {
                throw .badInput(
                    "\(path).name: \"\(clipped(tensor.name))\" is not an input of \"\(model.name)\"; send "
                        + expectation(model)
                )
            }
            guard tensor.shape.count == 1 || tensor.shape.count == 2 && tensor.shape[1] == 1 else {
                throw .badInput("\(path).shape: \(tensor.shape) is not a column; use [rows] or [rows, 1]")
            }
            guard columns.updateValue(tensor.values, forKey: tensor.name) == nil else {
                throw .badInput("\(path).name: \"\(tensor.name)\" is there twice; send each feature once")
            }
        }
        if let absent = model.features.first(where: { columns[$0] == nil }) {
            throw .badInput("inputs: the feature \"\(absent)\" is missing; send \(expectation(model))")
        }
        let ordered = model.features.compactMap { columns[$0] }
        let rowCount = ordered.first?.count ?? 0
        for (feature, column) in zip(model.features, ordered) where column.count != rowCount {
            throw .badInput(
                "inputs: \"\(feature)\" has \(column.count) rows and \"\(model.features[0])\" has \(rowCount); send as "
                    + "many of each"
            )
        }
        return (rowCount, (0..<rowCount).flatMap { row in ordered.map { $0[row] } })
    }

    private static func outputs(_ value: JSONValue?, _ model: Model) throws(InferenceFailure) -> [String]? {
        guard let value, !value.isNull else { return nil }
        guard let elements = value.array else { throw .badInput("outputs: is not an array") }
        let known = OutputTensor.names(of: model)
        var names: [String] = []
        for (index, element) in elements.enumerated() {
            guard let name = element["name"]?.string else {
                throw .badInput("outputs[\(index)].name: is missing or not a string")
            }
            guard known.contains(name) else {
                throw .badInput(
                    "outputs[\(index)].name: \"\(clipped(name))\" is not an output of \"\(model.name)\"; use "
                        + known.joined(separator: ", ")
                )
            }
            if !names.contains(name) { names.append(name) }
        }
        return names.isEmpty ? nil : names
    }

    /// A value for a message, cut to a length that is no burden.
    static func short(_ value: JSONValue) -> String { clipped(value.description) }

    static func clipped(_ text: String) -> String { text.count > 40 ? text.prefix(40) + "…" : text }
}

/// One input: its data as numbers.
private struct Tensor {
    enum Datatype: String, CaseIterable {
        case double = "FP64"
        case float = "FP32"
        case long = "INT64"
        case int = "INT32"
        case bool = "BOOL"
    }

    var name: String
    var shape: [Int]
    var values: [Double]

    init(_ input: JSONValue, _ path: String) throws(InferenceFailure) {
        guard let object = input.object else { throw .badInput("\(path): is not an object") }
        guard let name = object["name"]?.string else { throw .badInput("\(path).name: is missing or not a string") }
        guard let typeName = object["datatype"]?.string else {
            throw .badInput("\(path).datatype: is missing or not a string")
        }
        guard let datatype = Datatype(rawValue: typeName) else {
            throw .badInput(
                "\(path).datatype: \"\(InferenceRequest.clipped(typeName))\" of \"\(InferenceRequest.clipped(name))\" is "
                    + "not supported; use \(Datatype.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        guard let dimensions = object["shape"]?.array, !dimensions.isEmpty else {
            throw .badInput("\(path).shape: is missing or not an array of dimensions")
        }
        self.name = name
        shape = []
        var count = 1
        for (index, dimension) in dimensions.enumerated() {
            guard let size = dimension.integer, size >= 0 else {
                throw .badInput(
                    "\(path).shape[\(index)]: \(InferenceRequest.short(dimension)) is not a size; use whole numbers "
                        + "from 0"
                )
            }
            shape.append(size)
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow else { throw .badInput("\(path).shape: \(shape) is too large") }
            count = product
        }
        guard let data = object["data"] else {
            throw .badInput(
                "\(path).data: is missing; send the values as JSON (the binary extension is not supported)"
            )
        }
        guard data.array != nil else { throw .badInput("\(path).data: is not an array") }
        values = []
        // Not reserved by `count`, which the client chose.
        try Self.append(data, datatype, "\(path).data", to: &values)
        guard values.count == count else {
            throw .badInput("\(path).data: \(values.count) values for the shape \(shape), which has \(count)")
        }
    }

    /// Flattens nested arrays, row after row.
    private static func append(
        _ value: JSONValue,
        _ datatype: Datatype,
        _ path: String,
        to values: inout [Double]
    ) throws(InferenceFailure) {
        if case .array(let elements) = value {
            for (index, element) in elements.enumerated() {
                try append(element, datatype, "\(path)[\(index)]", to: &values)
            }
            return
        }
        values.append(try number(value, datatype, path))
    }

    private static func number(
        _ value: JSONValue,
        _ datatype: Datatype,
        _ path: String
    ) throws(InferenceFailure) -> Double {
        switch (datatype, value) {
        case (.double, .integer), (.double, .double): return value.double ?? 0
        case (.float, .integer), (.float, .double):
            let single = Float(value.double ?? 0)
            if single.isFinite { return Double(single) }
        case (.long, .integer(let whole)): return Double(whole)
        case (.int, .integer(let whole)):
            if let narrow = Int32(exactly: whole) { return Double(narrow) }
        case (.bool, .bool(let truth)): return truth ? 1 : 0
        default: break
        }
        let remedy =
            switch datatype {
            case .double, .float: "send finite numbers"
            case .long: "send whole numbers, or FP64"
            case .int: "send whole numbers of 32 bits, or INT64 or FP64"
            case .bool: "send true or false"
            }
        throw .badInput("\(path): \(InferenceRequest.short(value)) is not \(datatype.rawValue); \(remedy)")
    }
}
