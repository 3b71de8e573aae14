import JSON
import Testing

/// Deletion, finalizers and grace.
enum DeletionCases {
    private static func held(_ name: String) -> JSONValue {
        var object = Sample.configMap(name)
        object["metadata"]?["finalizers"] = ["example.com/wait"]
        return object
    }

    private static func release(_ api: API, _ name: String) async throws {
        try await api.patch(.merge, "v1/configmaps/\(name)", ["metadata": ["finalizers": .null]]).must(200)
    }

    static let all: [ConformanceCase] = [
        ConformanceCase("a deletion says what was deleted") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a"))
            let deleted = try await api.delete("v1/configmaps/a").must(200)
            deleted.has("kind", "Status")
            deleted.has("status", "Success")
            deleted.has("details", ["name": "a", "kind": "configmaps", "uid": .string(made.uid)])
            try await api.get("v1/configmaps/a").must(404)
        },
        ConformanceCase("what does not exist is not deleted") { api in
            try await api.delete("v1/configmaps/a").refuses(404, "NotFound", #"configmaps "a" not found"#)
        },
        ConformanceCase("an object with finalizers waits for them") { api in
            try await api.create("v1/configmaps", held("a"))
            let deleted = try await api.delete("v1/configmaps/a").must(200)
            deleted.has("kind", "ConfigMap")
            deleted.has("metadata.deletionGracePeriodSeconds", 0)
            #expect(deleted["metadata.deletionTimestamp"]?.string?.isEmpty == false)
            try await api.get("v1/configmaps/a").must(200)
            try await release(api, "a")
            try await api.get("v1/configmaps/a").must(404)
        },
        ConformanceCase("deleting twice keeps the first time") { api in
            try await api.create("v1/configmaps", held("a"))
            let first = try await api.delete("v1/configmaps/a").must(200)
            let second = try await api.delete("v1/configmaps/a").must(200)
            #expect(second["metadata.deletionTimestamp"] == first["metadata.deletionTimestamp"])
            #expect(second.version == first.version)
            try await release(api, "a")
        },
        ConformanceCase("what is being deleted takes no new finalizers") { api in
            try await api.create("v1/configmaps", held("a"))
            try await api.delete("v1/configmaps/a").must(200)
            try await api.patch(
                .merge,
                "v1/configmaps/a",
                ["metadata": ["finalizers": ["example.com/wait", "example.com/more"]]]
            ).refuses(
                422,
                "Invalid",
                #"ConfigMap "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the "#
                    + #"object is being deleted, found new finalizers []string{"example.com/more"}"#
            )
            try await release(api, "a")
        },
        ConformanceCase("what is being deleted can still be changed") { api in
            try await api.create("v1/configmaps", held("a"))
            try await api.delete("v1/configmaps/a").must(200)
            try await api.patch(.merge, "v1/configmaps/a", ["data": ["k": "v"]]).must(200).has("data.k", "v")
            try await release(api, "a")
        },
        ConformanceCase("the time of deletion is not the client's to set") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a"))
            var object = made.json
            object["metadata"]?["deletionTimestamp"] = "2001-01-01T00:00:00Z"
            try await api.put("v1/configmaps/a", object).refuses(
                422,
                "Invalid",
                #"ConfigMap "a" is invalid: metadata.deletionTimestamp: Invalid value: 2001-01-01 00:00:00 +0000 UTC: "#
                    + "field is immutable"
            )
        },
        ConformanceCase("a finalizer has a qualified name") { api in
            var object = Sample.configMap("a")
            object["metadata"]?["finalizers"] = ["wait"]
            try await api.post("v1/configmaps", object).refuses(
                422,
                "Invalid",
                #"ConfigMap "a" is invalid: metadata.finalizers[0]: Invalid value: "wait": name is neither a standard "#
                    + "finalizer name nor is it fully qualified"
            )
        },
        ConformanceCase("a deletion of another uid conflicts") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.delete("v1/configmaps/a", ["preconditions": ["uid": "x"]]).refuses(
                409,
                "Conflict",
                #"Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (x) does not match the "#
                    + "UID in record (\(made.uid)). The object might have been deleted and then recreated"
            )
            try await api.delete("v1/configmaps/a", ["preconditions": ["uid": .string(made.uid)]]).must(200)
        },
        ConformanceCase("a deletion of another version conflicts") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.delete("v1/configmaps/a", ["preconditions": ["resourceVersion": "1"]]).refuses(
                409,
                "Conflict",
                #"Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not "#
                    + "match the ResourceVersion in record (\(made.version)). The object might have been modified"
            )
            try await api.delete("v1/configmaps/a", ["preconditions": ["resourceVersion": .string(made.version)]])
                .must(200)
        },
        ConformanceCase("a collection is deleted by selection") { api in
            try await api.create("v1/configmaps", Sample.configMap("a", labels: ["x": "1"]))
            try await api.create("v1/configmaps", Sample.configMap("b", labels: ["x": "1"]))
            try await api.create("v1/configmaps", Sample.configMap("c", labels: ["x": "2"]))
            let deleted = try await api.delete("v1/configmaps?labelSelector=x%3D1").must(200)
            deleted.has("kind", "ConfigMapList")
            #expect(deleted.names == ["a", "b"])
            #expect(try await api.get("v1/configmaps?labelSelector=x").must(200).names == ["c"])
        },
        ConformanceCase("a dry run deletes nothing") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.delete("v1/configmaps/a?dryRun=All").must(200).has("status", "Success")
            try await api.get("v1/configmaps/a").must(200)
            try await api.delete("v1/configmaps/a", ["dryRun": ["All"]]).must(200)
            try await api.get("v1/configmaps/a").must(200)
        },
        ConformanceCase("options of a deletion come in the body or the query") { api in
            try await api.create("v1/configmaps", held("a"))
            let deleted = try await api.delete("v1/configmaps/a?propagationPolicy=Orphan").must(200)
            #expect(deleted["metadata.deletionTimestamp"] != nil)
            try await api.settles("v1/configmaps", "a") { $0?.at("metadata.finalizers") == ["example.com/wait"] }
            try await release(api, "a")
        },
        ConformanceCase("an unknown policy of deletion is refused") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            let refused = try await api.delete("v1/configmaps/a", ["propagationPolicy": "Sometimes"])
            refused.refuses(
                422,
                "Invalid",
                #"DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Sometimes": "#
                    + #"supported values: "Foreground", "Background", "Orphan", "nil""#
            )
        },
        ConformanceCase("a pod that no node has is deleted at once") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a"))
            try await api.delete("v1/pods/a").must(200)
            try await api.get("v1/pods/a").must(404)
        },
        ConformanceCase("a pod on a node has its grace") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a", node: "n1"))
            let deleted = try await api.delete("v1/pods/a").must(200)
            deleted.has("kind", "Pod")
            deleted.has("metadata.deletionGracePeriodSeconds", 30)
            #expect(deleted["metadata.deletionTimestamp"] != nil)
            try await api.get("v1/pods/a").must(200)
            let shorter = try await api.delete("v1/pods/a", ["gracePeriodSeconds": 5]).must(200)
            shorter.has("metadata.deletionGracePeriodSeconds", 5)
            let longer = try await api.delete("v1/pods/a", ["gracePeriodSeconds": 20]).must(200)
            longer.has("metadata.deletionGracePeriodSeconds", 5)
            try await api.delete("v1/pods/a", ["gracePeriodSeconds": 0]).must(200)
            try await api.get("v1/pods/a").must(404)
        },
        ConformanceCase("a pod that is over needs no grace") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a", node: "n1"))
            try await api.patch(.merge, "v1/pods/a/status", ["status": ["phase": "Succeeded"]]).must(200)
            try await api.delete("v1/pods/a").must(200)
            try await api.get("v1/pods/a").must(404)
        },
        ConformanceCase("grace without end is zero at least") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.delete("v1/configmaps/a", ["gracePeriodSeconds": 60]).must(200)
            try await api.get("v1/configmaps/a").must(404)
        },
        ConformanceCase("a custom object with finalizers waits for them") { api in
            try await api.define(Sample.definition(api))
            var widget = Sample.widget(api, "a")
            widget["metadata"]?["finalizers"] = ["example.com/wait"]
            let path = "$NS.example.com/v1/widgets"
            let made = try await api.create(path, widget)
            let deleted = try await api.delete("\(path)/a").must(200)
            deleted.has("kind", "Widget")
            #expect(deleted["metadata.generation"]?.integer ?? 0 == (made["metadata.generation"]?.integer ?? 0) + 1)
            try await api.patch(.merge, "\(path)/a", ["metadata": ["finalizers": .null]]).must(200)
            try await api.get("\(path)/a").must(404)
        },
    ]
}
