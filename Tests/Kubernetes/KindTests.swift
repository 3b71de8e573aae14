import JSON
import Testing

@testable import Kubernetes

@Suite("Kinds") struct KindTests {
    private func read<Object: KubernetesObject>(_ type: Object.Type = Object.self, _ text: String) throws -> Object {
        try Object(parsing: Array(text.utf8))
    }

    @Test("a pod tells why it does not serve") func pod() throws {
        let pod = try read(
            Pod.self,
            #"""
            {"metadata":{"name":"p"},"spec":{"nodeName":"n1"},"status":{"phase":"Running","podIP":"10.0.0.1","conditions":[
            {"type":"Ready","status":"False"},
            {"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes"}],
            "containerStatuses":[{"name":"model","ready":false,"restartCount":3,"state":{"waiting":{
            "reason":"CrashLoopBackOff","message":"back-off"}},"lastState":{"terminated":{"exitCode":137,
            "reason":"OOMKilled","finishedAt":"2026-11-20T17:28:00Z"}}}]}}
            """#
        )
        #expect(!pod.isReady && pod.nodeName == "n1" && pod.unschedulable == "0/3 nodes")
        let container = try #require(pod.containers.first)
        #expect(container.waitingReason == "CrashLoopBackOff" && container.restartCount == 3)
        #expect(
            container.lastEnd?.exitCode == 137 && container.lastEnd?.reason == "OOMKilled" && container.ended == nil
        )
        #expect(container.lastEnd?.finishedAt == Timestamp("2026-11-20T17:28:00Z"))
    }

    @Test("a Deployment is rolled out when its status speaks of the newest generation and all pods are new")
    func deployment() throws {
        func made(_ observed: Int, _ updated: Int, _ available: Int, _ total: Int) throws -> Deployment {
            try read(
                Deployment.self,
                #"""
                {"metadata":{"name":"d","generation":4},"spec":{"replicas":3,"selector":{"matchLabels":{"a":"b"}}},
                "status":{"observedGeneration":\#(observed),"replicas":\#(total),"updatedReplicas":\#(updated),
                "availableReplicas":\#(available)}}
                """#
            )
        }
        #expect(try made(4, 3, 3, 3).isRolledOut)
        for stale in [try made(3, 3, 3, 3), try made(4, 2, 3, 3), try made(4, 3, 2, 3), try made(4, 3, 3, 4)] {
            #expect(!stale.isRolledOut)
        }
        #expect(try made(4, 3, 3, 3).matchLabels == ["a": "b"])
    }

    @Test("a Lease keeps microseconds and what it does not know") func lease() throws {
        var lease = try read(
            Lease.self,
            #"{"metadata":{"name":"l"},"spec":{"holderIdentity":"a","renewTime":"2026-11-20T17:28:00.000001Z","x":1}}"#
        )
        #expect(lease.holder == "a" && lease.renewTime?.microseconds == 1_795_195_680_000_001)
        lease.holder = "b"
        lease.leaseTransitions = 2
        lease.acquireTime = lease.renewTime
        let written = try JSONValue(parsing: lease.bytes())
        #expect(
            written["spec"] == [
                "holderIdentity": "b", "renewTime": "2026-11-20T17:28:00.000001Z", "x": 1, "leaseTransitions": 2,
                "acquireTime": "2026-11-20T17:28:00.000001Z",
            ]
        )
        #expect(written["apiVersion"] == "coordination.k8s.io/v1" && written["kind"] == "Lease")
    }

    @Test("endpoints are read from both forms") func endpoints() throws {
        let slice = try read(
            EndpointSlice.self,
            #"""
            {"metadata":{"name":"s","labels":{"kubernetes.io/service-name":"svc"}},"addressType":"IPv4","endpoints":[
            {"addresses":["10.0.0.1"],"conditions":{"ready":true},"targetRef":{"kind":"Pod","name":"p1"}},
            {"addresses":["10.0.0.2"],"conditions":{"ready":false,"serving":true,"terminating":true}},
            {"addresses":["10.0.0.3"]}]}
            """#
        )
        #expect(slice.serviceName == "svc" && slice.endpoints.map(\.isReady) == [true, false, true])
        #expect(slice.endpoints[0].pod == "p1" && slice.endpoints[1].isServing && slice.endpoints[1].isTerminating)
        let old = try read(
            Endpoints.self,
            #"""
            {"metadata":{"name":"svc"},"subsets":[{"addresses":[{"ip":"10.0.0.1","targetRef":{"kind":"Pod","name":"p1"}}],
            "notReadyAddresses":[{"ip":"10.0.0.2"}]},{"addresses":[{"ip":"10.0.0.3"}]}]}
            """#
        )
        #expect(old.ready.map(\.ip) == ["10.0.0.1", "10.0.0.3"] && old.notReady.map(\.ip) == ["10.0.0.2"])
        #expect(old.ready.first?.pod == "p1")
    }

    @Test("a Secret's bytes are decoded and set; a node, a Service and a definition tell their state") func others()
        throws
    {
        var secret = try read(Secret.self, #"{"metadata":{"name":"s"},"data":{"a":"aGk=","b":"%"}}"#)
        #expect(secret.text("a") == "hi" && secret.bytes("b") == nil && secret.bytes("c") == nil)
        secret.set("c", [0, 255])
        #expect(secret.bytes("c") == [0, 255] && secret.text("c") == nil)
        let node = try read(
            Node.self,
            #"""
            {"metadata":{"name":"n"},"spec":{"unschedulable":true,"taints":[{"key":"k","effect":"NoSchedule"}]},
            "status":{"conditions":[{"type":"Ready","status":"True"}],"allocatable":{"cpu":"2"}}}
            """#
        )
        #expect(
            node.isReady && node.isUnschedulable && node.taints.first?.key == "k" && node.allocatable == ["cpu": "2"]
        )
        let service = try read(
            Service.self,
            #"{"metadata":{"name":"s"},"spec":{"ports":[{"port":80,"targetPort":"http"},{"port":81,"targetPort":8081}]}}"#
        )
        #expect(service.ports.map(\.targetPort) == ["http", "8081"] && service.type == "ClusterIP")
        let crd = try read(
            CustomResourceDefinition.self,
            #"""
            {"metadata":{"name":"x"},"spec":{"scope":"Namespaced","versions":[{"name":"v1","served":true},
            {"name":"v0","served":false}]},"status":{"conditions":[{"type":"Established","status":"True"}]}}
            """#
        )
        #expect(crd.isEstablished && crd.isNamespaced && crd.servedVersions == ["v1"])
    }
}
