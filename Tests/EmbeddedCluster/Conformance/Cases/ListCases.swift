import JSON
import Testing

/// Lists and their pages.
enum ListCases {
    private static func fill(_ api: API, _ count: Int) async throws {
        for index in 1...count {
            try await api.create(
                "v1/configmaps",
                Sample.configMap("c\(index)", labels: ["parity": index % 2 == 0 ? "even" : "odd"])
            )
        }
    }

    static let all: [ConformanceCase] = [
        ConformanceCase("a list has kind and version, and its items are in the order of their names") { api in
            for name in ["b", "a", "c"] { try await api.create("v1/secrets", ["metadata": ["name": .string(name)]]) }
            let list = try await api.get("v1/secrets?fieldSelector=type%3DOpaque").must(200)
            list.has("kind", "SecretList")
            list.has("apiVersion", "v1")
            #expect(list.names == ["a", "b", "c"] && !list.version.isEmpty)
            list.has("items.0.kind", nil)
            list.has("items.0.apiVersion", nil)
        },
        ConformanceCase("an empty list has empty items") { api in
            let list = try await api.get("apps/v1/deployments").must(200)
            list.has("items", [])
            list.has("metadata.continue", nil)
        },
        ConformanceCase("a list in a namespace that does not exist is empty") { api in
            let list = try await api.get("/api/v1/namespaces/$NS-x/configmaps").must(200)
            #expect(list.items.isEmpty)
        },
        ConformanceCase("custom objects in a list say what they are") { api in
            try await api.define(Sample.definition(api))
            try await api.create("$NS.example.com/v1/widgets", Sample.widget(api, "a"))
            let list = try await api.get("$NS.example.com/v1/widgets").must(200)
            list.has("kind", "WidgetList")
            list.has("items.0.kind", "Widget")
            list.has("items.0.apiVersion", .string("\(api.group)/v1"))
        },
        ConformanceCase("a list over all namespaces has the objects of each") { api in
            try await api.create("v1/configmaps", Sample.configMap("a", labels: ["in": .string(api.namespace)]))
            let list = try await api.get("/api/v1/configmaps?labelSelector=in%3D$NS").must(200)
            #expect(list.names == ["a"])
            list.has("items.0.metadata.namespace", .string(api.namespace))
        },
        ConformanceCase("a list's version rises with every change") { api in
            let before = try await api.version("v1/configmaps")
            let made = try await api.create("v1/secrets", ["metadata": ["name": "a"]])
            let after = try await api.version("v1/configmaps")
            #expect(Int(after) ?? 0 >= Int(made.version) ?? 0 && Int(after) ?? 0 > Int(before) ?? 0)
        },
        ConformanceCase("pages lead from one to the next to the end") { api in
            try await fill(api, 5)
            let query = "v1/configmaps?labelSelector=parity&limit=2"
            let first = try await api.get(query).must(200)
            let next = try #require(first["metadata.continue"]?.string)
            let second = try await api.get("\(query)&continue=\(next)").must(200)
            let last = try #require(second["metadata.continue"]?.string)
            let third = try await api.get("\(query)&continue=\(last)").must(200)
            #expect(first.names == ["c1", "c2"] && second.names == ["c3", "c4"] && third.names == ["c5"])
            third.has("metadata.continue", nil)
            #expect(first.version == second.version && second.version == third.version)
        },
        ConformanceCase("a page says how many objects are left") { api in
            for index in 1...4 { try await api.create("apps/v1/deployments", Sample.deployment("d\(index)")) }
            let first = try await api.get("apps/v1/deployments?limit=3").must(200)
            first.has("metadata.remainingItemCount", 1)
            let whole = try await api.get("apps/v1/deployments?limit=4").must(200)
            whole.has("metadata.remainingItemCount", nil)
            whole.has("metadata.continue", nil)
        },
        ConformanceCase("a page of a selection does not say how many objects are left") { api in
            try await fill(api, 4)
            let first = try await api.get("v1/configmaps?limit=1&labelSelector=parity%3Deven").must(200)
            #expect(first.names == ["c2"] && first["metadata.continue"] != nil)
            first.has("metadata.remainingItemCount", nil)
        },
        ConformanceCase("later pages show the state of the first") { api in
            try await fill(api, 3)
            let query = "v1/configmaps?labelSelector=parity&limit=1"
            let first = try await api.get(query).must(200)
            try await api.delete("v1/configmaps/c2").must(200)
            try await api.create("v1/configmaps", Sample.configMap("c22", labels: ["parity": "even"]))
            let next = try #require(first["metadata.continue"]?.string)
            let rest = try await api.get("v1/configmaps?labelSelector=parity&continue=\(next)").must(200)
            #expect(rest.names == ["c2", "c3"])
        },
        ConformanceCase("a broken continue token is a bad request") { api in
            let refused = try await api.get("v1/configmaps?limit=1&continue=nothing")
            refused.refuses(400, "BadRequest")
            #expect(
                refused["message"]?.string?.hasPrefix("invalid continue token: continue key is not valid: ") == true
            )
        },
        ConformanceCase("a continue token takes no version beside it") { api in
            try await fill(api, 2)
            let first = try await api.get("v1/configmaps?limit=1").must(200)
            let next = try #require(first["metadata.continue"]?.string)
            try await api.get("v1/configmaps?limit=1&continue=\(next)&resourceVersion=\(first.version)").refuses(
                400,
                "BadRequest",
                "specifying resource version is not allowed when using continue"
            )
        },
        ConformanceCase("a limit that is no number is a bad request") { api in
            try await api.get("v1/configmaps?limit=x").refuses(400, "BadRequest")
        },
        ConformanceCase("an exact version shows the state it had") { api in
            try await fill(api, 2)
            let before = try await api.version()
            try await api.delete("v1/configmaps/c1").must(200)
            let list = try await api.get(
                "v1/configmaps?labelSelector=parity&resourceVersion=\(before)&resourceVersionMatch=Exact"
            ).must(200)
            #expect(list.names == ["c1", "c2"] && list.version == before)
        },
        ConformanceCase("a list from version 0 and from a known version are answered") { api in
            try await fill(api, 1)
            let before = try await api.version()
            try await api.get("v1/configmaps?resourceVersion=0").must(200).has("kind", "ConfigMapList")
            let list = try await api.get("v1/configmaps?labelSelector=parity&resourceVersion=\(before)").must(200)
            #expect(list.names == ["c1"])
        },
        ConformanceCase("resourceVersionMatch without a version is forbidden") { api in
            try await api.get("v1/configmaps?resourceVersionMatch=Exact").refuses(
                422,
                "Invalid",
                #"ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is "#
                    + "forbidden unless resourceVersion is provided"
            )
        },
        ConformanceCase("an exact version 0 is forbidden") { api in
            try await api.get("v1/configmaps?resourceVersion=0&resourceVersionMatch=Exact").refuses(
                422,
                "Invalid",
                #"ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "#
                    + #""exact" is forbidden for resourceVersion "0""#
            )
        },
        ConformanceCase("an unknown resourceVersionMatch is not supported") { api in
            try await api.get("v1/configmaps?resourceVersion=5&resourceVersionMatch=Newest").refuses(
                422,
                "Invalid",
                #"ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "Newest": supported "#
                    + #"values: "Exact", "NotOlderThan", """#
            )
        },
        ConformanceCase("a version that is not there yet times out") { api in
            let version = (Int(try await api.version()) ?? 0) + 1_000_000
            let refused = try await api.get("v1/configmaps?resourceVersion=\(version)")
            refused.refuses(504, "Timeout")
            #expect(
                refused["message"]?.string?.hasPrefix("Timeout: Too large resource version: \(version), current: ")
                    == true
            )
            refused.has("details.causes.0.reason", "ResourceVersionTooLarge")
        },
        ConformanceCase("a version that is no number is refused") { api in
            try await api.get("v1/configmaps?resourceVersion=abc").refuses(
                500,
                "",
                #"resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax"#
            )
        },
        ConformanceCase("one object is read at version 0 too") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a"))
            let read = try await api.get("v1/configmaps/a?resourceVersion=\(made.version)").must(200)
            #expect(read.version == made.version)
        },
    ]
}
