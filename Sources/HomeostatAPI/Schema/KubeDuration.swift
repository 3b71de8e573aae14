package import JSON

/// A length of time as Kubernetes writes it: `10s`, `5m`, `1h30m`, `250ms`.
///
/// Equal durations are equal however they are written; the text is kept as it came.
package struct KubeDuration: APIValue, Comparable, CustomStringConvertible {
    package let duration: Duration
    private let text: String

    /// A duration cut to the millisecond, and to what lies between nothing and a century.
    package init(_ duration: Duration) {
        let parts = Swift.min(Swift.max(duration, .zero), .milliseconds(Self.century)).components
        let milliseconds = Int(parts.seconds) * 1000 + Int(parts.attoseconds / 1_000_000_000_000_000)
        self.duration = .milliseconds(milliseconds)
        text = Self.format(milliseconds)
    }

    /// Parses numbers with units `h`, `m`, `s` and `ms`, one after another; nil for anything else and for more than a
    /// century.
    package init?(_ text: String) {
        guard let milliseconds = Self.parse(text) else { return nil }
        duration = .milliseconds(milliseconds)
        self.text = text
    }

    package static func hours(_ count: Int) -> KubeDuration { KubeDuration(.seconds(count * 3600)) }
    package static func minutes(_ count: Int) -> KubeDuration { KubeDuration(.seconds(count * 60)) }
    package static func seconds(_ count: Int) -> KubeDuration { KubeDuration(.seconds(count)) }

    package var description: String { text }

    package static func == (a: KubeDuration, b: KubeDuration) -> Bool { a.duration == b.duration }
    package static func < (a: KubeDuration, b: KubeDuration) -> Bool { a.duration < b.duration }
    package func hash(into hasher: inout Hasher) { hasher.combine(duration) }

    // MARK: JSON

    package static let pattern = Schema.Pattern(
        "^([0-9]{1,7}h)?([0-9]{1,9}m)?([0-9]{1,9}(\\.[0-9]{1,3})?s)?([0-9]{1,12}ms)?$",
        name: "a duration",
        example: "10s, 5m or 1h30m"
    )

    /// For durations of at least a second, in whole seconds.
    package static let positivePattern = Schema.Pattern(
        "^([1-9][0-9]{0,6}h)?([1-9][0-9]{0,8}m)?([1-9][0-9]{0,8}s)?$",
        name: "a duration of whole seconds, at least 1s",
        example: "10s, 5m or 1h30m"
    )

    package static var schema: Schema {
        var schema = Schema(.string)
        schema.pattern = pattern
        schema.minLength = 2
        schema.maxLength = 32
        return schema
    }

    package init?(json: JSONValue) {
        guard let text = json.string else { return nil }
        self.init(text)
    }

    package var json: JSONValue { .string(text) }

    // MARK: Text

    private static let century = 100 * 366 * 86_400_000

    private static func parse(_ text: String) -> Int? {
        var total = 0.0
        var rest = Substring(text)
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard number.first != ".", number.last != ".", let value = Double(number), value.isFinite,
                let scale = scale(of: unit)
            else { return nil }
            total += value * scale
        }
        guard total <= Double(century) else { return nil }
        return Int(total.rounded())
    }

    private static func scale(of unit: Substring) -> Double? {
        switch unit {
        case "h": 3_600_000
        case "m": 60_000
        case "s": 1000
        case "ms": 1
        default: nil
        }
    }

    private static func format(_ milliseconds: Int) -> String {
        guard milliseconds > 0 else { return "0s" }
        let parts = [
            (milliseconds / 3_600_000, "h"), (milliseconds / 60_000 % 60, "m"), (milliseconds / 1000 % 60, "s"),
            (milliseconds % 1000, "ms"),
        ]
        return parts.filter { $0.0 > 0 }.map { "\($0.0)\($0.1)" }.joined()
    }
}
