import JSON

/// One measured value.
package struct Sample: Sendable, Equatable {
    /// When it was measured; for a computed value, when it was computed.
    package var time: SampleTime
    /// The value, which may be NaN or infinite; a JSON null counts as NaN.
    package var value: Double

    /// Makes a sample.
    package init(_ time: SampleTime, _ value: Double) {
        self.time = time
        self.value = value
    }
}

/// Samples that bear the same labels, in the order of their time.
package struct Series: Sendable, Equatable {
    /// The labels, the metric's name as `__name__` if it has one.
    package var labels: [String: String]
    /// The samples.
    package var samples: [Sample]

    /// Makes a series.
    package init(labels: [String: String], samples: [Sample]) {
        self.labels = labels
        self.samples = samples
    }
}

/// Prometheus's answer to a query that succeeded.
package struct QueryResult: Sendable, Equatable {
    /// The kinds of result; a string result is refused as of the wrong type.
    package enum Kind: String, Sendable {
        case vector, matrix, scalar
    }

    /// The kind of result.
    package var kind: Kind
    /// The series: of one sample each in a vector; one without labels and of one sample for a scalar.
    ///
    /// Native histograms are left out.
    package var series: [Series]
    /// What Prometheus warns of, as that a remote part of the data is missing; mere hints are left out.
    package var warnings: [String]

    /// Makes a result.
    package init(kind: Kind, series: [Series], warnings: [String] = []) {
        self.kind = kind
        self.series = series
        self.warnings = warnings
    }
}

/// The envelope every answer of Prometheus's API comes in.
struct APIEnvelope {
    var status = ""
    var errorType = ""
    var error = ""
    var warnings: [String] = []
    var resultType = ""
    var series: [Series] = []

    init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try JSONReader.read(bytes) { (reader) throws(JSONError) in try APIEnvelope(&reader) }
    }

    private init(_ reader: inout JSONReader) throws(JSONError) {
        var early: [UInt8]?  // the result, when it came before its type
        try reader.object { (key, reader) throws(JSONError) in
            if key.matches("status") {
                status = try reader.string()
            } else if key.matches("errorType") {
                errorType = try reader.string()
            } else if key.matches("error") {
                error = try reader.string()
            } else if key.matches("warnings") {
                if try !reader.null() {
                    try reader.array { (reader) throws(JSONError) in warnings.append(try reader.string()) }
                }
            } else if key.matches("data") {
                guard try reader.kind() == .object else { return try reader.skip() }
                try reader.object { (key, reader) throws(JSONError) in
                    if key.matches("resultType") {
                        resultType = try reader.string()
                    } else if key.matches("result") {
                        if resultType.isEmpty { early = try reader.raw() } else { try readResult(&reader) }
                    } else {
                        try reader.skip()
                    }
                }
            } else {
                try reader.skip()
            }
        }
        guard let early else { return }
        let type = resultType
        series = try JSONReader.read(early) { (reader) throws(JSONError) in
            var part = APIEnvelope(type: type)
            try part.readResult(&reader)
            return part.series
        }
    }

    private init(type: String) { resultType = type }

    private mutating func readResult(_ reader: inout JSONReader) throws(JSONError) {
        switch resultType {
        case "vector", "matrix":
            if try reader.null() { return }
            try reader.array { (reader) throws(JSONError) in
                let one = try Self.series(&reader)
                if !one.samples.isEmpty { series.append(one) }
            }
        case "scalar":
            series = [Series(labels: [:], samples: [try Self.sample(&reader)])]
        default: try reader.skip()
        }
    }

    private static func series(_ reader: inout JSONReader) throws(JSONError) -> Series {
        var series = Series(labels: [:], samples: [])
        try reader.object { (key, reader) throws(JSONError) in
            if key.matches("metric") {
                try reader.object { (key, reader) throws(JSONError) in
                    series.labels[try key.string()] = try reader.string()
                }
            } else if key.matches("value") {
                series.samples = [try sample(&reader)]
            } else if key.matches("values") {
                try reader.array { (reader) throws(JSONError) in series.samples.append(try sample(&reader)) }
            } else {
                try reader.skip()
            }
        }
        return series
    }

    /// Reads `[seconds, "value"]`.
    private static func sample(_ reader: inout JSONReader) throws(JSONError) -> Sample {
        var index = 0
        var time: SampleTime?
        var value: Double?
        let start = reader.offset
        try reader.array { (reader) throws(JSONError) in
            switch index {
            case 0: time = SampleTime(seconds: try reader.double())
            case 1: value = try number(&reader)
            default: try reader.skip()
            }
            index += 1
        }
        guard let time, let value, index == 2 else {
            throw JSONError(.invalid, "a sample is not a pair of time and value", offset: start)
        }
        return Sample(time, value)
    }

    private static func number(_ reader: inout JSONReader) throws(JSONError) -> Double {
        switch try reader.kind() {
        case .null:
            _ = try reader.null()
            return .nan
        case .number: return try reader.double()
        default:
            let start = reader.offset
            let text = try reader.string()
            // Swift reads "+Inf", "-Inf" and "NaN" as Go writes them.
            guard let value = Double(text) else {
                throw JSONError(.invalid, "\"\(text.prefix(40))\" is not a number", offset: start)
            }
            return value
        }
    }
}
