/// Prometheus's text format 0.0.4, line by line.
///
/// - SeeAlso: <https://prometheus.io/docs/instrumenting/exposition_formats/>
struct MetricText {
    private(set) var bytes: [UInt8] = []

    mutating func header(_ metric: MetricDescription) {
        bytes += Array("# HELP \(metric.name) ".utf8)
        escape(metric.help, quotes: false)
        bytes += Array("\n# TYPE \(metric.name) \(metric.kind)\n".utf8)
    }

    mutating func sample(
        _ metric: MetricDescription,
        suffix: String = "",
        values: [String],
        extra: (String, String)? = nil,
        _ value: Double
    ) {
        bytes += Array(metric.name.utf8)
        bytes += Array(suffix.utf8)
        var separator = UInt8(ascii: "{")
        func label(_ name: String, _ value: String) {
            bytes.append(separator)
            bytes += Array(name.utf8)
            bytes += Array("=\"".utf8)
            escape(value, quotes: true)
            bytes.append(UInt8(ascii: "\""))
            separator = UInt8(ascii: ",")
        }
        for (name, value) in zip(metric.labels, values) { label(name, value) }
        if let extra { label(extra.0, extra.1) }
        if separator == UInt8(ascii: ",") { bytes.append(UInt8(ascii: "}")) }
        bytes.append(UInt8(ascii: " "))
        bytes += Array(Self.number(value).utf8)
        bytes.append(UInt8(ascii: "\n"))
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int(exactly: value), abs(whole) < 1 << 53 { return String(whole) }
        return String(value)
    }

    private mutating func escape(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes += [byte, byte]
            case UInt8(ascii: "\n"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case UInt8(ascii: "\"") where quotes: bytes += [UInt8(ascii: "\\"), byte]
            default: bytes.append(byte)
            }
        }
    }
}
