import JSON
import Kubernetes
import Testing

@testable import EmbeddedControllers

@Suite("What a job's pods mean for it")
struct JobStateTests {
    private let now = Timestamp(seconds: 1_800_000_000)

    private func state(_ spec: JSONValue, _ phases: [String], status: JSONValue = [:], ended: Int = 0) -> JobState {
        let pods = phases.enumerated().map { index, phase -> JSONValue in
            let finished = (now - .seconds(ended)).description
            return [
                "metadata": ["name": .string("pod-\(index)")], "spec": [:],
                "status": [
                    "phase": .string(phase),
                    "containerStatuses": [["state": ["terminated": ["finishedAt": .string(finished)]]]],
                ],
            ]
        }
        return JobState(["spec": spec, "status": status], pods, now: now)
    }

    @Test("as many pods run as are still needed, but no more than may at once")
    func parallelism() {
        let spec: JSONValue = ["completions": 5, "parallelism": 3]
        #expect(state(spec, []).decide() == .run(change: 3))
        #expect(state(spec, ["Running", "Succeeded"]).decide() == .run(change: 2))
        #expect(state(spec, ["Succeeded", "Succeeded", "Succeeded", "Succeeded"]).decide() == .run(change: 1))
        #expect(state(spec, ["Running", "Running", "Running", "Running"]).decide() == .run(change: -1))
        #expect(state(spec, Array(repeating: "Succeeded", count: 5)).decide() == .complete)
    }

    @Test("without a number of completions the first success ends the queue, when the rest is done")
    func workQueue() {
        let spec: JSONValue = ["parallelism": 2]
        #expect(state(spec, []).decide() == .run(change: 2))
        #expect(state(spec, ["Succeeded", "Running"]).decide() == .run(change: 0))
        #expect(state(spec, ["Succeeded", "Succeeded"]).decide() == .complete)
    }

    @Test("a job fails when more pods failed than its limit, or its time is over")
    func limits() {
        let spec: JSONValue = ["completions": 1, "backoffLimit": 1]
        #expect(state(spec, ["Failed"]).decide() == .run(change: 1))
        #expect(
            state(spec, ["Failed", "Failed"]).decide()
                == .fail(reason: "BackoffLimitExceeded", message: "Job has reached the specified backoff limit")
        )
        let start: JSONValue = ["startTime": .string((now - .seconds(10)).description)]
        #expect(
            state(["completions": 1, "activeDeadlineSeconds": 10], ["Running"], status: start).decide()
                == .fail(reason: "DeadlineExceeded", message: "Job was active longer than specified deadline")
        )
        #expect(
            state(["completions": 1, "activeDeadlineSeconds": 11], ["Running"], status: start).decide()
                == .run(change: 0)
        )
    }

    @Test("pods that were counted and then deleted still count")
    func counted() {
        #expect(state(["completions": 2], ["Succeeded"], status: ["succeeded": 2]).decide() == .complete)
        #expect(state(["backoffLimit": 1], ["Failed"], status: ["failed": 2]).status["failed"] == 2)
    }

    @Test(
        "the wait before the next pod doubles with each failure, up to six minutes",
        arguments: [
            (1, 10), (2, 20), (3, 40), (6, 320), (7, 360), (40, 360),
        ]
    )
    func wait(failures: Int, seconds: Int) {
        let state = state(
            ["completions": 1, "backoffLimit": 100],
            Array(repeating: "Failed", count: failures),
            ended: 4
        )
        #expect(state.wait(firstWait: 10, longestWait: 360) == .seconds(seconds - 4))
    }
}
