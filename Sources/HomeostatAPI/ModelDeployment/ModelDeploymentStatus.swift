package import JSON
package import Kubernetes

/// What the operator says of a ModelDeployment.
package struct ModelDeploymentStatus: StatusObject {
    /// The generation of the spec that the rest of the status speaks of.
    package var observedGeneration = 0
    package var conditions = Conditions()
    package var phase: Phase?
    package var reason = ""
    package var message = ""
    package var step: StepStatus?
    package var weights: WeightStatus?
    package var stable: TrackStatus?
    package var canary: TrackStatus?
    /// A label selector of the stable pods alone.
    package var selector = ""
    /// Stable pods that exist.
    package var replicas = 0
    /// Stable pods that are ready.
    package var readyReplicas = 0
    package var verdicts: [MetricVerdict] = []
    package var analysis: AnalysisStatus?
    package var pause: PauseStatus?
    package var rejected: RejectedRevision?
    package var rollback: RollbackStatus?
    package var history: [RolloutRecord] = []
    package var lastHandledRequest: HandledRequest?
    package var progress: ProgressStatus?
    package var currentRollout: CurrentRollout?
    /// Counts the leaders of the operator; a status with a higher one was written by a later leader.
    package var epoch = 0
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("observedGeneration", \.observedGeneration, "The metadata.generation that this status speaks of."),
        Field(
            "conditions",
            \.conditions,
            "Ready, and while true Reconciling or Stalled, as kstatus reads them; Available says whether the stable "
                + "track serves.",
            .listMap(["type"])
        ),
        Field("phase", \.phase, "Where the object is, in one word."),
        Field("reason", \.reason, "Why it is there, in one word, as in the condition Ready."),
        Field("message", \.message, "Why it is there, for people, with the numbers."),
        Field("step", \.step, "The present step of the rollout that is under way."),
        Field("weights", \.weights, "The canary's share of the requests."),
        Field("stable", \.stable, "The revision that serves."),
        Field("canary", \.canary, "The revision that is rolled out."),
        Field("selector", \.selector, "The label selector of the stable pods, for autoscalers."),
        Field("replicas", \.replicas, "How many stable pods there are, for autoscalers."),
        Field("readyReplicas", \.readyReplicas, "How many stable pods are ready."),
        Field("verdicts", \.verdicts, "What each metric says of the canary.", .listMap(["name"])),
        Field("analysis", \.analysis, "The evidence, kept over restarts of the operator."),
        Field("pause", \.pause, "The pause that is under way."),
        Field("rejected", \.rejected, "The revision that was rolled back last; it is not tried again by itself."),
        Field("rollback", \.rollback, "The latest rollback: why, and how long it took."),
        Field("history", \.history, "The finished rollouts, the latest first."),
        Field("lastHandledRequest", \.lastHandledRequest, "The latest request of a person and what became of it."),
        Field("progress", \.progress, "What the pods are waiting for, and since when."),
        Field("currentRollout", \.currentRollout, "The rollout that is under way."),
        Field("epoch", \.epoch, "Counts the leaders of the operator."),
    ]
}

/// Where a ModelDeployment is.
package enum Phase: String, APIEnum {
    /// The first revision has never been ready.
    case pending = "Pending"
    /// A new revision is being rolled out, or pods are being brought to what is wanted.
    case progressing = "Progressing"
    /// The rollout waits for a time or a person.
    case paused = "Paused"
    /// The rollout waits for a verdict on the canary.
    case analyzing = "Analyzing"
    /// The canary becomes stable.
    case promoting = "Promoting"
    /// The canary goes away.
    case rollingBack = "RollingBack"
    /// What is wanted serves.
    case healthy = "Healthy"
    /// What is wanted does not serve, and a person must change something.
    case degraded = "Degraded"
    /// The operator was told to keep its hands off.
    case suspended = "Suspended"
    /// The object is being deleted.
    case terminating = "Terminating"
}

/// The present step.
package struct StepStatus: StatusObject {
    /// Counted from 0; equal to ``count`` after the last one.
    package var index = 0
    package var name = ""
    package var count = 0
    package var startedAt: Timestamp?
    /// For people, as `2/4 half`.
    package var text = ""
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("index", \.index, "The place of the step, counted from 0."),
        Field("name", \.name, "The name of the step."),
        Field("count", \.count, "How many steps there are."),
        Field("startedAt", \.startedAt, "When the step began."),
        Field("text", \.text, "The step for people, as 2/4 half."),
    ]
}

