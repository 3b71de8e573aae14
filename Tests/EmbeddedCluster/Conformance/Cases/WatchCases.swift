import HTTPTransport
import JSON
import Testing

/// Watches.
enum WatchCases {
    /// Type and name of events, as `ADDED a`.
    private static func told(_ events: [JSONValue]) -> [String] {
        events.map { "\($0.at("type")?.string ?? "") \($0.at("object.metadata.name")?.string ?? "")" }
    }

    private static let path = "v1/configmaps"

    static let all: [ConformanceCase] = [
        ConformanceCase("a watch from a version tells what came after it, in order") { api in
            let before = try await api.version("v1/secrets")
            try await api.create("v1/secrets", ["metadata": ["name": "a"], "type": "x/x"])
            try await api.patch(.merge, "v1/secrets/a", ["data": ["k": "dg=="]]).must(200)
            try await api.delete("v1/secrets/a").must(200)
            let events = try await api.watch(
                "v1/secrets?resourceVersion=\(before)&fieldSelector=type%3Dx/x",
                take: 3
            )
            #expect(told(events) == ["ADDED a", "MODIFIED a", "DELETED a"])
            let versions = events.compactMap { Int($0.at("object.metadata.resourceVersion")?.string ?? "") }
            #expect(versions.count == 3 && versions == versions.sorted() && Set(versions).count == 3)
            #expect(events.last?.at("object.data.k") == "dg==")
            #expect(events.first?.at("object.kind") == "Secret")
        },
        ConformanceCase("a watch without a version begins with what is there") { api in
            try await api.create(path, Sample.configMap("a", labels: ["x": "1"]))
            let events = try await api.watch("\(path)?labelSelector=x", take: 2) {
                try await api.create(path, Sample.configMap("b", labels: ["x": "1"]))
            }
            #expect(told(events) == ["ADDED a", "ADDED b"])
        },
        ConformanceCase("a watch from version 0 begins with what is there") { api in
            try await api.create(path, Sample.configMap("a", labels: ["x": "1"]))
            let events = try await api.watch("\(path)?labelSelector=x&resourceVersion=0", take: 2) {
                try await api.patch(.merge, "\(path)/a", ["data": ["k": "v"]]).must(200)
            }
            #expect(told(events) == ["ADDED a", "MODIFIED a"])
        },
        ConformanceCase("a watch from an object's version leaves that change out") { api in
            let made = try await api.create(path, Sample.configMap("a"))
            try await api.patch(.merge, "\(path)/a", ["data": ["k": "v"]]).must(200)
            let events = try await api.watch(
                "\(path)?fieldSelector=metadata.name%3Da&resourceVersion=\(made.version)",
                take: 1
            )
            #expect(told(events) == ["MODIFIED a"])
        },
        ConformanceCase("what a label selector loses is told as deleted, and what it gains as added") { api in
            let before = try await api.version()
            try await api.create(path, Sample.configMap("a", labels: ["x": "1"]))
            try await api.patch(.merge, "\(path)/a", ["metadata": ["labels": ["x": "2"]]]).must(200)
            try await api.patch(.merge, "\(path)/a", ["metadata": ["labels": ["x": "1"]]]).must(200)
            try await api.patch(.merge, "\(path)/a", ["metadata": ["labels": ["x": "1", "y": "1"]]]).must(200)
            let events = try await api.watch("\(path)?labelSelector=x%3D1&resourceVersion=\(before)", take: 4)
            #expect(told(events) == ["ADDED a", "DELETED a", "ADDED a", "MODIFIED a"])
            // The lost object is told as it was, with the version of the change that lost it.
            #expect(events[1].at("object.metadata.labels.x") == "1")
            #expect(
                Int(events[1].at("object.metadata.resourceVersion")?.string ?? "") ?? 0
                    > Int(events[0].at("object.metadata.resourceVersion")?.string ?? "") ?? 0
            )
        },
        ConformanceCase("a field selector narrows a watch to one object") { api in
            let before = try await api.version()
            for name in ["a", "b"] { try await api.create(path, Sample.configMap(name)) }
            let events = try await api.watch(
                "\(path)?fieldSelector=metadata.name%3Db&resourceVersion=\(before)",
                take: 1
            )
            #expect(told(events) == ["ADDED b"])
        },
        ConformanceCase("a watch over all namespaces tells the namespace") { api in
            let before = try await api.version()
            try await api.create(path, Sample.configMap("a", labels: ["in": .string(api.namespace)]))
            let events = try await api.watch(
                "/api/v1/configmaps?labelSelector=in%3D$NS&resourceVersion=\(before)",
                take: 1
            )
            #expect(events.first?.at("object.metadata.namespace")?.string == api.namespace)
        },
        ConformanceCase("a write that changes nothing is no event") { api in
            let made = try await api.create(path, Sample.configMap("a"))
            try await api.put("\(path)/a", made.json).must(200)
            try await api.patch(.merge, "\(path)/a", ["data": ["k": "v"]]).must(200)
            let events = try await api.watch(
                "\(path)?fieldSelector=metadata.name%3Da&resourceVersion=\(made.version)",
                take: 1
            )
            #expect(events.first?.at("object.data.k") == "v")
        },
        ConformanceCase("a dry run is no event") { api in
            let before = try await api.version()
            try await api.create("\(path)?dryRun=All", Sample.configMap("a", labels: ["x": "1"]))
            try await api.create(path, Sample.configMap("b", labels: ["x": "1"]))
            let events = try await api.watch("\(path)?labelSelector=x&resourceVersion=\(before)", take: 1)
            #expect(told(events) == ["ADDED b"])
        },
        ConformanceCase("a finalizer makes a deletion two events") { api in
            let before = try await api.version()
            var object = Sample.configMap("a", labels: ["x": "1"])
            object["metadata"]?["finalizers"] = ["example.com/wait"]
            try await api.create(path, object)
            try await api.delete("\(path)/a").must(200)
            try await api.patch(.merge, "\(path)/a", ["metadata": ["finalizers": .null]]).must(200)
            let events = try await api.watch("\(path)?labelSelector=x&resourceVersion=\(before)", take: 3)
            #expect(told(events) == ["ADDED a", "MODIFIED a", "DELETED a"])
            #expect(events[1].at("object.metadata.deletionTimestamp") != nil)
        },
        ConformanceCase("a change of the status is an event") { api in
            let before = try await api.version("autoscaling/v1/horizontalpodautoscalers")
            try await api.create(
                "autoscaling/v1/horizontalpodautoscalers",
                [
                    "metadata": ["name": "a"],
                    "spec": ["maxReplicas": 3, "scaleTargetRef": ["kind": "Nothing", "name": "x"]],
                ]
            )
            try await api.patch(
                .merge,
                "autoscaling/v1/horizontalpodautoscalers/a/status",
                ["status": ["currentReplicas": 7]]
            ).must(200)
            let events = try await api.watch(
                "autoscaling/v1/horizontalpodautoscalers?resourceVersion=\(before)",
                take: 2
            )
            #expect(told(events) == ["ADDED a", "MODIFIED a"])
        },
        ConformanceCase("a watch ends after its time") { api in
            let before = try await api.version("v1/services")
            let events = try await api.watch("v1/services?resourceVersion=\(before)&timeoutSeconds=1", take: nil)
            #expect(events.isEmpty)
        },
        ConformanceCase(
            "a watch from a version that is forgotten is told that it is gone",
            needsForgottenVersions: true
        ) { api in
            let events = try await api.watch("\(path)?resourceVersion=1", take: 1)
            let event = try #require(events.first)
            #expect(event["type"] == "ERROR" && event.at("object.kind") == "Status")
            #expect(event.at("object.code") == 410 && event.at("object.reason") == "Expired")
            #expect(event.at("object.message")?.string?.hasPrefix("too old resource version: 1 (") == true)
        },
        ConformanceCase("a watch from what is no version is refused") { api in
            let answer = try await api.get("\(path)?watch=true&resourceVersion=abc&timeoutSeconds=1")
            answer.refuses(
                500,
                "",
                #"resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax"#
            )
        },
        ConformanceCase("a watch takes no resourceVersionMatch") { api in
            try await api.get("\(path)?watch=true&resourceVersion=1&resourceVersionMatch=Exact").refuses(
                422,
                "Invalid",
                #"ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is "#
                    + "forbidden for watch"
            )
        },
        ConformanceCase("a watch tells metadata alone when asked so") { api in
            let before = try await api.version()
            try await api.create(path, Sample.configMap("a", ["k": "v"], labels: ["x": "1"]))
            let events = try await api.watch(
                "\(path)?labelSelector=x&resourceVersion=\(before)",
                take: 1,
                headers: ["Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"]
            )
            let object = try #require(events.first?["object"])
            #expect(object["kind"] == "PartialObjectMetadata" && object["apiVersion"] == "meta.k8s.io/v1")
            #expect(object.at("metadata.name") == "a" && object["data"] == nil)
        },
        ConformanceCase("a watch tells rows of a table when asked so") { api in
            let before = try await api.version()
            try await api.create(path, Sample.configMap("a", ["k": "v"], labels: ["x": "1"]))
            try await api.create(path, Sample.configMap("b", ["k": "v"], labels: ["x": "1"]))
            let events = try await api.watch(
                "\(path)?labelSelector=x&resourceVersion=\(before)",
                take: 2,
                headers: ["Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"]
            )
            #expect(events[0].at("object.kind") == "Table" && events[0].at("object.rows.0.cells.0") == "a")
            #expect(events[0].at("object.columnDefinitions.0.name") == "Name")
            // The columns are told once.
            #expect(
                events[1].at("object.columnDefinitions")?.array == nil && events[1].at("object.rows.0.cells.0") == "b"
            )
        },
        ConformanceCase("custom objects are watched in their version") { api in
            try await api.define(Sample.definition(api))
            let widgets = "$NS.example.com/v1/widgets"
            let before = try await api.version(widgets)
            try await api.create(widgets, Sample.widget(api, "a", ["size": 3]))
            try await api.delete("\(widgets)/a").must(200)
            let events = try await api.watch("\(widgets)?resourceVersion=\(before)", take: 2)
            #expect(told(events) == ["ADDED a", "DELETED a"])
            #expect(events[0].at("object.kind") == "Widget" && events[0].at("object.spec.size") == 3)
        },
    ]
}
