import JSON

/// What a model gives back, as the protocol describes tensors.
enum OutputTensor {
    static func names(of model: Model) -> [String] {
        model.kind == .linear ? ["prediction"] : ["prediction", "probabilities", "label"]
    }

    /// Datatype and the shape of one row.
    static func type(_ name: String, of model: Model) -> (datatype: String, rowShape: [Int]) {
        switch name {
        case "probabilities": ("FP64", [model.classes.count])
        case "label": ("BYTES", [])
        default: (model.kind == .linear ? "FP64" : "INT64", [])
        }
    }
}

/// Writes the protocol's responses.
enum InferenceResponse {
    static func infer(_ request: InferenceRequest, _ predictions: [Model.Prediction], _ model: Model) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("model_name", model.name)
            writer.member("model_version", model.version)
            if let id = request.id { writer.member("id", id) }
            writer.key("outputs")
            writer.array { writer in
                for name in request.outputs ?? OutputTensor.names(of: model) {
                    tensor(name, predictions, model, &writer)
                }
            }
        }
        return writer.bytes
    }

    private static func tensor(
        _ name: String,
        _ predictions: [Model.Prediction],
        _ model: Model,
        _ writer: inout JSONWriter
    ) {
        let (datatype, rowShape) = OutputTensor.type(name, of: model)
        writer.object { writer in
            writer.member("name", name)
            writer.member("datatype", datatype)
            writer.key("shape")
            writer.array { writer in for size in [predictions.count] + rowShape { writer.integer(size) } }
            writer.key("data")
            writer.array { writer in
                for prediction in predictions {
                    switch name {
                    case "probabilities": for value in prediction.probabilities { writer.double(value) }
                    case "label": writer.string(model.classes[Int(prediction.value)])
                    default:
                        if model.kind == .linear {
                            writer.double(prediction.value)
                        } else {
                            writer.integer(Int(prediction.value))
                        }
                    }
                }
            }
        }
    }

    static func metadata(_ model: Model) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("name", model.name)
            writer.key("versions")
            writer.array { $0.string(model.version) }
            writer.member("platform", "homeostat_\(model.kind.rawValue)")
            writer.key("inputs")
            writer.array { tensor(InferenceRequest.matrixName, "FP64", [-1, model.features.count], &$0) }
            writer.key("outputs")
            writer.array { writer in
                for name in OutputTensor.names(of: model) {
                    let (datatype, rowShape) = OutputTensor.type(name, of: model)
                    tensor(name, datatype, [-1] + rowShape, &writer)
                }
            }
            writer.key("parameters")
            writer.object { writer in
                writer.key("features")
                writer.array { writer in for feature in model.features { writer.string(feature) } }
                if !model.classes.isEmpty {
                    writer.key("classes")
                    writer.array { writer in for name in model.classes { writer.string(name) } }
                }
            }
        }
        return writer.bytes
    }

    private static func tensor(_ name: String, _ datatype: String, _ shape: [Int], _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("datatype", datatype)
            writer.key("shape")
            writer.array { writer in for size in shape { writer.integer(size) } }
        }
    }

    static func object(_ members: (String, JSONValue)...) -> [UInt8] { JSONValue.object(JSONObject(members)).bytes() }
}
