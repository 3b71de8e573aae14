import JSON
import Testing

/// Objects and their versions.
enum ObjectCases {
    static let all: [ConformanceCase] = [
        ConformanceCase("a created object has uid, time, version, and no link to itself") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a", ["k": "v"]))
            #expect(made.uid.count == 36 && !made.version.isEmpty)
            #expect(made["metadata.creationTimestamp"]?.string?.hasSuffix("Z") == true)
            made.has("metadata.namespace", .string(api.namespace))
            made.has("metadata.selfLink", nil)
            made.has("metadata.generation", nil)
            made.has("data.k", "v")
            made.has("kind", "ConfigMap")
            made.has("apiVersion", "v1")
        },
        ConformanceCase("what is read is what was created") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a", ["k": "v"]))
            #expect(try await api.get("v1/configmaps/a").must(200).json == made.json)
        },
        ConformanceCase("uid, time and generation are not the client's to choose") { api in
            var object = Sample.configMap("a")
            object["metadata"]?["uid"] = "mine"
            object["metadata"]?["creationTimestamp"] = "2001-01-01T00:00:00Z"
            let made = try await api.create("v1/configmaps", object)
            #expect(made.uid != "mine" && made["metadata.creationTimestamp"]?.string != "2001-01-01T00:00:00Z")
            var deployment = Sample.deployment("a")
            deployment["metadata"]?["generation"] = 7
            try await api.create("apps/v1/deployments", deployment).has("metadata.generation", 1)
        },
        ConformanceCase("a second object of a name is refused") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            let again = try await api.post("v1/configmaps", Sample.configMap("a"))
            again.refuses(409, "AlreadyExists", #"configmaps "a" already exists"#)
            again.has("details", ["name": "a", "kind": "configmaps"])
        },
        ConformanceCase("what does not exist is told by its resource and group") { api in
            let missing = try await api.get("v1/configmaps/a")
            missing.refuses(404, "NotFound", #"configmaps "a" not found"#)
            missing.has("details", ["name": "a", "kind": "configmaps"])
            let grouped = try await api.get("apps/v1/deployments/a")
            grouped.refuses(404, "NotFound", #"deployments.apps "a" not found"#)
            grouped.has("details", ["name": "a", "group": "apps", "kind": "deployments"])
        },
        ConformanceCase("one counter numbers the changes of all kinds") { api in
            let first = try await api.create("v1/configmaps", Sample.configMap("a"))
            let second = try await api.create("v1/secrets", ["metadata": ["name": "a"]])
            let third = try await api.create("apps/v1/deployments", Sample.deployment("a"))
            let versions = [first, second, third].compactMap { Int($0.version) }
            #expect(versions.count == 3 && versions == versions.sorted() && Set(versions).count == 3)
        },
        ConformanceCase("a write with the version that was read replaces the object") { api in
            var made = try await api.create("v1/configmaps", Sample.configMap("a", ["k": "1"])).json
            made["data"] = ["k": "2"]
            let replaced = try await api.put("v1/configmaps/a", made).must(200)
            replaced.has("data.k", "2")
            #expect(replaced.version != made.at("metadata.resourceVersion")?.string)
            replaced.has("metadata.uid", made.at("metadata.uid"))
            replaced.has("metadata.creationTimestamp", made.at("metadata.creationTimestamp"))
        },
        ConformanceCase("a write with an old version conflicts") { api in
            var made = try await api.create("v1/configmaps", Sample.configMap("a", ["k": "1"])).json
            made["data"] = ["k": "2"]
            try await api.put("v1/configmaps/a", made).must(200)
            made["data"] = ["k": "3"]
            let refused = try await api.put("v1/configmaps/a", made)
            refused.refuses(
                409,
                "Conflict",
                #"Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your "#
                    + "changes to the latest version and try again"
            )
            refused.has("details", ["name": "a", "kind": "configmaps"])
        },
        ConformanceCase("a write of another group's object conflicts with the group in its name") { api in
            var made = try await api.create("apps/v1/deployments", Sample.deployment("a")).json
            made["metadata"]?["resourceVersion"] = "1"
            try await api.put("apps/v1/deployments/a", made).refuses(
                409,
                "Conflict",
                #"Operation cannot be fulfilled on deployments.apps "a": the object has been modified; please apply "#
                    + "your changes to the latest version and try again"
            )
        },
        ConformanceCase("a write without a version replaces unconditionally") { api in
            try await api.create("v1/configmaps", Sample.configMap("a", ["k": "1"]))
            try await api.put("v1/configmaps/a", Sample.configMap("a", ["k": "2"])).must(200).has("data.k", "2")
        },
        ConformanceCase("a custom object is not replaced without a version") { api in
            try await api.define(Sample.definition(api))
            try await api.create("$NS.example.com/v1/widgets", Sample.widget(api, "a"))
            try await api.put("$NS.example.com/v1/widgets/a", Sample.widget(api, "a")).refuses(
                422,
                "Invalid",
                #"widgets.$NS.example.com "a" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be "#
                    + "specified for an update"
            )
        },
        ConformanceCase("a write that changes nothing keeps the version") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a", ["k": "1"]))
            #expect(try await api.put("v1/configmaps/a", made.json).must(200).version == made.version)
        },
        ConformanceCase("what does not exist is not replaced") { api in
            try await api.put("v1/configmaps/a", Sample.configMap("a"))
                .refuses(404, "NotFound", #"configmaps "a" not found"#)
        },
        ConformanceCase("endpoints and leases are created by a replacement") { api in
            try await api.put("v1/endpoints/a", ["metadata": ["name": "a"]]).must(201)
            try await api.put("coordination.k8s.io/v1/leases/a", ["metadata": ["name": "a"]]).must(201)
        },
        ConformanceCase("the name in the address is the object's") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.put("v1/configmaps/a", Sample.configMap("b")).refuses(
                400,
                "BadRequest",
                "the name of the object (b) does not match the name on the URL (a)"
            )
        },
        ConformanceCase("the namespace in the address is the object's") { api in
            var object = Sample.configMap("a")
            object["metadata"]?["namespace"] = "default"
            try await api.post("v1/configmaps", object).refuses(
                400,
                "BadRequest",
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        },
        ConformanceCase("an object is not created with a version") { api in
            var object = Sample.configMap("a")
            object["metadata"]?["resourceVersion"] = "5"
            let refused = try await api.post("v1/configmaps", object)
            #expect(
                refused["message"]?.string?.hasSuffix("resourceVersion should not be set on objects to be created")
                    == true
            )
            #expect(refused.status == 500)
        },
        ConformanceCase("a replacement with another uid conflicts") { api in
            let made = try await api.create("v1/configmaps", Sample.configMap("a"))
            var other = made.json
            other["metadata"]?["uid"] = "11111111-2222-3333-4444-555555555555"
            other["metadata"]?["resourceVersion"] = nil
            let refused = try await api.put("v1/configmaps/a", other)
            refused.refuses(
                409,
                "Conflict",
                #"Operation cannot be fulfilled on configmaps "a": StorageError: invalid object, Code: 4, Key: "#
                    + "/registry/configmaps/$NS/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
                    + "precondition: 11111111-2222-3333-4444-555555555555, UID in object meta: \(made.uid)"
            )
        },
        ConformanceCase("a name is made from generateName") { api in
            let object: JSONValue = ["metadata": ["generateName": "made-"], "data": ["k": "v"]]
            let first = try await api.create("v1/configmaps", object)
            let second = try await api.create("v1/configmaps", object)
            #expect(first.name.hasPrefix("made-") && first.name.count == 10 && first.name != second.name)
            first.has("metadata.generateName", "made-")
        },
        ConformanceCase("a name is preferred to generateName") { api in
            let object: JSONValue = ["metadata": ["name": "a", "generateName": "made-"]]
            try await api.create("v1/configmaps", object).has("metadata.name", "a")
        },
        ConformanceCase("an object without a name is refused") { api in
            try await api.post("v1/configmaps", ["apiVersion": "v1", "kind": "ConfigMap"]).refuses(
                422,
                "Invalid",
                #"ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required"#
            )
        },
        ConformanceCase("the generation counts changes of the spec alone") { api in
            let made = try await api.create("apps/v1/deployments", Sample.deployment("a"))
            made.has("metadata.generation", 1)
            let labelled = try await api.patch(
                .merge,
                "apps/v1/deployments/a",
                ["metadata": ["labels": ["x": "y"]]]
            )
            labelled.has("metadata.generation", 1)
            let paused = try await api.patch(.merge, "apps/v1/deployments/a", ["spec": ["paused": true]])
            paused.has("metadata.generation", 2)
            let status = try await api.patch(
                .merge,
                "apps/v1/deployments/a/status",
                ["status": ["collisionCount": 3]]
            )
            status.has("metadata.generation", 2)
        },
        ConformanceCase("an immutable config map keeps its data") { api in
            var object = Sample.configMap("a", ["k": "1"])
            object["immutable"] = true
            try await api.create("v1/configmaps", object)
            try await api.patch(.merge, "v1/configmaps/a", ["data": ["k": "2"]]).refuses(
                422,
                "Invalid",
                #"ConfigMap "a" is invalid: data: Forbidden: field is immutable when `immutable` is set"#
            )
            try await api.patch(.merge, "v1/configmaps/a", ["immutable": false]).refuses(
                422,
                "Invalid",
                #"ConfigMap "a" is invalid: immutable: Forbidden: field is immutable when `immutable` is set"#
            )
            try await api.patch(.merge, "v1/configmaps/a", ["metadata": ["labels": ["x": "y"]]]).must(200)
        },
        ConformanceCase("fields that a built-in kind does not have are dropped") { api in
            var object = Sample.configMap("a", ["k": "v"])
            object["colour"] = "red"
            object["metadata"]?["colour"] = "red"
            let made = try await api.create("v1/configmaps", object)
            made.has("colour", nil)
            made.has("metadata.colour", nil)
        },
        ConformanceCase("null fields are dropped") { api in
            var object = Sample.configMap("a", ["k": "v"])
            object["binaryData"] = nil
            object["metadata"]?["annotations"] = .null
            try await api.create("v1/configmaps", object).has("metadata.annotations", nil)
        },
        ConformanceCase("an autoscaler is one object in all its versions") { api in
            let object: JSONValue = [
                "metadata": ["name": "a"],
                "spec": [
                    "maxReplicas": 3, "targetCPUUtilizationPercentage": 50,
                    "scaleTargetRef": ["kind": "Deployment", "name": "x", "apiVersion": "apps/v1"],
                ],
            ]
            let made = try await api.create("autoscaling/v1/horizontalpodautoscalers", object)
            let newer = try await api.get("autoscaling/v2beta2/horizontalpodautoscalers/a").must(200)
            newer.has("metadata.uid", .string(made.uid))
            newer.has("apiVersion", "autoscaling/v2beta2")
            newer.has("spec.metrics.0.resource.name", "cpu")
            newer.has("spec.metrics.0.resource.target", ["type": "Utilization", "averageUtilization": 50])
        },
        ConformanceCase("an event is one object in both groups") { api in
            let object: JSONValue = [
                "metadata": ["name": "a"], "reason": "Tested", "message": "it was", "type": "Normal",
                "involvedObject": ["kind": "Pod", "namespace": .string(api.namespace), "name": "x"],
            ]
            let made = try await api.create("v1/events", object)
            let newer = try await api.get("events.k8s.io/v1/events/a").must(200)
            newer.has("metadata.uid", .string(made.uid))
            newer.has("note", "it was")
            newer.has("regarding.name", "x")
            newer.has("reason", "Tested")
        },
        ConformanceCase("a deleted object's name is free, and its next uid another") { api in
            let first = try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.delete("v1/configmaps/a").must(200)
            let second = try await api.create("v1/configmaps", Sample.configMap("a"))
            #expect(first.uid != second.uid)
        },
        ConformanceCase("the same name is another object in another namespace and kind") { api in
            try await api.create("v1/configmaps", Sample.configMap("a"))
            try await api.create("v1/secrets", ["metadata": ["name": "a"]])
            try await api.delete("v1/secrets/a").must(200)
            try await api.get("v1/configmaps/a").must(200)
            try await api.get("/api/v1/namespaces/default/configmaps/a-\(api.namespace)").must(404)
        },
    ]
}
