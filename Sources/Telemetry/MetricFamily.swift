import Synchronization

/// A metric with all its series.
protocol MetricFamily: Sendable {
    var description: MetricDescription { get }
    func write(to text: inout MetricText)
}

/// What a metric is called, checked once.
struct MetricDescription: Sendable {
    let name: String
    let help: String
    let kind: String
    let labels: [String]

    init(_ name: String, _ help: String, _ kind: String, _ labels: [String]) {
        func isName(_ text: String, colon: Bool) -> Bool {
            guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9") ~= first) else { return false }
            return text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                case UInt8(ascii: ":"): colon
                default: false
                }
            }
        }
        guard isName(name, colon: true) else { fatalError("\"\(name)\" is not a metric's name") }
        for label in labels where !isName(label, colon: false) || label == "le" && kind == "histogram" {
            fatalError("the metric \(name) cannot have a label \"\(label)\"")
        }
        guard Set(labels).count == labels.count else { fatalError("the metric \(name) has a label twice") }
        self.name = name
        self.help = help
        self.kind = kind
        self.labels = labels
    }
}

/// The series of one metric by their label values, at most a fixed number.
final class SeriesTable<Series: AnyObject & Sendable>: Sendable {
    private let series = Mutex<[[String]: Series]>([:])
    private let description: MetricDescription
    private let limit: Int
    private let make: @Sendable ([String]) -> Series

    init(_ description: MetricDescription, limit: Int, make: @escaping @Sendable ([String]) -> Series) {
        self.description = description
        self.limit = limit
        self.make = make
        if description.labels.isEmpty { _ = self[[]] }
    }

    /// The series of these label values, made when it is new.
    subscript(values: [String]) -> Series {
        guard values.count == description.labels.count else {
            fatalError(
                "the metric \(description.name) takes values for \(description.labels), not \(values.count) values"
            )
        }
        return series.withLock { series in
            if let known = series[values] { return known }
            // Beyond the limit one more series takes all that is new.
            let key = series.count < limit ? values : values.map { _ in "other" }
            if let known = series[key] { return known }
            let new = make(key)
            series[key] = new
            return new
        }
    }

    func known(_ values: [String]) -> Series? { series.withLock { $0[values] } }

    func remove(_ values: [String]) {
        guard !values.isEmpty else { return }
        series.withLock { _ = $0.removeValue(forKey: values) }
    }

    func removeAll(where matches: ([String]) -> Bool) {
        let keys = series.withLock { Array($0.keys) }.filter(matches)
        for key in keys { remove(key) }
    }

    var sorted: [(values: [String], series: Series)] {
        series.withLock { Array($0) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value) }
    }
}