/// The canary's share of the requests, in percent.
package struct WeightStatus: StatusObject {
    package var desired = 0
    package var observed = 0
    package var verified: Bool?
    package var unknown = JSONObject()

    package init() {}
    package init(desired: Int, observed: Int, verified: Bool? = nil) {
        self.desired = desired
        self.observed = observed
        self.verified = verified
    }

    package static let fields: [Field<Self>] = [
        Field("desired", \.desired, "The percentage that the steps ask for."),
        Field("observed", \.observed, "The percentage that the endpoints amount to."),
        Field("verified", \.verified, "Whether the observed percentage is what desired rounds to."),
    ]
}

/// One of the two tracks.
package struct TrackStatus: StatusObject {
    package var revision = ""
    package var version = ""
    /// The name of the track's Deployment.
    package var deployment = ""
    package var replicas = 0
    package var ready = 0
    package var available = 0
    package var createdAt: Timestamp?
    /// Whether the revision has ever had all the pods it needs.
    package var established: Bool?
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("revision", \.revision, "The revision that the track serves."),
        Field("version", \.version, "The version of the model in it."),
        Field("deployment", \.deployment, "The name of the track's Deployment."),
        Field("replicas", \.replicas, "How many pods there are."),
        Field("ready", \.ready, "How many of them are ready."),
        Field("available", \.available, "How many of them have been ready for minReadySeconds."),
        Field("createdAt", \.createdAt, "When the track got this revision."),
        Field("established", \.established, "Whether the revision has ever had all the pods it needs."),
    ]
}

/// What a metric says of the canary.
package enum Verdict: String, APIEnum {
    /// Roll back now.
    case worse = "Worse"
    /// May go on: shown not to be worse than stable by more than the margin.
    case nonInferior = "NonInferior"
    /// Not enough evidence yet.
    case collecting = "Collecting"
    /// May go on: within the threshold.
    case passed = "Passed"
    /// Outside the threshold.
    case failed = "Failed"
    /// The provider answers, and there is nothing to measure.
    case insufficientData = "InsufficientData"
    /// The provider does not answer.
    case unavailable = "Unavailable"
}

/// What one metric says of the canary, with its numbers.
package struct MetricVerdict: StatusObject {
    package var name = ""
    package var verdict = Verdict.collecting
    /// The ratio of the canary's error rate to the stable one; for thresholds nil.
    package var estimate: Double?
    package var lower: Double?
    package var upper: Double?
    /// Errors per request.
    package var canaryRate: Double?
    package var stableRate: Double?
    package var canarySamples: Int?
    package var stableSamples: Int?
    /// What was measured, for thresholds; seconds for latencies.
    package var value: Double?
    package var limit: Double?
    /// Looks in a row that found the threshold crossed.
    package var failures: Int?
    package var expectedDecisionAt: Timestamp?
    package var expectedSamples: Int?
    package var message = ""
    package var updatedAt: Timestamp?
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        .required("name", \.name, "The name of the metric."),
        .required("verdict", \.verdict, "What it says of the canary."),
        Field("estimate", \.estimate, "The canary's error rate as a multiple of the stable one."),
        Field("lower", \.lower, "The lower end of the interval of the estimate."),
        Field("upper", \.upper, "The upper end of the interval of the estimate."),
        Field("canaryRate", \.canaryRate, "The canary's errors per request."),
        Field("stableRate", \.stableRate, "The stable track's errors per request."),
        Field("canarySamples", \.canarySamples, "How many of the canary's requests were counted."),
        Field("stableSamples", \.stableSamples, "How many of the stable track's requests were counted."),
        Field("value", \.value, "What was measured, for thresholds; latencies in seconds."),
        Field("limit", \.limit, "The limit it was compared with."),
        Field("failures", \.failures, "How many looks in a row found the threshold crossed."),
        Field("expectedDecisionAt", \.expectedDecisionAt, "When a decision can be expected, at the present traffic."),
        Field(
            "expectedSamples",
            \.expectedSamples,
            "How many requests of the canary a decision can be expected to take."
        ),
        Field("message", \.message, "The same for people."),
        Field("updatedAt", \.updatedAt, "When this changed last."),
    ]
}

