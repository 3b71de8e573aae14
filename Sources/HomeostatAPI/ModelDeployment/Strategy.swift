package import JSON

/// How a new revision takes over; exactly one of its members.
package struct Strategy: APIObject {
    package var canary: CanaryStrategy? = CanaryStrategy()
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "canary",
            \.canary,
            "The new revision takes requests beside the stable one, a share that the steps set, until it is promoted "
                + "or rolled back."
        )
    ]

    package static let rules: [Rule] = [.exactlyOne(of: fields.map(\.name))]

    /// The steps that a new revision goes through.
    package var steps: [CanaryStep] { canary?.steps ?? [] }
}

/// A rollout by steps.
package struct CanaryStrategy: APIObject {
    package var steps: [CanaryStep] = []
    package var unknown = JSONObject()

    package init() {}
    package init(steps: [CanaryStep]) { self.steps = steps }

    package static let fields: [Field<Self>] = [
        Field(
            "steps",
            \.steps,
            "What happens one after another; after the last step the revision is promoted. Without steps it is promoted "
                + "as soon as its pods are ready.",
            .listMap(["name"]),
            .maxItems(50)
        )
    ]
}

/// One step of a rollout; exactly one of setWeight, pause and analysis.
package struct CanaryStep: APIObject {
    package var name = ""
    /// A percentage.
    package var setWeight: Int?
    package var pause: PauseStep?
    package var analysis: AnalysisStep?
    package var unknown = JSONObject()

    package init() {}

    /// A step that gives the canary this percentage of the requests.
    package init(name: String, setWeight: Int) {
        self.name = name
        self.setWeight = setWeight
    }

    /// A step that waits; without a duration, for a person.
    package init(name: String, pause: KubeDuration?) {
        self.name = name
        self.pause = PauseStep()
        self.pause?.duration = pause
    }

    /// A step that waits for a verdict.
    package init(name: String, analysis: AnalysisStep) {
        self.name = name
        self.analysis = analysis
    }

    /// What the step does.
    package enum Action: Sendable, Hashable {
        /// A percentage.
        case setWeight(Int)
        /// Nil waits for a person.
        case pause(Duration?)
        case analysis(AnalysisStep)
    }

    /// What the step does; nil when it says nothing or several things.
    package var action: Action? {
        switch (setWeight, pause, analysis) {
        case (let weight?, nil, nil): .setWeight(weight)
        case (nil, let pause?, nil): .pause(pause.duration?.duration)
        case (nil, nil, let analysis?): .analysis(analysis)
        default: nil
        }
    }

    package static let fields: [Field<Self>] = [
        .required(
            "name",
            \.name,
            "The name of the step, by which status and metrics speak of it.",
            .pattern(.dnsLabel("half")),
            .maxLength(63)
        ),
        Field(
            "setWeight",
            \.setWeight,
            "The percentage of requests that go to the canary from now on. It may be lower than that of the step before.",
            .minimum(0),
            .maximum(100),
            .unit("a percentage")
        ),
        Field("pause", \.pause, "Wait, with the weight as it is."),
        Field(
            "analysis",
            \.analysis,
            "Wait until the metrics of spec.analysis say that the canary is not worse, with the weight as it is. A worse "
                + "canary is rolled back at any time, in this step or another."
        ),
    ]

    package static let rules: [Rule] = [.exactlyOne(of: ["setWeight", "pause", "analysis"])]
}

/// A wait.
package struct PauseStep: APIObject {
    package var duration: KubeDuration?
    package var unknown = JSONObject()
    package init() {}
    package static let fields: [Field<Self>] = [
        Field(
            "duration",
            \.duration,
            "How long; when absent, until a person asks to resume, skip, promote or abort."
        )
    ]
}

/// A wait for a verdict.
package struct AnalysisStep: APIObject {
    package var minDuration: KubeDuration?
    package var unknown = JSONObject()
    package init() {}
    package static let fields: [Field<Self>] = [
        Field(
            "minDuration",
            \.minDuration,
            "How long the canary must have been judged in this step, however good it looks; spec.analysis.minDuration "
                + "when absent."
        )
    ]
}

extension Schema.Pattern {
    /// A name as RFC 1123 has it.
    package static func dnsLabel(_ example: String) -> Schema.Pattern {
        Schema.Pattern(
            "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
            name: "a name of lower-case letters, digits and \"-\" that starts and ends with a letter or digit",
            example: example
        )
    }
}
