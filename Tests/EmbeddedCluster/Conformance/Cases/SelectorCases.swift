import JSON
import Testing

/// Label and field selectors.
enum SelectorCases {
    private static func fill(_ api: API) async throws {
        try await api.create("v1/configmaps", Sample.configMap("a", labels: ["app": "web", "tier": "front"]))
        try await api.create("v1/configmaps", Sample.configMap("b", labels: ["app": "web"]))
        try await api.create("v1/configmaps", Sample.configMap("c", labels: ["app": "db", "size": ""]))
        try await api.create("v1/configmaps", Sample.configMap("d"))
    }

    /// What a label selector, percent-encoded, selects of a to d.
    private static func selects(_ what: String, _ selector: String, _ names: [String]) -> ConformanceCase {
        ConformanceCase("a label selector selects \(what)") { api in
            try await fill(api)
            let list = try await api.get("v1/configmaps?labelSelector=\(selector)").must(200)
            #expect(list.names.filter { $0.count == 1 } == names, "\(selector)")
        }
    }

    static let all: [ConformanceCase] = [
        selects("by equality", "app%3Dweb", ["a", "b"]),
        selects("by double equality", "app%3D%3Dweb", ["a", "b"]),
        selects("by inequality, with those that lack the label", "app%21%3Dweb", ["c", "d"]),
        selects("by a set", "app%20in%20(web,db)", ["a", "b", "c"]),
        selects("outside a set, with those that lack the label", "app%20notin%20(db)", ["a", "b", "d"]),
        selects("what has a label", "app", ["a", "b", "c"]),
        selects("what lacks a label", "%21app", ["d"]),
        selects("what meets all requirements", "app%3Dweb,%21tier", ["b"]),
        selects("an empty value", "size%3D", ["c"]),
        selects("with blanks between", "%20app%20%3D%20web%20,%20tier%20%3D%20front%20", ["a"]),
        ConformanceCase("a label selector keeps to the rules of names") { api in
            try await api.get("v1/configmaps?labelSelector=a_%2Fx%3Dy").refuses(400, "BadRequest")
        },
        ConformanceCase("a field selector selects by name") { api in
            try await fill(api)
            #expect(try await api.get("v1/configmaps?fieldSelector=metadata.name%3Db").must(200).names == ["b"])
            let others = try await api.get("v1/configmaps?fieldSelector=metadata.name%21%3Db").must(200)
            #expect(others.names.filter { $0.count == 1 } == ["a", "c", "d"])
        },
        ConformanceCase("a field selector selects by namespace") { api in
            try await fill(api)
            let list = try await api.get(
                "/api/v1/configmaps?fieldSelector=metadata.namespace%3D$NS,metadata.name%3Da"
            ).must(200)
            #expect(list.names == ["a"])
        },
        ConformanceCase("both selectors must be met") { api in
            try await fill(api)
            let list = try await api.get("v1/configmaps?fieldSelector=metadata.name%3Db&labelSelector=app%3Ddb")
            #expect(try list.must(200).items.isEmpty)
        },
        ConformanceCase("an unknown field of a selector is a bad request") { api in
            try await api.get("v1/configmaps?fieldSelector=data.k%3Dv").refuses(
                400,
                "BadRequest",
                #""data.k" is not a known field selector: only "metadata.name", "metadata.namespace""#
            )
        },
        ConformanceCase("pods are selected by node and phase") { api in
            try await api.readyForPods()
            try await api.create("v1/pods", Sample.pod("a", node: "n1"))
            try await api.create("v1/pods", Sample.pod("b"))
            #expect(try await api.get("v1/pods?fieldSelector=spec.nodeName%3Dn1").must(200).names == ["a"])
            #expect(try await api.get("v1/pods?fieldSelector=spec.nodeName%3D").must(200).names == ["b"])
            #expect(try await api.get("v1/pods?fieldSelector=status.phase%3DPending").must(200).names == ["a", "b"])
            #expect(try await api.get("v1/pods?fieldSelector=status.phase%21%3DPending").must(200).names == [])
        },
        ConformanceCase("secrets are selected by type") { api in
            try await api.create("v1/secrets", ["metadata": ["name": "a"], "type": "example.com/x"])
            try await api.create("v1/secrets", ["metadata": ["name": "b"]])
            #expect(try await api.get("v1/secrets?fieldSelector=type%3Dexample.com/x").must(200).names == ["a"])
        },
        ConformanceCase("events are selected by what they are about") { api in
            for name in ["a", "b"] {
                try await api.create(
                    "v1/events",
                    [
                        "metadata": ["name": .string(name)], "reason": "Tested", "type": "Warning",
                        "involvedObject": ["kind": "Pod", "namespace": .string(api.namespace), "name": .string(name)],
                    ]
                )
            }
            let list = try await api.get(
                "v1/events?fieldSelector=involvedObject.name%3Db,reason%3DTested,type%3DWarning"
            )
            #expect(try list.must(200).names == ["b"])
        },
        ConformanceCase("custom objects are selected by name alone") { api in
            try await api.define(Sample.definition(api))
            try await api.create("$NS.example.com/v1/widgets", Sample.widget(api, "a"))
            try await api.create("$NS.example.com/v1/widgets", Sample.widget(api, "b"))
            let list = try await api.get("$NS.example.com/v1/widgets?fieldSelector=metadata.name%3Da")
            #expect(try list.must(200).names == ["a"])
            try await api.get("$NS.example.com/v1/widgets?fieldSelector=spec.size%3D1").refuses(400, "BadRequest")
        },
    ]
}