/// The judgement that is under way.
package struct AnalysisStatus: StatusObject {
    package var startedAt: Timestamp?
    package var lastEvaluatedAt: Timestamp?
    /// Since when there is no data, or the provider does not answer.
    package var blockedSince: Timestamp?
    package var state: [EvidenceState] = []
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("startedAt", \.startedAt, "When the canary was first judged."),
        Field("lastEvaluatedAt", \.lastEvaluatedAt, "When it was judged last."),
        Field("blockedSince", \.blockedSince, "Since when there has been no data."),
        Field(
            "state",
            \.state,
            "The evidence so far, in a form for the operator alone, so that a restart loses none.",
            .listMap(["metric"])
        ),
    ]
}

/// The evidence of one metric.
package struct EvidenceState: StatusObject {
    package var metric = ""
    package var encoded = ""
    package var failures = 0
    package var passes = 0
    /// The last window's values by quantity.
    package var values: [String: Double] = [:]
    package var broken = ""
    package var detail = ""
    package var unavailableSince: Timestamp?
    package var insufficientSince: Timestamp?
    package var updatedAt: Timestamp?
    package var countedUntil: Timestamp?
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        .required("metric", \.metric, "The name of the metric."),
        Field("encoded", \.encoded, "The evidence of the comparison of both tracks.", .maxLength(65_536)),
        Field("failures", \.failures, "How many looks in a row found a limit crossed."),
        Field("passes", \.passes, "How many looks found all limits kept."),
        Field("values", \.values, "What the last look measured."),
        Field("broken", \.broken, "The limit that the last look found crossed."),
        Field("detail", \.detail, "Why there is no data."),
        Field("unavailableSince", \.unavailableSince, "Since when the provider does not answer."),
        Field("insufficientSince", \.insufficientSince, "Since when there is nothing to measure."),
        Field("updatedAt", \.updatedAt, "When it was looked at last."),
        Field("countedUntil", \.countedUntil, "Up to where its evidence has been counted."),
    ]
}

/// A pause that is under way.
package struct PauseStatus: StatusObject {
    package var startedAt: Timestamp?
    /// Nil for a pause that a person must end.
    package var until: Timestamp?
    /// Whether a person asked for the pause, beside those of the steps.
    package var requested = false
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("startedAt", \.startedAt, "When the pause began."),
        Field("until", \.until, "When it ends by itself; absent when a person must end it."),
        Field("requested", \.requested, "Whether a person asked for it, beside the pauses of the steps."),
    ]
}

/// A revision that was rolled back.
package struct RejectedRevision: StatusObject {
    package var revision = ""
    package var version = ""
    package var result = RolloutResult.rolledBack
    package var reason = ""
    package var message = ""
    package var at: Timestamp?
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("revision", \.revision, "The revision."),
        Field("version", \.version, "The version of the model in it."),
        .required("result", \.result, "How its rollout ended."),
        Field("reason", \.reason, "Why, in one word."),
        Field("message", \.message, "Why, for people."),
        Field("at", \.at, "When."),
    ]
}

/// The way back to the stable revision, under way or done.
package struct RollbackStatus: StatusObject {
    package var revision = ""
    package var result = RolloutResult.rolledBack
    package var reason = ""
    package var message = ""
    package var startedAt: Timestamp?
    package var finishedAt: Timestamp?
    /// How long it took, once it is done.
    package var durationSeconds: Double?
    /// Whether the canary goes although the stable revision does not yet bear the whole traffic.
    package var abandonsCapacity = false
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("revision", \.revision, "The revision that was taken back."),
        .required("result", \.result, "What the rollout ends as."),
        Field("reason", \.reason, "Why, in one word."),
        Field("message", \.message, "Why, for people, with the numbers."),
        Field("startedAt", \.startedAt, "When the way back began."),
        Field("finishedAt", \.finishedAt, "When all requests were on the stable revision and the canary's pods gone."),
        Field("durationSeconds", \.durationSeconds, "How long that took."),
        Field(
            "abandonsCapacity",
            \.abandonsCapacity,
            "Whether the canary goes although the stable revision could not get all its pods back in time."
        ),
    ]
}

/// How a rollout ended.
package enum RolloutResult: String, APIEnum {
    case promoted = "Promoted"
    case rolledBack = "RolledBack"
    /// A person ended it.
    case aborted = "Aborted"
    /// A further revision took its place.
    case superseded = "Superseded"
    /// The spec went back to what was stable.
    case reverted = "Reverted"
}

