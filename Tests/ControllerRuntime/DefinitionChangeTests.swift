import Foundation
import JSON
import Kubernetes
import Testing

@testable import ControllerRuntime

/// Against a real API server, whose definitions change underneath.
@Suite(
    "Definitions that change",
    .enabled(if: ProcessInfo.processInfo.environment["HOMEOSTAT_TEST_KUBECONFIG"] != nil),
    .timeLimit(.minutes(2))
)
struct DefinitionChangeTests {
    private let client: KubernetesClient
    private let plural = "gadgets\(UInt32.random(in: 0...UInt32.max))"

    init() throws {
        let environment = ProcessInfo.processInfo.environment
        client = try KubernetesClient(
            configuration: try ClientConfiguration.load(
                path: environment["HOMEOSTAT_TEST_KUBECONFIG"],
                environment: environment
            )
        )
    }

    private func definition(_ versions: [(name: String, isStored: Bool)]) -> DynamicObject {
        let list: [JSONValue] = versions.map { version in
            [
                "name": .string(version.name), "served": true, "storage": .bool(version.isStored),
                "schema": ["openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]],
            ]
        }
        return DynamicObject(
            metadata: ObjectMeta(name: "\(plural).test.homeostat.dev"),
            fields: [
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "spec": [
                    "group": "test.homeostat.dev", "scope": "Namespaced", "versions": .array(list),
                    "names": ["kind": "Gadget", "plural": .string(plural)],
                ],
            ]
        )
    }

    private func gadget(_ name: String) -> DynamicObject {
        DynamicObject(
            metadata: ObjectMeta(name: name, namespace: "default"),
            fields: ["apiVersion": "test.homeostat.dev/v1", "kind": "Gadget"]
        )
    }

    @Test("7.35 a further version, and another one that is stored, leave the cache as it is and following")
    func versions() async throws {
        let definitions = client.resource(of: .customResourceDefinition)
        let type = ResourceType(group: "test.homeostat.dev", version: "v1", kind: "Gadget", plural: plural)
        let gadgets = client.resource(of: type)
        let informer = Informer(client: gadgets)
        let run = Task { try await informer.run() }
        defer { run.cancel() }
        // The informer waits for a kind that is not there yet.
        let made = try await definitions.create(definition([("v1", true)]))
        try await informer.waitUntilSynced()
        _ = try await gadgets.create(gadget("before"))

        var changed = definition([("v1", false), ("v2", true)])
        changed.metadata.resourceVersion = try await definitions.get(made.key).metadata.resourceVersion
        _ = try await definitions.replace(changed)
        let after = try await gadgets.create(gadget("after"))
        await withCheckedContinuation { (seen: CheckedContinuation<Void, Never>) in
            let isThere = informer.store.notify(when: .written(after)) { seen.resume() }
            if isThere { seen.resume() }
        }
        #expect(Set(informer.store.list().map(\.metadata.name)) == ["before", "after"])
        try await definitions.delete(made.key)
    }
}
