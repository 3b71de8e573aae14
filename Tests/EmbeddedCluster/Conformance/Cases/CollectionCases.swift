import JSON
import Testing

/// Garbage collection by owner references.
enum CollectionCases {
    private static let path = "v1/configmaps"

    static let all: [ConformanceCase] = [
        ConformanceCase("what an object owns goes after it") { api in
            let owner = try await api.create(path, Sample.configMap("owner"))
            try await api.create(path, Sample.owned("child", by: owner))
            try await api.delete("\(path)/owner", ["propagationPolicy": "Background"]).must(200)
                .has("status", "Success")
            try await api.gone(path, "child")
        },
        ConformanceCase("background is the policy when none is told") { api in
            let owner = try await api.create(path, Sample.configMap("owner"))
            try await api.create(path, Sample.owned("child", by: owner))
            try await api.delete("\(path)/owner").must(200)
            try await api.get("\(path)/owner").must(404)
            try await api.gone(path, "child")
        },
        ConformanceCase("what owned objects own goes too") { api in
            let owner = try await api.create(path, Sample.configMap("owner"))
            let child = try await api.create(path, Sample.owned("child", by: owner))
            try await api.create(path, Sample.owned("grandchild", by: child))
            try await api.delete("\(path)/owner").must(200)
            try await api.gone(path, "grandchild")
        },
        ConformanceCase("orphans lose their owner and stay") { api in
            let owner = try await api.create(path, Sample.configMap("owner"))
            try await api.create(path, Sample.owned("child", by: owner))
            let deleted = try await api.delete("\(path)/owner", ["propagationPolicy": "Orphan"]).must(200)
            deleted.has("metadata.finalizers", ["orphan"])
            try await api.gone(path, "owner")
            try await api.get("\(path)/child").must(200).has("metadata.ownerReferences", nil)
        },
        ConformanceCase("in the foreground the owner goes last") { api in
            let owner = try await api.create(path, Sample.configMap("owner"))
            var child = Sample.owned("child", by: owner, controls: true, blocks: true)
            child["metadata"]?["finalizers"] = ["example.com/wait"]
            try await api.create(path, child)
            let deleted = try await api.delete("\(path)/owner", ["propagationPolicy": "Foreground"]).must(200)
            deleted.has("metadata.finalizers", ["foregroundDeletion"])
            try await api.settles(path, "child") { $0?.at("metadata.deletionTimestamp") != nil }
            try await api.get("\(path)/owner").must(200)
            try await api.patch(.merge, "\(path)/child", ["metadata": ["finalizers": .null]]).must(200)
            try await api.gone(path, "owner")
        },
        ConformanceCase("in the foreground the owner waits for no child that does not block it") { api in
            let owner = try await api.create(path, Sample.configMap("owner"))
            var child = Sample.owned("child", by: owner)
            child["metadata"]?["finalizers"] = ["example.com/wait"]
            try await api.create(path, child)
            try await api.delete("\(path)/owner", ["propagationPolicy": "Foreground"]).must(200)
            try await api.gone(path, "owner")
            try await api.settles(path, "child") { $0?.at("metadata.deletionTimestamp") != nil }
            try await api.patch(.merge, "\(path)/child", ["metadata": ["finalizers": .null]]).must(200)
        },
        ConformanceCase("a child stays while it has another owner") { api in
            let one = try await api.create(path, Sample.configMap("one"))
            let two = try await api.create(path, Sample.configMap("two"))
            try await api.create(path, Sample.owned("child", by: one, two))
            try await api.delete("\(path)/one").must(200)
            let child = try await api.settles(path, "child") {
                $0?.at("metadata.ownerReferences")?.array?.count == 1
            }
            #expect(child?.at("metadata.ownerReferences.0.name") == "two")
            try await api.delete("\(path)/two").must(200)
            try await api.gone(path, "child")
        },
        ConformanceCase("a child of an owner that never was goes") { api in
            var object = Sample.configMap("child")
            object["metadata"]?["ownerReferences"] = [
                [
                    "apiVersion": "v1", "kind": "ConfigMap", "name": "nobody",
                    "uid": "11111111-2222-3333-4444-555555555555",
                ]
            ]
            try await api.create(path, object)
            try await api.gone(path, "child")
        },
        ConformanceCase("a child of an owner of the same name but another uid goes") { api in
            try await api.create(path, Sample.configMap("owner"))
            var object = Sample.configMap("child")
            object["metadata"]?["ownerReferences"] = [
                [
                    "apiVersion": "v1", "kind": "ConfigMap", "name": "owner",
                    "uid": "11111111-2222-3333-4444-555555555555",
                ]
            ]
            try await api.create(path, object)
            try await api.gone(path, "child")
            try await api.get("\(path)/owner").must(200)
        },
        ConformanceCase("two owners do not both control") { api in
            let one = try await api.create(path, Sample.configMap("one"))
            let two = try await api.create(path, Sample.configMap("two"))
            let refused = try await api.post(path, Sample.owned("child", by: one, two, controls: true))
            refused.refuses(422, "Invalid")
            #expect(
                refused["message"]?.string?
                    .contains("Only one reference can have Controller set to true") == true
            )
        },
        ConformanceCase("an owner reference is complete") { api in
            var object = Sample.configMap("child")
            object["metadata"]?["ownerReferences"] = [["apiVersion": "v1", "kind": "", "name": "", "uid": ""]]
            try await api.post(path, object).refuses(
                422,
                "Invalid",
                #"ConfigMap "child" is invalid: [metadata.ownerReferences.kind: Invalid value: "": kind must not be "#
                    + #"empty, metadata.ownerReferences.name: Invalid value: "": name must not be empty, "#
                    + #"metadata.ownerReferences.uid: Invalid value: "": uid must not be empty]"#
            )
        },
        ConformanceCase("a custom object owns built-in ones") { api in
            try await api.define(Sample.definition(api))
            let widgets = "$NS.example.com/v1/widgets"
            let owner = try await api.create(widgets, Sample.widget(api, "owner"))
            var child = Sample.configMap("child")
            child["metadata"]?["ownerReferences"] = [
                [
                    "apiVersion": .string("\(api.group)/v1"), "kind": "Widget", "name": "owner",
                    "uid": .string(owner.uid),
                ]
            ]
            try await api.create(path, child)
            try await api.delete("\(widgets)/owner").must(200)
            try await api.gone(path, "child")
        },
        ConformanceCase("a deployment's replica sets go with it") { api in
            try await api.create("apps/v1/deployments", Sample.deployment("a"))
            let settled = try await api.settles("apps/v1/deployments", "a") {
                $0?.at("status.observedGeneration")?.integer == 1
            }
            #expect(settled != nil)
            let sets = try await api.get("apps/v1/replicasets").must(200)
            let set = try #require(sets.items.first)
            #expect(set.at("metadata.ownerReferences.0.name") == "a")
            #expect(set.at("metadata.ownerReferences.0.controller") == true)
            try await api.delete("apps/v1/deployments/a").must(200)
            try await api.gone("apps/v1/replicasets", sets.names[0])
        },
    ]
}
