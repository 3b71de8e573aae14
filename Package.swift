// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
]

/// A room of the program: its name, what it stands on, and what its tests stand on besides.
struct Room {
    var name: String
    var uses: [String] = []
    var testsUse: [String] = []
    /// Folders of its tests that hold no Swift.
    var testsExclude: [String] = []
    /// The folder of rooms that it stands in, below `Sources` and `Tests`; empty for those that stand alone.
    var house = ""
    /// Whether it is optimised in debug builds too: numerical code is a hundred times slower otherwise.
    var isNumerical = false

    var folder: String { house.isEmpty ? name : "\(house)/\(name)" }
}

// From the ground up: a room uses only rooms above it in this list.
let libraries: [Room] = [
    Room(name: "JSON"),
    Room(name: "YAML", uses: ["CYAML", "JSON"]),
    Room(name: "Telemetry", uses: ["JSON"]),
    Room(name: "Processes", uses: ["CProcesses"]),
    Room(name: "HTTPTransport", uses: ["CCurl"], testsUse: ["HTTPServing", "Processes"]),
    Room(name: "HTTPServing", uses: ["CMicrohttpd"], testsUse: ["HTTPTransport", "Processes"]),
    Room(
        name: "Kubernetes",
        uses: ["COpenSSL", "HTTPTransport", "JSON", "Processes", "Telemetry", "YAML"],
        testsUse: ["HTTPServing"]
    ),
    Room(
        name: "ControllerRuntime",
        uses: ["HTTPTransport", "JSON", "Kubernetes", "Telemetry"],
        testsUse: ["HTTPServing"]
    ),
    Room(name: "Engines", isNumerical: true),
    Room(
        name: "Evidence",
        uses: ["HTTPTransport", "JSON", "Telemetry"],
        testsUse: ["HTTPServing", "Processes"]
    ),
    Room(
        name: "HomeostatAPI",
        uses: ["COpenSSL", "JSON", "Kubernetes", "YAML"],
        testsExclude: ["Fixtures"]
    ),
    Room(
        name: "ModelDeployments",
        uses: [
            "ControllerRuntime", "Engines", "Evidence", "HTTPTransport", "HomeostatAPI", "JSON", "Kubernetes",
            "Telemetry",
        ],
        testsUse: ["HTTPServing"]
    ),
    Room(name: "Server", uses: ["HTTPServing", "Telemetry"], testsUse: ["HTTPTransport"]),
    Room(
        name: "ModelServing",
        uses: ["HTTPServing", "JSON", "Processes", "Telemetry"],
        testsUse: ["HTTPTransport"]
    ),
    // The embedded cluster: an API server, its controllers and a process runtime for one machine.
    Room(name: "GoText", house: "EmbeddedCluster"),
    Room(name: "CEL", uses: ["GoText", "JSON"], house: "EmbeddedCluster"),
    Room(
        name: "ObjectSchema",
        uses: ["CEL", "GoText", "JSON", "Kubernetes"],
        testsUse: ["HomeostatAPI", "YAML"],
        house: "EmbeddedCluster"
    ),
    Room(name: "ObjectPatch", uses: ["JSON", "Kubernetes", "ObjectSchema"], house: "EmbeddedCluster"),
    Room(
        name: "EmbeddedAPI",
        uses: ["GoText", "JSON", "Kubernetes", "ObjectPatch", "ObjectSchema"],
        testsUse: ["Processes"],
        testsExclude: ["StateWriter"],
        house: "EmbeddedCluster"
    ),
    Room(
        name: "OpenAPIDocuments",
        uses: ["EmbeddedAPI", "JSON", "Kubernetes", "ObjectSchema"],
        house: "EmbeddedCluster"
    ),
    Room(
        name: "EmbeddedControllers",
        uses: ["EmbeddedAPI", "Engines", "JSON", "Kubernetes"],
        house: "EmbeddedCluster"
    ),
    Room(
        name: "EmbeddedServer",
        uses: [
            "COpenSSL", "EmbeddedAPI", "HTTPServing", "HTTPTransport", "JSON", "Kubernetes", "ObjectSchema",
            "OpenAPIDocuments", "Telemetry", "YAML",
        ],
        testsUse: ["ControllerRuntime", "Processes"],
        house: "EmbeddedCluster"
    ),
    Room(
        name: "ProcessRuntime",
        uses: [
            "EmbeddedAPI", "EmbeddedControllers", "HTTPTransport", "JSON", "Kubernetes", "ObjectSchema", "Processes",
            "Telemetry", "YAML",
        ],
        testsUse: ["HTTPServing"],
        house: "EmbeddedCluster"
    ),
    Room(
        name: "LocalCluster",
        uses: [
            "EmbeddedAPI", "EmbeddedControllers", "EmbeddedServer", "HTTPServing", "JSON", "Kubernetes",
            "ProcessRuntime", "Telemetry",
        ],
        testsUse: ["HTTPTransport"],
        house: "EmbeddedCluster"
    ),
    Room(
        name: "OperatorCommands",
        uses: [
            "ControllerRuntime", "EmbeddedServer", "Evidence", "HomeostatAPI", "HTTPTransport", "JSON", "Kubernetes",
            "LocalCluster",
            "ModelDeployments", "ProcessRuntime", "Processes", "Server", "Telemetry", "YAML",
        ]
    ),
]

