package import JSON

/// What a person wants of a ModelDeployment.
package struct ModelDeploymentSpec: APIObject {
    package var model = ModelReference()
    package var replicas = 1
    /// A PodTemplateSpec, kept as it is.
    package var template: JSONValue = .null
    package var service = ServiceSpec()
    package var strategy = Strategy()
    package var traffic = TrafficSpec()
    package var analysis: AnalysisSpec?
    /// In seconds.
    package var progressDeadlineSeconds = 600
    /// In seconds.
    package var minReadySeconds = 0
    package var revisionHistoryLimit = 3
    package var suspend = false
    package var deletionPolicy = DeletionPolicy.restore
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        .required(
            "model",
            \.model,
            "The model and its version. Together with template it makes a revision: what changes here or there is "
                + "rolled out by the steps of the strategy, and what changes elsewhere is not."
        ),
        Field(
            "replicas",
            \.replicas,
            "How many pods serve when no rollout is under way. During a rollout the tracks share them by weight, each "
                + "rounded up. kubectl scale and autoscalers set this field; the operator never does.",
            // Filled in by the API server, unlike what Deployments of some tools do: without it the scale subresource
            // answers with an error, and no autoscaler can work.
            .minimum(0),
            .maximum(10_000)
        ),
        .required(
            "template",
            \.template,
            "The pods that serve the model, as in a Deployment. The container that serves is named \"model\".",
            .schema(PodTemplate.schema)
        ),
        Field("service", \.service, "The port on which the model is served."),
        Field("strategy", \.strategy, "How a new revision takes over from the stable one."),
        Field("traffic", \.traffic, "What divides requests between the stable and the canary track."),
        Field(
            "analysis",
            \.analysis,
            "How the canary is judged against the stable track while it takes requests."
        ),
        Field(
            "progressDeadlineSeconds",
            \.progressDeadlineSeconds,
            "How many seconds the pods of a track may go without progress (scheduled, pulled, started, ready) before "
                + "the rollout is rolled back, or, without anything to roll back to, reported as failed. Pauses and "
                + "analysis do not count.",
            .minimum(1),
            .maximum(604_800)
        ),
        Field(
            "minReadySeconds",
            \.minReadySeconds,
            "How many seconds a pod must be ready without interruption before it counts as available.",
            .minimum(0),
            .maximum(86_400)
        ),
        Field(
            "revisionHistoryLimit",
            \.revisionHistoryLimit,
            "How many finished rollouts are kept in status.history.",
            .minimum(0),
            .maximum(20)
        ),
        Field(
            "suspend",
            \.suspend,
            "Whether the operator leaves everything as it is until this is false again. Changes made meanwhile take "
                + "effect then, the latest only."
        ),
        Field(
            "deletionPolicy",
            \.deletionPolicy,
            "What becomes of Deployments and Services when this object is deleted. Restore sends all requests to the "
                + "stable track, removes the canary, and leaves the stable Deployment and the Services in place without "
                + "an owner. Orphan leaves both tracks and the Services as they are, without an owner. Delete removes "
                + "everything that the operator made."
        ),
    ]

    package static let rules: [Rule] = [
        Rule(
            .any([
                .member(
                    "strategy",
                    .member(
                        "canary",
                        .member("steps", .items(.not(.has("analysis"))))
                    )
                ),
                .has("analysis"),
            ]),
            "a step with analysis needs spec.analysis; set it, or take the step out"
        )
    ]

    package static let schema = Self.objectSchema
}

/// A model and its version.
package struct ModelReference: APIObject {
    package var name = ""
    package var version = ""
    package var uri: String?
    package var digest: String?
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        .required(
            "name",
            \.name,
            "The name of the model, for people, metrics and labels. It cannot change: another model is another object.",
            .pattern(
                Schema.Pattern(
                    "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
                    name:
                        "a name of letters, digits, \"-\", \"_\" and \".\" that starts and ends with a letter or digit",
                    example: "churn"
                )
            ),
            .maxLength(63)
        ),
        .required(
            "version",
            \.version,
            "The version of the model, MAJOR.MINOR.PATCH with an optional -BUILD.",
            .pattern(
                Schema.Pattern(
                    "^(0|[1-9][0-9]*)[.](0|[1-9][0-9]*)[.](0|[1-9][0-9]*)(-[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?)?$",
                    name: "a version",
                    example: "2.1.3 or 2.1.3-20260901.1"
                )
            ),
            .maxLength(63)
        ),
        Field(
            "uri",
            \.uri,
            "Where the files of the model are, for the container that loads them.",
            .pattern(
                Schema.Pattern("^[a-z][a-z0-9+.-]*:[^ ]+$", name: "a URI", example: "s3://models/churn/2.1.3")
            ),
            .maxLength(2048)
        ),
        Field(
            "digest",
            \.digest,
            "The SHA-256 of the model's files, which makes the revision as exact as an image's digest does.",
            .pattern(
                Schema.Pattern("^sha256:[0-9a-f]{64}$", name: "a SHA-256", example: "sha256:0f3a… with 64 hex digits")
            ),
            .maxLength(71)
        ),
    ]

    package static let rules: [Rule] = [
        Rule(change: "self.name == oldSelf.name", "name cannot change; make another object for another model")
    ]
}

/// The port on which a model is served.
package struct ServiceSpec: APIObject {
    package var port = 8080
    package var targetPort: Int?
    package var `protocol` = ServingProtocol.openInferenceV2
    package var unknown = JSONObject()

    package init() {}

    /// The port of the container that requests go to.
    package var effectiveTargetPort: Int { targetPort ?? port }

    package static let fields: [Field<Self>] = [
        Field(
            "port",
            \.port,
            "The port of the Services that the operator makes.",
            .minimum(1),
            .maximum(65_535)
        ),
        Field(
            "targetPort",
            \.targetPort,
            "The port of the container; the same as port when absent.",
            .minimum(1),
            .maximum(65_535)
        ),
        Field(
            "protocol",
            \.protocol,
            "What is spoken there: the Open Inference Protocol, version 2, or any HTTP."
        ),
    ]
}

/// What a model server speaks.
package enum ServingProtocol: String, APIEnum {
    case openInferenceV2 = "OpenInferenceV2"
    case http = "HTTP"
}

/// What becomes of Deployments and Services when a ModelDeployment is deleted.
package enum DeletionPolicy: String, APIEnum {
    /// All requests to the stable track, no canary, and what serves stays without an owner.
    case restore = "Restore"
    /// Everything stays as it is, without an owner.
    case orphan = "Orphan"
    /// Everything the operator made goes.
    case delete = "Delete"
}

/// What divides requests between the tracks; exactly one of its members.
package struct TrafficSpec: APIObject {
    package var replicas: ReplicaTraffic? = ReplicaTraffic()
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "replicas",
            \.replicas,
            "One Service over the pods of both tracks: requests fall on them by how many there are, so that weights "
                + "are as fine as 1/replicas."
        )
    ]

    package static let rules: [Rule] = [.exactlyOne(of: fields.map(\.name))]
}

/// Requests are divided by the number of pods.
package struct ReplicaTraffic: APIObject {
    package var unknown = JSONObject()
    package init() {}
    package static let fields: [Field<Self>] = []
}
