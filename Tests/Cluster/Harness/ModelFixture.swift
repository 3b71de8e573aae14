import JSON

/// A ModelDeployment whose pods run the project's model server with a model of one feature.
struct ModelFixture: Sendable {
    /// The ConfigMap that holds the model file.
    static let configMap: JSONValue = [
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "model"],
        "data": ["model.json": .string(modelFile.description)],
    ]

    private static let modelFile: JSONValue = [
        "format": "homeostat.dev/model/v1", "kind": "logistic", "name": "churn", "version": "0.0.0",
        "features": ["x"], "classes": ["no", "yes"], "coefficients": [[1.5]], "intercepts": [0.25],
    ]

    /// A request that the model answers.
    static let request: JSONValue = [
        "inputs": [["name": "features", "shape": [1, 1], "datatype": "FP64", "data": [0.5]]]
    ]

    var name = "churn"
    var version = "1.0.0"
    var replicas = 2
    var image = "localhost/model-server:dev"
    /// Options of the model server.
    var options: [String] = []
    var steps: [JSONValue] = []
    var requests: JSONValue = ["cpu": "10m", "memory": "32Mi"]
    /// Members of the spec besides.
    var more: JSONObject = [:]

    /// The same with another version.
    func version(_ version: String, _ change: (inout ModelFixture) -> Void = { _ in }) -> ModelFixture {
        var copy = self
        copy.version = version
        change(&copy)
        return copy
    }

    var manifest: JSONValue {
        let arguments = ["--model-file", "/models/model.json", "--model-version", version, "--drain", "3s"] + options
        var spec: JSONValue = [
            "model": ["name": "churn", "version": .string(version)],
            "replicas": .integer(replicas),
            "template": [
                "metadata": [
                    "annotations": ["prometheus.io/scrape": "true", "prometheus.io/port": "8080"]
                ],
                "spec": [
                    "terminationGracePeriodSeconds": 10,
                    "enableServiceLinks": false,
                    "automountServiceAccountToken": false,
                    "volumes": [["name": "model", "configMap": ["name": "model"]]],
                    "containers": [
                        [
                            "name": "model",
                            "image": .string(image),
                            "imagePullPolicy": "Never",
                            "args": .array(arguments.map { .string($0) }),
                            "ports": [["containerPort": 8080]],
                            "volumeMounts": [["name": "model", "mountPath": "/models", "readOnly": true]],
                            "readinessProbe": [
                                "httpGet": ["path": "/v2/health/ready", "port": 8080], "periodSeconds": 1,
                            ],
                            "resources": ["requests": requests],
                        ]
                    ],
                ],
            ],
            "strategy": ["canary": ["steps": .array(steps)]],
        ]
        for (key, value) in more { spec[key] = value }
        return [
            "apiVersion": "homeostat.dev/v1alpha1", "kind": "ModelDeployment",
            "metadata": ["name": .string(name)], "spec": spec,
        ]
    }
}

extension JSONValue {
    /// A step that sets the canary's weight.
    static func weight(_ percent: Int, _ name: String) -> JSONValue {
        ["name": .string(name), "setWeight": .integer(percent)]
    }

    /// A step that waits; without a duration for a person.
    static func pause(_ name: String, _ duration: String? = nil) -> JSONValue {
        ["name": .string(name), "pause": duration.map { ["duration": .string($0)] } ?? [:]]
    }

    /// A step that waits for a verdict.
    static func analysis(_ name: String) -> JSONValue { ["name": .string(name), "analysis": [:]] }

    /// The value at the end of a path with dots.
    func at(_ path: String) -> JSONValue? { self[path: path.split(separator: ".").map(String.init)] }

    /// `metadata.name`.
    var objectName: String { at("metadata.name")?.string ?? "" }

    /// A condition of the status.
    func condition(_ type: String) -> JSONValue? {
        at("status.conditions")?.array?.first { $0["type"]?.string == type }
    }
}
