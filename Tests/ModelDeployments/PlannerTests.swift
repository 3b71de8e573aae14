import Engines
import HomeostatAPI
import Kubernetes
import Testing

@testable import ModelDeployments

/// The numbers are those of the delivery cases that the behaviour answers.
@Suite("Planner") struct PlannerTests {
    static let sequential = RateComparison.Configuration(
        margin: 1.5,
        alphaRollback: 0.01,
        alphaPromote: 0.05,
        minSamples: 200,
        tolerance: 0.001
    )

    static func policy(
        _ revision: String = "v1",
        replicas: Int = 4,
        steps: [Policy.Step] = [],
        analysis: Policy.Analysis? = nil,
        deadline: Duration = .seconds(600)
    ) -> Policy {
        Policy(
            key: ObjectKey(namespace: "shop", name: "churn"),
            revision: revision,
            version: "1.0.0",
            replicas: replicas,
            steps: steps,
            analysis: analysis,
            progressDeadline: deadline,
            historyLimit: 5
        )
    }

    static func weights(_ weights: Int..., pause: Duration? = .seconds(60)) -> [Policy.Step] {
        weights.flatMap {
            [Policy.Step("w\($0)", .setWeight($0)), Policy.Step("p\($0)", .pause(pause))]
        }
    }

    /// A steady world at v1, then asked for v2.
    static func updated(_ policy: Policy, to revision: String = "v2") -> World {
        var world = World(policy)
        world.settle()
        world.notes = []
        world.policy.revision = revision
        world.policy.version = "2.0.0"
        world.policy.generation += 1
        return world
    }

    static let judged = Policy.Analysis(
        interval: .seconds(10),
        metrics: [Policy.Metric("errors", sequential: sequential)]
    )

    // MARK: Shares

