import Synchronization

/// A count that only grows.
package final class Counter: MetricFamily {
    let description: MetricDescription
    private let table: SeriesTable<NumberCell>

    init(_ description: MetricDescription, limit: Int) {
        self.description = description
        table = SeriesTable(description, limit: limit) { _ in NumberCell() }
    }

    /// Adds to a series.
    ///
    /// A negative or NaN amount is ignored: a counter never goes back.
    ///
    /// - Parameters:
    ///   - amount: How much.
    ///   - labels: The label values, in the order of the names.
    package func increment(by amount: Double = 1, _ labels: [String] = []) {
        guard amount >= 0 else { return }
        table[labels].add(amount)
    }

    /// Makes a series exist at zero, so that its first increment is seen as one.
    package func prepare(_ labels: [String]) { _ = table[labels] }

    /// The count of a series; 0 when there is none.
    package func value(_ labels: [String] = []) -> Double { table.known(labels)?.value ?? 0 }

    /// Forgets a series.
    package func remove(_ labels: [String]) { table.remove(labels) }

    /// Forgets the series whose label values match.
    package func removeAll(where matches: ([String]) -> Bool) { table.removeAll(where: matches) }

    func write(to text: inout MetricText) { writeNumbers(description, table, to: &text) }
}

/// A value that goes up and down.
package final class Gauge: MetricFamily {
    let description: MetricDescription
    private let table: SeriesTable<NumberCell>

    init(_ description: MetricDescription, limit: Int) {
        self.description = description
        table = SeriesTable(description, limit: limit) { _ in NumberCell() }
    }

    /// Sets a series.
    package func set(_ value: Double, _ labels: [String] = []) { table[labels].set(value) }

    /// Adds to a series; a negative amount takes away.
    package func add(_ amount: Double, _ labels: [String] = []) { table[labels].add(amount) }

    /// The value of a series; 0 when there is none.
    package func value(_ labels: [String] = []) -> Double { table.known(labels)?.value ?? 0 }

    /// Forgets a series.
    package func remove(_ labels: [String]) { table.remove(labels) }

    /// Forgets the series whose label values match.
    package func removeAll(where matches: ([String]) -> Bool) { table.removeAll(where: matches) }

    func write(to text: inout MetricText) { writeNumbers(description, table, to: &text) }
}

private func writeNumbers(_ description: MetricDescription, _ table: SeriesTable<NumberCell>, to text: inout MetricText)
{
    let series = table.sorted
    guard !series.isEmpty else { return }
    text.header(description)
    for (values, cell) in series { text.sample(description, values: values, cell.value) }
}

/// A double that is added to without a lock.
final class NumberCell: Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var current = bits.load(ordering: .relaxed)
        while true {
            let next = (Double(bitPattern: current) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: current, desired: next, ordering: .relaxed)
            if exchanged { return }
            current = original
        }
    }
}
