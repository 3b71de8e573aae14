import EmbeddedAPI
import JSON
import Kubernetes
import Testing

@testable import EmbeddedControllers

@Suite("Jobs")
struct JobTests {
    private func makeJob(_ bench: Bench, _ spec: JSONValue) throws {
        var spec = spec
        spec["template"] = [
            "metadata": ["labels": ["app": "task"]],
            "spec": ["restartPolicy": "Never", "containers": [["name": "main", "image": "sh"]]],
        ]
        try bench.create(.job, ["metadata": ["name": "task"], "spec": spec])
    }

    @Test("a job runs to its number of completions, and goes when its time after that is over")
    func completes() throws {
        let kubelet = ScriptedKubelet { _ in .ends(after: .seconds(5), phase: "Succeeded") }
        let bench = try Bench([JobController(), GarbageCollector(), kubelet])
        try makeJob(bench, ["completions": 3, "parallelism": 2, "ttlSecondsAfterFinished": 100])
        bench.run(for: .seconds(1))
        #expect(try bench.get(.job, "task").status["active"] == 2)
        bench.run(for: .seconds(30))
        let job = try bench.get(.job, "task")
        #expect(job.hasTrueCondition("Complete"))
        #expect(job.status["succeeded"] == 3)
        #expect(job.status["active"] == nil)
        #expect(job.status["completionTime"] != nil)
        #expect(bench.events.contains("Completed: Job completed"))
        bench.run(for: .seconds(100))
        #expect(bench.list(.job).isEmpty)
        #expect(bench.list(.pod).isEmpty)
    }

    @Test("pods that fail are replaced after longer and longer waits, until the job has failed")
    func fails() throws {
        let kubelet = ScriptedKubelet { _ in .ends(after: .seconds(1), phase: "Failed") }
        let bench = try Bench([JobController(), kubelet])
        try makeJob(bench, ["backoffLimit": 2])
        bench.run(for: .seconds(10))
        #expect(bench.list(.pod).count == 1)
        bench.run(for: .seconds(300))
        let job = try bench.get(.job, "task")
        #expect(bench.list(.pod).count == 3)
        #expect(job.status["failed"] == 3)
        #expect(job.condition("Failed")?["reason"] == "BackoffLimitExceeded")
        #expect(bench.events.contains("BackoffLimitExceeded: Job has reached the specified backoff limit"))
    }

    @Test("a job that takes too long is stopped, and its pods with it")
    func deadline() throws {
        let bench = try Bench([JobController(), ScriptedKubelet()])
        try makeJob(bench, ["activeDeadlineSeconds": 60])
        bench.run(for: .seconds(59))
        #expect(bench.list(.pod).count == 1)
        bench.run(for: .seconds(10))
        #expect(bench.list(.pod).isEmpty)
        #expect(try bench.get(.job, "task").condition("Failed")?["reason"] == "DeadlineExceeded")
    }
}