/// A finished rollout.
package struct RolloutRecord: StatusObject {
    package var revision = ""
    package var version = ""
    /// The revision that was stable then; empty for the first one.
    package var from = ""
    package var fromVersion = ""
    package var result = RolloutResult.promoted
    package var reason = ""
    package var message = ""
    package var startedAt: Timestamp?
    package var finishedAt: Timestamp?
    package var durationSeconds = 0
    /// How much of it went by in pauses.
    package var pausedSeconds = 0
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("revision", \.revision, "The revision that was rolled out."),
        Field("version", \.version, "The version of the model in it."),
        Field("from", \.from, "The revision that was stable then."),
        Field("fromVersion", \.fromVersion, "The version of the model in that one."),
        .required("result", \.result, "How it ended."),
        Field("reason", \.reason, "Why, in one word."),
        Field("message", \.message, "Why, for people, with the numbers."),
        Field("startedAt", \.startedAt, "When it began."),
        Field("finishedAt", \.finishedAt, "When it ended."),
        Field("durationSeconds", \.durationSeconds, "How many seconds it took."),
        Field("pausedSeconds", \.pausedSeconds, "How many of them went by in pauses."),
    ]
}

/// What became of a request.
package enum RequestResult: String, APIEnum {
    case accepted = "Accepted"
    case refused = "Refused"
}

/// A request that was looked at.
package struct HandledRequest: StatusObject {
    package var id = ""
    /// The verb as it was written.
    package var verb = ""
    package var revision = ""
    package var result = RequestResult.accepted
    package var message = ""
    package var at: Timestamp?
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("id", \.id, "The id of the request."),
        Field("verb", \.verb, "What was asked."),
        Field("revision", \.revision, "Of which revision."),
        .required("result", \.result, "Whether it was carried out."),
        Field("message", \.message, "Why not, or what followed."),
        Field("at", \.at, "When."),
    ]
}

/// What pods are waiting for.
package struct ProgressStatus: StatusObject {
    /// As `ImagePullFailed`, `Unschedulable` or `CrashLoop`; empty while nothing is wrong.
    package var cause = ""
    /// The pod that says so.
    package var pod = ""
    package var message = ""
    /// The last time that there was progress.
    package var since: Timestamp?
    package var revision = ""
    package var scheduled = 0
    package var started = 0
    package var ready = 0
    package var loaded = 0
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("revision", \.revision, "The revision that is waited for."),
        Field("scheduled", \.scheduled, "How many of its pods have had a node."),
        Field("started", \.started, "How many of its pods have started."),
        Field("ready", \.ready, "How many of its pods have been ready."),
        Field(
            "loaded",
            \.loaded,
            "A thousand for each ready pod, and how many thousandths of the model the furthest other has loaded."
        ),
        Field("cause", \.cause, "What holds the pods up, in one word."),
        Field("pod", \.pod, "The pod that says so."),
        Field("message", \.message, "The same for people."),
        Field("since", \.since, "When there was progress last."),
    ]
}

/// Where a rollout stands.
package enum RolloutStage: String, APIEnum {
    case stepping = "Stepping"
    case promoting = "Promoting"
    case returning = "Returning"
}

/// A rollout that is under way.
package struct CurrentRollout: StatusObject {
    package var revision = ""
    package var version = ""
    package var from = ""
    package var startedAt: Timestamp?
    /// In seconds, of the pauses that are over.
    package var pausedSeconds = 0
    package var stage = RolloutStage.stepping
    /// The steps as they were when the present one began, to see whether they were edited since.
    package var stepsHash = ""
    /// The id of the request that promoted it.
    package var promotedBy: String?
    package var unknown = JSONObject()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("revision", \.revision, "The revision that is rolled out."),
        Field("version", \.version, "The version of the model in it."),
        Field("from", \.from, "The revision that is stable."),
        Field("startedAt", \.startedAt, "When it began."),
        Field("pausedSeconds", \.pausedSeconds, "How many seconds it has spent in pauses that are over."),
        .required("stage", \.stage, "Whether it goes through its steps, is being promoted, or is on its way back."),
        Field("promotedBy", \.promotedBy, "The id of the request that promoted it."),
        Field("stepsHash", \.stepsHash, "Tells whether the steps were edited since the present one began."),
    ]
}
