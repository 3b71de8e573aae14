/// The growth of classic histograms during a window, bound by bound, over several processes.
struct HistogramIncrease {
    /// The buckets of one process: its series by the number in their label `le`.
    typealias Process = [Double: CounterSamples]

    private var byProcess: [[Double: CounterIncrease]] = []

    /// The last sample in the window.
    var lastSample: SampleTime? { byProcess.flatMap { $0.values.compactMap(\.lastSample) }.max() }

    /// Sorts series by the process they come from: those that differ in `le` alone belong together.
    static func processes(_ series: [CounterSamples]) -> [Process] {
        var processes: [[String: String]: Process] = [:]
        for one in series {
            guard let bound = one.labels["le"].flatMap(Double.init), !bound.isNaN else { continue }
            var rest = one.labels
            rest["le"] = nil
            processes[rest, default: [:]][bound] = one
        }
        return Array(processes.values)
    }

    mutating func add(_ process: Process, during window: TimeWindow) {
        let restarts = Self.restarts(process)
        byProcess.append(
            process.mapValues {
                CounterIncrease(of: $0.samples, during: window, baseline: $0.baseline, restarts: restarts)
            }
        )
    }

    /// When a process began to count again: at each scrape in which one of its buckets fell.
    ///
    /// A bucket that was small before and is not smaller after would hide it.
    private static func restarts(_ process: Process) -> Set<SampleTime> {
        var restarts: Set<SampleTime> = []
        for bucket in process.values {
            var last: Double? = if case .value(let value) = bucket.baseline { value } else { nil }
            for sample in bucket.samples {
                if let last, sample.value < last { restarts.insert(sample.time) }
                last = sample.value
            }
        }
        return restarts
    }

    /// The sum over all processes at the bounds they share; nil when a count is not whole.
    var buckets: [LatencyBucket]? {
        let active = byProcess.filter { $0.values.contains { $0.amount > 0 } }
        guard let first = (active.isEmpty ? byProcess : active).first else { return [] }
        let bounds = active.reduce(Set(first.keys)) { $0.intersection($1.keys) }.sorted()
        var result: [LatencyBucket] = []
        for bound in bounds {
            var sum = 0
            for process in active {
                guard let count = process[bound]?.count else { return nil }
                sum += count
            }
            // Buckets of one scrape agree; only a sample lost for one of them could make a count fall.
            result.append(LatencyBucket(upperBound: bound, count: max(sum, result.last?.count ?? 0)))
        }
        return result
    }
}
