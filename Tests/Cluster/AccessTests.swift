import Foundation
import JSON
import Testing

/// The operator as it is installed: in the cluster, from its image, with the rights of its roles.
///
/// All operators of the cluster tests act as this service account, so the API server's audit log tells what they needed.
@Suite(.serialized, .enabled(if: TestCluster.isAvailable, "no cluster"), .timeLimit(.minutes(10)))
struct AccessTests {
    /// One thing that a role allows.
    private struct Right: Hashable, CustomStringConvertible {
        var role: String
        var group: String
        var resource: String
        var verb: String
        /// The one object it is about; nil for all.
        var name: String?
        var description: String { "\(role): \(verb) \(resource).\(group)\(name.map { " \"\($0)\"" } ?? "")" }
    }

    /// One request of the operator.
    private struct Use: Hashable, CustomStringConvertible {
        var group: String
        var resource: String
        var verb: String
        var name: String
        var isAllowed: Bool
        var description: String { "\(verb) \(resource).\(group) \"\(name)\"" }
    }

    @Test("installed in the cluster, it promotes, rolls back, reads Secrets and lets go, and needs just its rights")
    func installed() async throws {
        try await Scenario.run("installed", withOperator: false) { scenario in
            try await Self.withOperator(of: scenario) { try await Self.walk(through: scenario) }
            try await Self.checkRights(scenario.cluster)
        }
    }

    /// Everything that the operator does of its own accord.
    private static func walk(through scenario: Scenario) async throws {
        let fixture = ModelFixture(
            replicas: 1,
            steps: [.weight(50, "half"), .pause("soak", "1s")],
            more: ["progressDeadlineSeconds": 60, "revisionHistoryLimit": 0]
        )
        try await scenario.establish(fixture)
        try await scenario.apply(fixture.version("1.1.0"))
        try await scenario.settled(at: "1.1.0")
        let broken = fixture.version("1.2.0") { fixture in
            fixture.image = "localhost/nothing:none"
            fixture.more["progressDeadlineSeconds"] = 3
        }
        try await scenario.apply(broken)
        try await scenario.model("churn", "to be rolled back") {
            $0.condition("Stalled")?["reason"] == "RolledBack"
        }
        try await Self.judge(with: fixture, in: scenario)
        try await TestCluster.kubectl(["-n", scenario.namespace, "delete", "mdep", "churn", "--timeout=60s"])
        // A Service that points elsewhere is put right, one that is gone is made again: by the next object.
        try await scenario.establish(fixture)
        try await TestCluster.kubectl(["-n", scenario.namespace, "delete", "service", "churn-canary"])
        try await eventually("the Service to be made again") {
            try await scenario.services().contains { $0.objectName == "churn-canary" }
        }
        let leases = try await scenario.cluster.items(
            "/apis/coordination.k8s.io/v1/namespaces/\(TestCluster.systemNamespace)/leases"
        )
        #expect(
            leases.first { $0.objectName == "homeostat" }?.at("spec.holderIdentity")?.string?.isEmpty == false
        )
    }

    /// A canary whose Prometheus asks for a token that stands in a Secret.
    private static func judge(with fixture: ModelFixture, in scenario: Scenario) async throws {
        let secret: JSONValue = [
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "prometheus"], "stringData": ["token": "t"],
        ]
        try await TestCluster.kubectl(["-n", scenario.namespace, "apply", "-f", "-"], input: "\(secret)")
        var judged = fixture.version("1.3.0")
        judged.steps = [.weight(50, "half"), .analysis("judge")]
        judged.more["analysis"] = [
            // Nobody listens there: what counts is that the token was read.
            "prometheus": [
                "address": "http://127.0.0.1:9",
                "auth": ["bearerToken": ["secretName": "prometheus", "key": "token"]],
            ],
            "interval": "1s",
            "metrics": [["name": "errors", "errorRate": ["total": "a_total", "failed": "b_total"]]],
        ]
        try await scenario.apply(judged)
        try await scenario.model("churn", "to find no Prometheus") {
            $0.at("status.verdicts")?[0]?["verdict"] == "Unavailable"
        }
    }

    /// Runs a body while the operator of the manifests runs, for the scenario's namespace alone.
    private static func withOperator(of scenario: Scenario, _ body: () async throws -> Void) async throws {
        var deployment = try #require(
            scenario.cluster.manifests.first {
                $0["kind"] == "Deployment" && $0.objectName == "homeostat"
            }
        )
        let path = ["spec", "template", "spec"]
        var containers = try #require(deployment[path: path + ["containers"]]?.array)
        containers[0]["args"] = .array(
            (containers[0]["args"]?.array ?? []) + ["--namespace", .string(scenario.namespace)]
        )
        deployment[path: path + ["containers"]] = .array(containers)
        let namespace = ["-n", TestCluster.systemNamespace]
        let result: Result<Void, any Error>
        do {
            try await TestCluster.kubectl(["apply", "-f", "-"], input: "\(deployment)")
            try await TestCluster.kubectl(
                namespace + ["rollout", "status", "deployment/homeostat", "--timeout=60s"],
                limit: .seconds(70)
            )
            try await body()
            result = .success(())
        } catch {
            let logs = try await TestCluster.attempt(
                namespace + ["logs", "-l", "app.kubernetes.io/name=homeostat", "--tail=30"]
            )
            result = .failure(HarnessError("\(error)\n\(logs.text)\(logs.errors)"))
        }
        try await TestCluster.kubectl(namespace + ["delete", "deployment", "homeostat", "--timeout=60s"])
        try result.get()
    }

    private static func checkRights(_ cluster: TestCluster) async throws {
        let log = try #require(TestCluster.auditLog)
        let lines = try await Command.run(
            ["grep", "-F", "\"username\":\"\(TestCluster.operatorUser)\"", log],
            limit: .seconds(60)
        )
        var uses: Set<Use> = []
        for line in lines.split(separator: "\n") {
            let entry = try JSONValue(parsing: String(line))
            guard let object = entry["objectRef"], let verb = entry["verb"]?.string else { continue }
            let sub = object["subresource"]?.string.map { "/\($0)" } ?? ""
            uses.insert(
                Use(
                    group: object["apiGroup"]?.string ?? "",
                    resource: (object["resource"]?.string ?? "") + sub,
                    verb: verb,
                    name: object["name"]?.string ?? "",
                    isAllowed: entry["annotations"]?["authorization.k8s.io/decision"] == "allow"
                )
            )
        }
        #expect(uses.count > 10)
        let refused = uses.filter { !$0.isAllowed }
        #expect(refused.isEmpty, "refused: \(refused)")
        let rights = rights(cluster.manifests)
        #expect(rights.count > 10)
        let unused = rights.filter { right in
            !uses.contains { use in
                use.group == right.group && use.resource == right.resource && use.verb == right.verb
                    && (right.name == nil || right.name == use.name)
            }
        }
        #expect(unused.isEmpty, "unused: \(unused)")
    }

    /// What the roles that are bound to the operator's service account allow.
    private static func rights(_ manifests: [JSONValue]) -> [Right] {
        let bound = manifests.filter { $0["kind"]?.string?.hasSuffix("RoleBinding") == true }
            .filter { binding in binding["subjects"]?.array?.contains { $0["name"] == "homeostat" } == true }
            .compactMap { $0.at("roleRef.name")?.string }
        func strings(_ value: JSONValue?) -> [String] { value?.array?.compactMap(\.string) ?? [] }
        return
            manifests
            .filter { ["Role", "ClusterRole"].contains($0["kind"]?.string) && bound.contains($0.objectName) }
            .flatMap { role in
                (role["rules"]?.array ?? []).flatMap { rule -> [Right] in
                    let names = strings(rule["resourceNames"])
                    return strings(rule["apiGroups"]).flatMap { group in
                        strings(rule["resources"]).flatMap { resource in
                            strings(rule["verbs"]).flatMap { verb in
                                (names.isEmpty ? [nil] : names.map { .some($0) }).map { name in
                                    Right(
                                        role: role.objectName,
                                        group: group,
                                        resource: resource,
                                        verb: verb,
                                        name: name
                                    )
                                }
                            }
                        }
                    }
                }
            }
            // No request is ever made of it: admission looks whether it is granted when an owner is written that may not
            // be deleted before its children.
            .filter { $0.resource != "modeldeployments/finalizers" }
    }
}