let programs: [Room] = [
    Room(name: "homeostat", uses: ["OperatorCommands"]),
    Room(name: "model-server", uses: ["ModelServing"]),
    Room(
        name: "bench-runtime",
        uses: ["ControllerRuntime", "HTTPTransport", "JSON", "Kubernetes", "Processes", "Telemetry"]
    ),
]

let systemLibraries: [Target] = [
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CMicrohttpd", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
    .systemLibrary(name: "CProcesses"),
]

func dependencies(_ names: [String]) -> [Target.Dependency] { names.map { .init(stringLiteral: $0) } }

let rooms: [Target] = libraries.map { room in
    .target(
        name: room.name,
        dependencies: dependencies(room.uses),
        path: "Sources/\(room.folder)",
        swiftSettings: strict + (room.isNumerical ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : [])
    )
}

let roomTests: [Target] = libraries.map { room in
    .testTarget(
        name: "\(room.name)Tests",
        dependencies: dependencies([room.name] + room.uses + room.testsUse + ["TestSupport"]),
        path: "Tests/\(room.folder)",
        exclude: room.testsExclude,
        swiftSettings: strict
    )
}

let executables: [Target] = programs.map {
    .executableTarget(name: $0.name, dependencies: dependencies($0.uses), swiftSettings: strict)
}

let support: [Target] = [
    .target(
        name: "TestSupport",
        dependencies: dependencies([
            "ControllerRuntime", "HTTPServing", "HTTPTransport", "JSON", "Kubernetes", "Telemetry",
        ]),
        path: "Tests/Support",
        swiftSettings: strict
    ),
    .testTarget(
        name: "TestSupportTests",
        dependencies: dependencies(["HTTPServing", "HTTPTransport", "JSON", "TestSupport"]),
        path: "Tests/SupportTests",
        swiftSettings: strict
    ),
    // What holds of any Kubernetes API server: of the embedded one, and of a real one when there is one.
    .testTarget(
        name: "ConformanceTests",
        dependencies: dependencies([
            "ControllerRuntime", "EmbeddedAPI", "EmbeddedControllers", "EmbeddedServer", "HTTPTransport", "JSON",
            "Kubernetes",
        ]),
        path: "Tests/EmbeddedCluster/Conformance",
        swiftSettings: strict
    ),
    // What the tests of EmbeddedAPI start and kill.
    .executableTarget(
        name: "state-writer",
        dependencies: dependencies(["EmbeddedAPI", "JSON", "Kubernetes"]),
        path: "Tests/EmbeddedCluster/EmbeddedAPI/StateWriter",
        swiftSettings: strict
    ),
    // Against a real Kubernetes; without one they are skipped.
    .testTarget(
        name: "ClusterTests",
        dependencies: dependencies([
            "ControllerRuntime", "HTTPTransport", "JSON", "Kubernetes", "Processes", "TestSupport", "YAML",
        ]),
        path: "Tests/Cluster",
        exclude: ["cluster", "discover-pods", "prometheus.yaml", "steps"],
        swiftSettings: strict
    ),
]

let package = Package(name: "homeostat", targets: systemLibraries + rooms + executables + support + roomTests)
