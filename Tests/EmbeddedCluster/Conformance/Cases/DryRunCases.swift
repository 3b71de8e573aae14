import JSON
import Testing

/// Dry runs.
enum DryRunCases {
    private static let path = "v1/configmaps"

    static let all: [ConformanceCase] = [
        ConformanceCase("a dry run of a creation answers with the object and stores none") { api in
            let made = try await api.create("\(path)?dryRun=All", Sample.configMap("a", ["k": "v"]))
            made.has("data.k", "v")
            made.has("metadata.resourceVersion", nil)
            #expect(!made.uid.isEmpty && made["metadata.creationTimestamp"] != nil)
            try await api.get("\(path)/a").must(404)
        },
        ConformanceCase("a dry run of a replacement changes nothing") { api in
            let made = try await api.create(path, Sample.configMap("a", ["k": "1"]))
            let answer = try await api.put("\(path)/a?dryRun=All", Sample.configMap("a", ["k": "2"])).must(200)
            answer.has("data.k", "2")
            #expect(answer.version == made.version)
            try await api.get("\(path)/a").has("data.k", "1")
        },
        ConformanceCase("a dry run of a patch changes nothing") { api in
            try await api.create(path, Sample.configMap("a", ["k": "1"]))
            try await api.patch(.merge, "\(path)/a?dryRun=All", ["data": ["k": "2"]]).must(200).has("data.k", "2")
            try await api.get("\(path)/a").has("data.k", "1")
        },
        ConformanceCase("a dry run of deleting a collection deletes nothing") { api in
            try await api.create(path, Sample.configMap("a", labels: ["x": "1"]))
            try await api.delete("\(path)?dryRun=All&labelSelector=x").must(200)
            #expect(try await api.get("\(path)?labelSelector=x").names == ["a"])
        },
        ConformanceCase("a dry run is refused as the real thing is") { api in
            try await api.create(path, Sample.configMap("a"))
            try await api.post("\(path)?dryRun=All", Sample.configMap("a")).refuses(409, "AlreadyExists")
            try await api.post("apps/v1/deployments?dryRun=All", Sample.deployment("b", replicas: -1))
                .refuses(422, "Invalid")
        },
        ConformanceCase("a dry run fills in defaults") { api in
            try await api.create("apps/v1/deployments?dryRun=All", Sample.deployment("a", replicas: nil))
                .has("spec.replicas", 1)
        },
        ConformanceCase("a dry run of a scale changes nothing") { api in
            try await api.create("apps/v1/deployments", Sample.deployment("a"))
            try await api.patch(.merge, "apps/v1/deployments/a/scale?dryRun=All", ["spec": ["replicas": 3]]).must(200)
                .has("spec.replicas", 3)
            try await api.get("apps/v1/deployments/a").has("spec.replicas", 0)
        },
    ]
}
