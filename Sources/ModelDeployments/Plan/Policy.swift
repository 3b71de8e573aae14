package import Engines
package import HomeostatAPI
package import Kubernetes

/// What a ModelDeployment asks for, with every default in its place.
package struct Policy: Sendable, Equatable {
    package var key: ObjectKey
    package var generation: Int
    /// The revision of model and template that is asked for.
    package var revision: String
    package var version: String
    /// The pods that bear the whole traffic.
    package var replicas: Int
    package var steps: [Step]
    package var analysis: Analysis?
    /// How long a pod must have been ready to count as available.
    package var minReadySeconds = 0
    /// How long a track may come no further before it counts as stuck.
    package var progressDeadline: Duration
    /// How many retired Deployments and finished rollouts are kept.
    package var historyLimit: Int
    package var isSuspended: Bool
    package var deletion: DeletionPolicy
    /// When the deletion was asked for.
    package var deletedAt: Timestamp?
    package var hasFinalizer: Bool
    package var request: Request?
    /// What is wrong with the specification; each names field, value and remedy.
    package var errors: [String]

    package init(
        key: ObjectKey,
        generation: Int = 1,
        revision: String,
        version: String = "1.0.0",
        replicas: Int = 1,
        steps: [Step] = [],
        analysis: Analysis? = nil,
        progressDeadline: Duration = .seconds(600),
        historyLimit: Int = 3,
        isSuspended: Bool = false,
        deletion: DeletionPolicy = .restore,
        deletedAt: Timestamp? = nil,
        hasFinalizer: Bool = true,
        request: Request? = nil,
        errors: [String] = []
    ) {
        self.key = key
        self.generation = generation
        self.revision = revision
        self.version = version
        self.replicas = replicas
        self.steps = steps
        self.analysis = analysis
        self.progressDeadline = progressDeadline
        self.historyLimit = historyLimit
        self.isSuspended = isSuspended
        self.deletion = deletion
        self.deletedAt = deletedAt
        self.hasFinalizer = hasFinalizer
        self.request = request
        self.errors = errors
    }

    /// One step of a canary.
    package struct Step: Sendable, Hashable {
        package var name: String
        package var action: Action

        package init(_ name: String, _ action: Action) {
            self.name = name
            self.action = action
        }

        package enum Action: Sendable, Hashable {
            /// The canary's share of the traffic in percent.
            case setWeight(Int)
            /// Waits; without duration until a person says to go on.
            case pause(Duration?)
            /// Waits until every metric says that the canary may go on, and at least so long.
            case analysis(minimum: Duration)
        }
    }

    /// How the canary is judged.
    package struct Analysis: Sendable, Equatable {
        package var interval: Duration
        package var metrics: [Metric]
        package var onNoData: OnNoData
        /// How long there may be no data before ``onNoData`` other than ``OnNoData/hold`` is followed.
        package var noDataTimeout: Duration
        /// How long an analysis step may take.
        package var maximum: Duration
        package var onTimeout: OnTimeout

        package init(
            interval: Duration = .seconds(10),
            metrics: [Metric],
            onNoData: OnNoData = .hold,
            noDataTimeout: Duration = .seconds(300),
            maximum: Duration = .seconds(86_400),
            onTimeout: OnTimeout = .hold
        ) {
            self.interval = interval
            self.metrics = metrics
            self.onNoData = onNoData
            self.noDataTimeout = noDataTimeout
            self.maximum = maximum
            self.onTimeout = onTimeout
        }
    }

    /// One metric and what it is held against.
    package struct Metric: Sendable, Equatable {
        package var name: String
        /// Compares failure rates of both tracks; nil when the metric has hard limits alone.
        package var sequential: RateComparison.Configuration?
        /// Hard limits on the canary's own values.
        package var limits: [Limit]
        /// Windows in a row that may break a limit before the canary is taken back.
        package var failureLimit: Int

        package init(
            _ name: String,
            sequential: RateComparison.Configuration? = nil,
            limits: [Limit] = [],
            failureLimit: Int = 0
        ) {
            self.name = name
            self.sequential = sequential
            self.limits = limits
            self.failureLimit = failureLimit
        }
    }

    /// A hard limit on one value of a metric.
    package struct Limit: Sendable, Hashable {
        /// `value`, or a quantile as `p99`.
        package var quantity: String
        package var minimum: Double?
        package var maximum: Double?

        package init(_ quantity: String = "value", minimum: Double? = nil, maximum: Double? = nil) {
            self.quantity = quantity
            self.minimum = minimum
            self.maximum = maximum
        }
    }

    /// What a person asks for, by an annotation.
    package struct Request: Sendable, Hashable {
        package typealias Verb = OperatorRequest.Verb

        /// Nil when the annotation names no known verb.
        package var verb: Verb?
        /// The verb as written.
        package var text: String
        /// The revision it speaks of; a request about another one than the present is refused.
        package var revision: String
        package var id: String
        /// Why it cannot be read; nil when it can.
        package var fault: String?

        package init(
            _ verb: Verb?,
            text: String? = nil,
            revision: String,
            id: String,
            fault: String? = nil
        ) {
            self.verb = verb
            self.text = text ?? verb?.rawValue ?? ""
            self.revision = revision
            self.id = id
            self.fault = fault
        }
    }
}

extension Policy {
    /// The share in percent that holds at each step: that of the last `setWeight` up to it.
    var weights: [Int] {
        var weight = 0
        return steps.map { step in
            if case .setWeight(let value) = step.action { weight = value }
            return weight
        }
    }
}
