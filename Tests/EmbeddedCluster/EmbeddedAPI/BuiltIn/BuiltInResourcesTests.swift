import EmbeddedAPI
import JSON
import Kubernetes
import ObjectSchema
import Testing

@Suite("The built-in resources")
struct BuiltInResourcesTests {
    private func definition(_ apiVersion: String, _ kind: String) throws -> ResourceDefinition {
        try #require(BuiltInResources.all.first { $0.type.apiVersion == apiVersion && $0.type.kind == kind })
    }

    @Test("every resource has a schema with its kind, and is kept in a version that keeps itself") func all() throws {
        for definition in BuiltInResources.all {
            #expect(definition.schema.names("metadata"))
            let stored = try #require(BuiltInResources.all.first { $0.type == definition.stored })
            #expect(stored.stored == stored.type)
        }
    }

    @Test("an event of the one group reads as one of the other") func events() throws {
        let definition = try definition("events.k8s.io/v1", "Event")
        let event: JSONValue = [
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "regarding": ["name": "a"], "note": "n",
            "reportingController": "c", "action": "act",
        ]
        let core: JSONValue = [
            "apiVersion": "v1", "kind": "Event", "involvedObject": ["name": "a"], "message": "n",
            "reportingComponent": "c", "action": "act",
        ]
        #expect(definition.toStored(event) == core)
        #expect(definition.fromStored(core) == event)
    }

    @Test("an autoscaler keeps what the old version has no field for") func autoscalers() throws {
        let definition = try definition("autoscaling/v1", "HorizontalPodAutoscaler")
        let stored: JSONValue = [
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": ["name": "a"],
            "spec": [
                "maxReplicas": 3,
                "metrics": [
                    ["type": "Pods", "pods": ["metric": ["name": "m"]]],
                    [
                        "type": "Resource",
                        "resource": ["name": "cpu", "target": ["type": "Utilization", "averageUtilization": 50]],
                    ],
                ],
                "behavior": ["scaleDown": ["stabilizationWindowSeconds": 5]],
            ],
        ]
        let old = definition.fromStored(stored)
        #expect(old["spec"] == ["maxReplicas": 3, "targetCPUUtilizationPercentage": 50])
        #expect(definition.toStored(old) == stored)
    }

    @Test("an endpoint's zone goes both ways") func slices() throws {
        let definition = try definition("discovery.k8s.io/v1beta1", "EndpointSlice")
        let beta: JSONValue = [
            "apiVersion": "discovery.k8s.io/v1beta1", "kind": "EndpointSlice",
            "endpoints": [
                ["addresses": ["1.2.3.4"], "topology": ["topology.kubernetes.io/zone": "z", "rack": "r"]]
            ],
        ]
        let stored = definition.toStored(beta)
        #expect(stored["endpoints"]?[0]?["zone"] == "z")
        #expect(stored["endpoints"]?[0]?["deprecatedTopology"] == ["rack": "r"])
        #expect(definition.fromStored(stored) == beta)
    }

    @Test("an empty selector of a budget keeps meaning no pods") func budgets() throws {
        let definition = try definition("policy/v1beta1", "PodDisruptionBudget")
        let beta: JSONValue = ["apiVersion": "policy/v1beta1", "spec": ["selector": [:]]]
        let stored = definition.toStored(beta)
        #expect(stored["spec"]?["selector"]?["matchExpressions"]?[0]?["operator"] == "Exists")
        #expect(definition.fromStored(stored) == beta)
    }
}
