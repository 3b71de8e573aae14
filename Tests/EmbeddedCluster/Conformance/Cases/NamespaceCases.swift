import JSON
import Testing

/// Namespaces and their end.
enum NamespaceCases {
    private static let namespaces = "/api/v1/namespaces"

    static let all: [ConformanceCase] = [
        ConformanceCase("a new namespace is active and has its finalizer") { api in
            let namespace = try await api.get("\(namespaces)/$NS").must(200)
            namespace.has("status.phase", "Active")
            namespace.has("spec.finalizers", ["kubernetes"])
        },
        ConformanceCase("nothing is created in a namespace that does not exist") { api in
            try await api.post("\(namespaces)/$NS-x/configmaps", Sample.configMap("a")).refuses(
                404,
                "NotFound",
                #"namespaces "$NS-x" not found"#
            )
        },
        ConformanceCase("every cluster has its namespaces") { api in
            let names = try await api.get(namespaces).must(200).names
            #expect(Set(names).isSuperset(of: ["default", "kube-system", "kube-public", "kube-node-lease"]))
        },
        ConformanceCase("a namespace that the cluster needs is not deleted") { api in
            try await api.delete("\(namespaces)/default?dryRun=All").refuses(
                403,
                "Forbidden",
                #"namespaces "default" is forbidden: this namespace may not be deleted"#
            )
        },
        ConformanceCase("a namespace's name is a label") { api in
            try await api.post(namespaces, ["metadata": ["name": "a.b"]]).refuses(422, "Invalid")
        },
        ConformanceCase("a namespace that ends takes nothing new, and ends when it is empty") { api in
            var object = Sample.configMap("a")
            object["metadata"]?["finalizers"] = ["example.com/wait"]
            try await api.create("v1/configmaps", object)
            try await api.create("v1/configmaps", Sample.configMap("b"))
            let deleted = try await api.delete("\(namespaces)/$NS").must(200)
            deleted.has("status.phase", "Terminating")
            try await api.settles("v1/configmaps", "b") { $0 == nil }
            let refused = try await api.post("v1/configmaps", Sample.configMap("c"))
            refused.refuses(
                403,
                "Forbidden",
                #"configmaps "c" is forbidden: unable to create new content in namespace $NS because it is being "#
                    + "terminated"
            )
            refused.has("details.causes.0.reason", "NamespaceTerminating")
            try await api.settles("v1/configmaps", "a") { $0?.at("metadata.deletionTimestamp") != nil }
            try await api.get("\(namespaces)/$NS").must(200).has("status.phase", "Terminating")
            try await api.patch(.merge, "v1/configmaps/a", ["metadata": ["finalizers": .null]]).must(200)
            try await api.gone(namespaces, api.namespace)
        },
        ConformanceCase("a namespace's end takes custom objects along") { api in
            try await api.define(Sample.definition(api))
            try await api.create("$NS.example.com/v1/widgets", Sample.widget(api, "a"))
            try await api.delete("\(namespaces)/$NS").must(200)
            try await api.gone(namespaces, api.namespace)
            #expect(try await api.get("/apis/$NS.example.com/v1/widgets").must(200).items.isEmpty)
        },
        ConformanceCase("finalizers of a namespace's spec are written apart") { api in
            let namespace = try await api.get("\(namespaces)/$NS").must(200)
            var object = namespace.json
            object["spec"] = ["finalizers": ["kubernetes", "example.com/more"]]
            try await api.put("\(namespaces)/$NS/finalize", object).must(200)
                .has("spec.finalizers", ["kubernetes", "example.com/more"])
            object["spec"] = ["finalizers": ["kubernetes"]]
            object["metadata"]?["resourceVersion"] = nil
            try await api.put("\(namespaces)/$NS/finalize", object).must(200)
                .has("spec.finalizers", ["kubernetes"])
        },
    ]
}