    @Test("1 weights follow the steps, pair by pair, and the canary ends as the stable revision")
    func weightsFollowSteps() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, 50, 75)))
        world.settle()
        #expect(world.pairs == [[3, 1], [2, 2], [1, 3]])
        #expect(world.state.stable?.revision == "v2")
        #expect(world.desired("v1") == 0 && world.desired("v2") == 4)
        #expect(world.reasons.filter { $0 == .rolloutStarted }.count == 1)
        #expect(world.state.history.first?.outcome == .promoted)
    }

    @Test(
        "2 small counts round up: a canary has a pod, and neither track less than its share",
        arguments: [(1, 10, 1, 1), (2, 10, 2, 1), (3, 10, 3, 1), (4, 25, 3, 1), (10, 33, 7, 4), (0, 50, 0, 0)]
    )
    func rounding(replicas: Int, weight: Int, stable: Int, canary: Int) {
        #expect(ReplicaShares(weight: weight, of: replicas) == ReplicaShares(stable: stable, canary: canary))
    }

    @Test("2 every share of every size bears its weight, and no pod more than needed is asked for")
    func shares() {
        for replicas in 0...40 {
            for weight in 0...100 {
                let shares = ReplicaShares(weight: weight, of: replicas)
                #expect(shares.canary * 100 >= replicas * weight && shares.stable * 100 >= replicas * (100 - weight))
                #expect(shares.canary + shares.stable <= replicas + 1)
                #expect((shares.canary > 0) == (weight > 0 && replicas > 0))
            }
        }
    }

    @Test("4 scaling while paused keeps weight and pause")
    func scaleWhilePaused() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, pause: nil)))
        world.run(.seconds(30))
        #expect([world.desired("v1"), world.desired("v2")] == [3, 1])
        world.policy.replicas = 8
        world.run(.seconds(30))
        #expect([world.desired("v1"), world.desired("v2")] == [6, 2])
        world.policy.replicas = 4
        world.run(.seconds(30))
        #expect([world.desired("v1"), world.desired("v2")] == [3, 1])
        #expect(world.situation.reason == "AwaitingApproval" && world.state.rollout?.weight == 25)
    }

    // MARK: Changes in flight

    @Test("7 a third revision in the pause starts at the first step and leaves the stable track alone")
    func thirdRevision() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, pause: nil)))
        world.run(.seconds(30))
        let stablePods = world.pods("v1")
        world.policy.revision = "v3"
        world.run(.seconds(30))
        #expect([world.desired("v1"), world.desired("v2"), world.desired("v3")] == [3, 0, 1])
        #expect(world.pods("v1") == stablePods)
        #expect(world.state.history.first?.outcome == .superseded)
        #expect(world.state.rollout?.stage == .stepping(1))
    }

    @Test(
        "8 going back to the stable revision takes the traffic back at once, without analysis and with a clean status"
    )
    func revert() {
        var world = Self.updated(Self.policy(steps: Self.weights(50, pause: nil), analysis: Self.judged))
        world.run(.seconds(30))
        let kept = Set(world.pods("v1"))
        world.policy.revision = "v1"
        world.reconcile()
        #expect(world.state.rollout?.weight == 0)
        world.run(.seconds(20))
        #expect([world.desired("v1"), world.desired("v2")] == [4, 0])
        #expect(kept.isSubset(of: world.pods("v1")))
        #expect(world.situation.readiness == .ready && world.situation.reason == "RevertedToStable")
        #expect(world.state.rejected == nil && world.state.history.first?.outcome == .reverted)
    }

    @Test("9 a change of replicas alone is no rollout")
    func onlyReplicas() {
        var world = Self.updated(Self.policy(steps: Self.weights(50)), to: "v1")
        world.policy.replicas = 6
        world.run(.seconds(20))
        #expect(world.desired("v1") == 6 && world.state.rollout == nil && world.notes.isEmpty)
        #expect(world.situation.readiness == .ready)
    }

    @Test("10 model and replicas changed together are both honoured, as one rollout")
    func templateAndReplicas() {
        var world = Self.updated(Self.policy(steps: Self.weights(50)))
        world.policy.replicas = 8
        world.run(.seconds(30))
        #expect([world.desired("v1"), world.desired("v2")] == [4, 4])
        world.settle()
        #expect(world.desired("v2") == 8 && world.reasons.filter { $0 == .rolloutStarted }.count == 1)
    }

    @Test("11 a longer pause does not lower the weight, and the evidence is kept")
    func stepsEdited() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, 50, 75), analysis: Self.judged))
        world.run(.seconds(90)) { $0.state.rollout?.stage == .stepping(3) }
        world.run(.seconds(20))
        let before = world.state.rollout
        let samples = before?.evidence?.metrics.first?.comparison?.canary.total ?? 0
        #expect(before?.weight == 50 && samples > 0)
        world.policy.steps[5] = Policy.Step("p75", .pause(.seconds(500)))
        world.reconcile()
        #expect(world.state.rollout?.weight == 50 && world.state.rollout?.stage == .stepping(3))
        #expect(world.state.rollout?.stepStartedAt == before?.stepStartedAt)
        #expect((world.state.rollout?.evidence?.metrics.first?.comparison?.canary.total ?? 0) >= samples)
    }

    @Test("11 when the present step is gone, the rollout goes on at the first step that is no lower")
    func stepRemoved() {
        var world = Self.updated(Self.policy(steps: Self.weights(10, 30, 60, pause: nil)))
        world.run(.seconds(20))
        world.request(.skip, "v2")
        world.run(.seconds(20))
        #expect(world.state.rollout?.weight == 30)
        world.policy.steps = [
            Policy.Step("a", .setWeight(20)), Policy.Step("b", .setWeight(40)), Policy.Step("c", .pause(nil)),
        ]
        world.run(.seconds(20))
        #expect(world.state.rollout?.weight == 40)
        #expect(!world.pairs.contains { $0[1] == 0 })
    }

    // MARK: First and bad revisions

    @Test("13 the first revision has no weight steps and is ready only when its pods are")
    func first() {
        var world = World(Self.policy(steps: Self.weights(25, 50), analysis: Self.judged))
        world.behaviours["v1"] = World.Behaviour(readyAfter: .seconds(30))
        world.run(.seconds(20))
        #expect(world.situation.phase == .pending && world.situation.readiness == .working)
        world.run(.seconds(20))
        #expect(world.situation.readiness == .ready && world.desired("v1") == 4)
        #expect(!world.reasons.contains(.stepStarted))
    }

    @Test("14 a bad first image, then a good one, becomes ready by itself")
    func badFirst() {
        var world = World(Self.policy(deadline: .seconds(60)))
        world.behaviours["v1"] = World.Behaviour(
            readyAfter: nil,
            trouble: Trouble(.imagePull, object: "churn-v1-x", message: "not found")
        )
        world.run(.seconds(120))
        #expect(world.situation.readiness == .stalled && world.situation.message.contains("not found"))
        world.policy.revision = "v2"
        world.settle()
        #expect(world.situation.readiness == .ready && world.state.stable?.revision == "v2" && world.desired("v1") == 0)
    }

    @Test("15 good, bad, good: the first keeps all traffic until the third proceeds from its first step")
    func goodBadGood() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, 50)))
        world.behaviours["v2"] = World.Behaviour(readyAfter: nil)
        world.run(.seconds(100))
        #expect(world.available("v1") == 4 && world.available("v2") == 0)
        world.policy.revision = "v3"
        world.reconcile()
        #expect(world.state.rollout?.stage == .stepping(0))
        world.settle()
        #expect(world.state.stable?.revision == "v3" && world.desired("v3") == 4)
        #expect([world.desired("v1"), world.desired("v2")] == [0, 0])
    }

    @Test("16 bad, then bad again: the first bad pods are gone and the stable track is whole")
    func badBad() {
        var world = Self.updated(Self.policy(steps: Self.weights(50)))
        world.behaviours["v2"] = World.Behaviour(readyAfter: nil)
        world.behaviours["v3"] = World.Behaviour(readyAfter: nil)
        world.run(.seconds(30))
        world.policy.revision = "v3"
        world.run(.seconds(30))
        #expect(world.desired("v2") == 0 && world.available("v1") == 4)
    }

    // MARK: Deadlines

    @Test("17 past the progress deadline it is rolled back, and the pods' own cause is the reason")
    func deadline() {
        var world = Self.updated(Self.policy(steps: Self.weights(25), deadline: .seconds(60)))
        world.behaviours["v2"] = World.Behaviour(
            readyAfter: nil,
            trouble: Trouble(.unschedulable, object: "churn-v2-x", message: "no node has a GPU")
        )
        world.run(.seconds(120))
        #expect(world.situation.readiness == .stalled && world.situation.reason == "RolledBack")
        #expect(world.situation.message.contains("no node has a GPU"))
        #expect(world.state.rejected?.reason == "Unschedulable")
        #expect(world.desired("v2") == 0 && world.available("v1") == 4)
    }

    @Test("17 a cause that is not there at the last moment, as of a pod that is just trying again, is still the reason")
    func deadlineBetweenCrashes() {
        var world = Self.updated(Self.policy(steps: Self.weights(25), deadline: .seconds(60)))
        let crash = Trouble(.crash, object: "churn-v2-x", message: "exited with code 3")
        world.behaviours["v2"] = World.Behaviour(readyAfter: nil, trouble: crash)
        world.run(.seconds(50))
        world.behaviours["v2"]?.trouble = nil
        world.run(.seconds(60))
        #expect(world.state.rejected?.reason == "CrashLoop")
        #expect(world.state.rejected?.message.contains("exited with code 3") == true)
    }

    @Test("18 the deadline sleeps in a pause")
    func deadlineSleeps() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, pause: .seconds(300)), deadline: .seconds(60)))
        world.run(.seconds(200))
        #expect(world.situation.phase == .paused && world.state.rejected == nil)
        world.settle()
        #expect(world.state.stable?.revision == "v2")
    }

    @Test(
        "19 a model that loads for 15 minutes is waited for; one that stops loading for 10 is given up as ModelLoadStalled"
    )
    func modelLoad() {
        var world = Self.updated(Self.policy(steps: Self.weights(25)))
        world.behaviours["v2"] = World.Behaviour(
            readyAfter: .seconds(900),
            loaded: { seconds in Int(min(1000, seconds / 0.9)) }
        )
        world.run(.seconds(890))
        #expect(world.situation.phase == .progressing && world.state.rejected == nil)
        world.run(.seconds(1200)) { $0.state.rollout == nil }
        #expect(world.state.stable?.revision == "v2")

        world = Self.updated(Self.policy(steps: Self.weights(25)))
        world.behaviours["v2"] = World.Behaviour(readyAfter: nil, loaded: { seconds in Int(min(400, seconds)) })
        world.run(.seconds(990))
        #expect(world.state.rejected == nil)
        world.run(.seconds(30))
        #expect(world.state.rejected?.reason == "ModelLoadStalled")
        #expect(world.state.rejected?.message.contains("40 % loaded") == true)
    }

    // MARK: People

    @Test(
        "20, 69 a suspended rollout stands still with its conditions, and goes on with the newest specification alone"
    )
    func suspend() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, 50)))
        world.run(.seconds(20))
        let before = (world.situation, world.state.rollout, world.pods("v1"), world.pods("v2"))
        world.policy.isSuspended = true
        world.run(.seconds(200))
        world.policy.revision = "v3"
        world.run(.seconds(200))
        #expect(world.situation == before.0 && world.plan?.situation.phase == .suspended)
        #expect(world.state.rollout == before.1 && world.pods("v1") == before.2 && world.pods("v2") == before.3)
        world.policy.isSuspended = false
        world.run(.seconds(20))
        #expect(world.state.rollout?.canary.revision == "v3" && world.desired("v2") == 0)
    }

    @Test("21 a timed pause goes on where it was after a restart")
    func pauseAcrossRestart() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, pause: .seconds(600))))
        world.run(.seconds(100)) { $0.state.rollout?.stage == .stepping(1) }
        world.run(.seconds(360))
        // Nothing but the recorded state survives the restart; the operator is away for a while.
        world.now = world.now + .seconds(30)
        world.run(.seconds(205))
        #expect(world.state.rollout?.stage == .stepping(1))
        world.run(.seconds(10))
        #expect(world.state.rollout?.stage == .promoting || world.state.stable?.revision == "v2")
    }

    @Test("22 abort, retry, promote: each event once, in this order, and the weights go 50, 0, 100")
    func abortRetryPromote() {
        var world = Self.updated(Self.policy(steps: Self.weights(50, pause: nil)))
        world.run(.seconds(30))
        world.request(.abort, "v2", id: "a")
        world.run(.seconds(60))
        #expect([world.desired("v1"), world.desired("v2")] == [4, 0])
        #expect(world.situation.reason == "Aborted" && world.situation.readiness == .stalled)
        world.request(.retry, "v2", id: "b")
        world.run(.seconds(30))
        #expect(world.state.rollout?.weight == 50)
        world.request(.promote, "v2", id: "c")
        world.settle()
        #expect(world.state.stable?.revision == "v2" && world.desired("v2") == 4)
        let told: [Note.Reason] = [.aborting, .aborted, .retried, .promoting, .promoted]
        #expect(world.reasons.filter { told.contains($0) } == told)
        #expect(world.state.lastRequest?.id == "c" && world.state.lastRequest?.isAccepted == true)
        #expect(world.state.history.map(\.outcome).prefix(2) == [.promoted, .aborted])
    }

    @Test("23 an abort of nothing changes nothing and is refused with an event")
    func abortHealthy() {
        var world = Self.updated(Self.policy(), to: "v1")
        let pods = world.pods("v1")
        world.request(.abort, "v1")
        world.run(.seconds(20))
        #expect(world.reasons == [.requestRefused] && world.pods("v1") == pods)
        #expect(world.situation.readiness == .ready && world.state.lastRequest?.isAccepted == false)
    }

    @Test("24 a full promotion in flight can be aborted")
    func abortPromotion() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, pause: nil)))
        world.run(.seconds(30))
        world.request(.promote, "v2", id: "a")
        world.run(.seconds(2))
        #expect(world.state.rollout?.stage == .promoting)
        world.request(.abort, "v2", id: "b")
        world.run(.seconds(30))
        #expect(world.state.stable?.revision == "v1" && world.state.rejected?.outcome == .aborted)
        #expect([world.available("v1"), world.desired("v2")] == [4, 0])
    }

    @Test("25 a full promotion in the middle of an analysis skips what is left of it")
    func promoteInAnalysis() {
        let steps = [Policy.Step("half", .setWeight(50)), Policy.Step("judge", .analysis(minimum: .seconds(3600)))]
        var world = Self.updated(Self.policy(steps: steps, analysis: Self.judged))
        world.run(.seconds(60))
        #expect(world.situation.reason == "CollectingEvidence")
        world.request(.promote, "v2")
        world.settle()
        #expect(world.state.stable?.revision == "v2")
        #expect(world.notes.contains { $0.reason == .promoting && $0.message.contains("skipped") })
        #expect(world.state.history.first?.reason == "PromotedByRequest")
    }

    @Test("26 skip goes exactly one step further")
    func skip() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, 50, pause: nil)))
        world.run(.seconds(30))
        #expect(world.state.rollout?.stage == .stepping(1))
        world.request(.skip, "v2")
        world.run(.seconds(30))
        #expect(world.state.rollout?.stage == .stepping(3) && world.state.rollout?.weight == 50)
    }

    @Test("a request about another revision, of an unknown verb, or seen before does nothing")
    func otherRequests() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, pause: nil)))
        world.run(.seconds(30))
        world.request(.promote, "v9", id: "a")
        world.run(.seconds(5))
        #expect(world.state.lastRequest?.isAccepted == false)
        world.policy.request = Policy.Request(
            nil,
            text: "explode/v2/b",
            revision: "",
            id: "explode/v2/b",
            fault: "use one of promote, skip"
        )
        world.run(.seconds(5))
        #expect(world.state.lastRequest?.message.contains("use one of promote, skip") == true)
        #expect(world.state.rollout?.stage == .stepping(1))
        #expect(world.reasons.filter { $0 == .requestRefused }.count == 2)
    }

    @Test("a person's pause holds the weight and the clock of a timed pause, and the way back stays open")
    func userPause() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, pause: .seconds(60)), analysis: Self.judged))
        world.run(.seconds(30))
        world.request(.pause, "v2", id: "a")
        world.run(.seconds(300))
        #expect(world.situation.reason == "AwaitingApproval" && world.state.rollout?.weight == 25)
        world.request(.resume, "v2", id: "b")
        world.run(.seconds(20))
        #expect(world.state.rollout?.stage == .stepping(1))
        world.request(.pause, "v2", id: "c")
        world.behaviours["v2"] = World.Behaviour(errorRate: 0.5)
        world.run(.seconds(120))
        #expect(world.state.rejected?.reason == "AnalysisWorse")
    }

    // MARK: Analysis

    @Test("a canary that fails more often is rolled back with its numbers")
    func worse() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, 50), analysis: Self.judged))
        world.behaviours["v2"] = World.Behaviour(errorRate: 0.3)
        world.run(.seconds(300))
        #expect(world.situation.reason == "RolledBack" && world.situation.readiness == .stalled)
        #expect(world.situation.message.contains("canary failed"))
        #expect(world.situation.message.contains("retry/v2"))
        #expect(world.state.history.first?.outcome == .rolledBack)
        #expect([world.available("v1"), world.desired("v2")] == [4, 0])
    }

    @Test("an analysis step waits for enough evidence and then goes on")
    func analysisStep() {
        let steps = [Policy.Step("half", .setWeight(50)), Policy.Step("judge", .analysis(minimum: .zero))]
        var world = Self.updated(Self.policy(steps: steps, analysis: Self.judged))
        world.requestsPerSecond = 50
        world.run(.seconds(40))
        #expect(world.situation.reason == "CollectingEvidence")
        #expect(world.situation.message.contains("more canary requests needed"))
        world.settle()
        #expect(world.state.stable?.revision == "v2")
        #expect(world.notes.contains { $0.reason == .promoted && $0.message.contains("NonInferior") })
    }

    @Test("a hard limit broken more often in a row than allowed takes the canary back")
    func hardLimit() {
        let metric = Policy.Metric("errors", limits: [Policy.Limit(maximum: 0.05)], failureLimit: 2)
        let analysis = Policy.Analysis(metrics: [metric])
        var world = Self.updated(Self.policy(steps: Self.weights(50, pause: .seconds(300)), analysis: analysis))
        world.behaviours["v2"] = World.Behaviour(errorRate: 0.2)
        world.run(.seconds(32))
        #expect(world.state.rollout?.isReturning == false)
        world.run(.seconds(60))
        #expect(world.state.rejected?.reason == "LimitExceeded")
        #expect(world.state.rejected?.message.contains("above 0.05 in 3 windows in a row") == true)
    }

    @Test("42 without a verdict the weight stands still; abort and revert still act, and time runs out as declared")
    func inconclusive() {
        let steps = [Policy.Step("half", .setWeight(50)), Policy.Step("judge", .analysis(minimum: .zero))]
        for (onTimeout, reason) in [
            (OnTimeout.hold, ""), (.rollback, "AnalysisTimeout"), (.promote, "promoted"),
        ] {
            var analysis = Self.judged
            analysis.maximum = .seconds(120)
            analysis.onTimeout = onTimeout
            var world = Self.updated(Self.policy(steps: steps, analysis: analysis))
            world.requestsPerSecond = 0.5
            world.run(.seconds(100))
            #expect(world.state.rollout?.weight == 50 && world.situation.reason == "CollectingEvidence")
            world.run(.seconds(100))
            switch onTimeout {
            case .hold:
                #expect(world.situation.reason == "CollectingEvidence" && world.situation.message.contains("held"))
                world.request(.abort, "v2")
                world.run(.seconds(60))
                #expect(world.state.rejected?.outcome == .aborted)
            case .rollback: #expect(world.state.rejected?.reason == reason)
            case .promote: #expect(world.state.stable?.revision == "v2")
            }
        }
    }

    @Test("43 while the metrics are down the weight is held, and the rollout goes on when they are back")
    func providerDown() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, 50, pause: .seconds(60)), analysis: Self.judged))
        world.run(.seconds(30))
        world.metrics = .down
        world.run(.seconds(300))
        #expect(world.situation.reason == "AnalysisBlocked" && world.state.rollout?.weight == 25)
        #expect(world.situation.message.contains("connection refused"))
        #expect(world.reasons.filter { $0 == .analysisBlocked }.count == 1)
        world.metrics = .answering
        world.settle()
        #expect(world.state.stable?.revision == "v2")
        #expect(world.reasons.filter { $0 == .analysisResumed }.count == 1)
    }

    @Test("44 no data is neither success nor failure", arguments: OnNoData.allCases)
    func noData(onNoData: OnNoData) {
        let steps = [Policy.Step("half", .setWeight(50)), Policy.Step("judge", .analysis(minimum: .zero))]
        var analysis = Self.judged
        analysis.onNoData = onNoData
        analysis.noDataTimeout = .seconds(120)
        var world = Self.updated(Self.policy(steps: steps, analysis: analysis))
        world.metrics = .silent
        world.run(.seconds(100))
        #expect(world.situation.message.contains("InsufficientData") && world.state.rollout?.weight == 50)
        world.run(.seconds(200))
        switch onNoData {
        case .hold: #expect(world.state.rollout?.weight == 50 && world.state.rejected == nil)
        case .rollback: #expect(world.state.rejected?.reason == "NoData")
        case .proceed: #expect(world.state.stable?.revision == "v2")
        }
    }

    // MARK: Promotion and failure

    @Test("60 promotion restarts no pod")
    func promotionKeepsPods() {
        var world = Self.updated(Self.policy(steps: Self.weights(25, 100)))
        world.run(.seconds(600)) { $0.pairs.contains([0, 4]) }
        let pods = world.pods("v2")
        #expect(pods.count == 4)
        world.settle()
        #expect(world.pods("v2") == pods)
    }

    @Test("61 pods lost during the promotion leave all traffic on the healthy set; it resumes, or goes back whole")
    func lostInPromotion() {
        for comesBack in [true, false] {
            var world = Self.updated(Self.policy(steps: Self.weights(50), deadline: .seconds(120)))
            world.run(.seconds(100)) { $0.state.rollout?.stage == .promoting }
            world.behaviours["v2"] = World.Behaviour(readyAfter: comesBack ? .seconds(40) : nil)
            world.killPods("v2")
            world.run(.seconds(20))
            #expect(world.available("v1") >= 2 && world.state.stable?.revision == "v1")
            world.run(.seconds(300))
            if comesBack {
                #expect(world.state.stable?.revision == "v2" && world.available("v2") == 4)
            } else {
                #expect(world.available("v1") == 4 && world.desired("v2") == 0 && world.state.rejected != nil)
            }
        }
    }

    @Test("70 a rolled-back revision is not tried again by itself; a new one or a retry is")
    func rejectedStays() {
        var world = Self.updated(Self.policy(steps: Self.weights(25), analysis: Self.judged))
        world.behaviours["v2"] = World.Behaviour(errorRate: 0.5)
        world.run(.seconds(120))
        world.notes = []
        world.policy.generation += 1
        world.run(.seconds(300))
        #expect(world.notes.isEmpty && world.state.rollout == nil)
        world.behaviours["v2"] = World.Behaviour()
        world.request(.retry, "v2")
        world.run(.seconds(10))
        #expect(world.state.rollout?.canary.revision == "v2")

        world.behaviours["v2"] = World.Behaviour(errorRate: 0.5)
        world.run(.seconds(200))
        world.policy.revision = "v3"
        world.run(.seconds(10))
        #expect(world.state.rollout?.canary.revision == "v3")
    }

    @Test("72 history tells how each change ended, by whom, and how long it waited")
    func history() {
        var world = Self.updated(Self.policy(steps: Self.weights(50, pause: nil), analysis: Self.judged))
        world.run(.seconds(60))
        world.policy.revision = "v3"
        world.run(.seconds(60))
        world.request(.abort, "v3", id: "a")
        world.run(.seconds(60))
        world.policy.revision = "v4"
        world.behaviours["v4"] = World.Behaviour(errorRate: 0.5)
        world.run(.seconds(120))
        world.policy.revision = "v5"
        world.run(.seconds(60))
        world.request(.resume, "v5", id: "b")
        world.settle()
        #expect(world.state.history.map(\.outcome) == [.promoted, .rolledBack, .aborted, .superseded, .promoted])
        #expect(world.state.history[0].pausedSeconds >= 50)
        #expect(world.state.history[2].message.contains("request a"))
        #expect(world.state.history.allSatisfy { $0.finishedAt >= $0.startedAt })
    }

    // MARK: Ownership and deletion

    @Test("66 a child that belongs to another stalls this one, and it heals when the child is free")
    func conflict() {
        var world = World(Self.policy())
        world.conflicts = [OwnershipConflict(child: "Service \"churn\"", owner: "ModelDeployment \"elder\"")]
        world.run(.seconds(20))
        #expect(world.situation.reason == "TargetAlreadyManaged" && world.situation.message.contains("elder"))
        #expect(world.tracks.isEmpty && world.reasons == [.conflict])
        world.conflicts = []
        world.settle()
        #expect(world.situation.readiness == .ready)
    }

    @Test("64 deleted at half way: the stable revision serves alone before the object goes")
    func deletion() {
        var world = Self.updated(Self.policy(steps: Self.weights(50, pause: nil)))
        world.run(.seconds(30))
        world.policy.deletedAt = world.now
        world.run(.seconds(60))
        #expect(world.isGone && world.orphaned)
        #expect(world.available("v1") == 4 && world.desired("v2") == 0)
        #expect(world.services == ["churn": nil, "churn-stable": "v1", "churn-canary": "v1"])
    }

    @Test("64 a stable track that cannot come back does not hold the object longer than a minute")
    func deletionBounded() {
        var world = Self.updated(Self.policy(steps: Self.weights(50, pause: nil)))
        world.run(.seconds(30))
        world.behaviours["v1"] = World.Behaviour(readyAfter: nil)
        let start = world.now
        world.policy.deletedAt = start
        world.run(.seconds(120))
        #expect(world.isGone && (world.now - start) < .seconds(60) && world.reasons.contains(.released))
    }

    @Test("the other ways of deletion let go at once", arguments: [DeletionPolicy.orphan, .delete])
    func otherDeletions(deletion: DeletionPolicy) {
        var world = Self.updated(Self.policy(steps: Self.weights(50, pause: nil)))
        world.run(.seconds(30))
        world.policy.deletion = deletion
        world.policy.deletedAt = world.now
        world.reconcile()
        #expect(world.isGone && world.orphaned == (deletion == .orphan) && world.desired("v2") == 2)
    }

    @Test("a namespace that is going takes the object with it at once")
    func namespaceDeletion() {
        var world = Self.updated(Self.policy(steps: Self.weights(50, pause: nil)))
        world.run(.seconds(30))
        world.isNamespaceTerminating = true
        world.policy.deletedAt = world.now
        world.reconcile()
        #expect(world.isGone && !world.orphaned)
    }

    @Test("a wrong specification moves nothing and names what is wrong")
    func invalid() {
        var world = Self.updated(Self.policy(steps: Self.weights(50, pause: nil)))
        world.run(.seconds(30))
        let before = world.tracks.mapValues(\.desired)
        world.policy.errors = ["spec.replicas: -1 is below 0; use a whole number"]
        world.run(.seconds(60))
        #expect(world.situation.reason == "InvalidSpec" && world.situation.message.contains("spec.replicas: -1"))
        #expect(world.tracks.mapValues(\.desired) == before && world.reasons.filter { $0 == .invalidSpec }.count == 1)
    }

    @Test("31 without replicas a rollout waits for traffic to judge by")
    func noReplicas() {
        var world = Self.updated(Self.policy(replicas: 0, steps: Self.weights(50, pause: .zero)))
        world.run(.seconds(60))
        #expect(world.situation.reason == "ScaledToZero" && world.desired("v2") == 0)
        world.policy.replicas = 2
        world.settle()
        #expect(world.state.stable?.revision == "v2" && world.available("v2") == 2)
    }
}
