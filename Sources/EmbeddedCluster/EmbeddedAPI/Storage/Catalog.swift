import Kubernetes

/// What is served: the built-in resources and those of custom resource definitions.
struct Catalog: Sendable {
    private struct Path: Hashable {
        var group: String
        var version: String
        var plural: String
    }

    private let builtIn: [ResourceDefinition]
    private var custom: [String: [ResourceDefinition]] = [:]
    private var places: [Path: ResourceDefinition] = [:]

    init(_ builtIn: [ResourceDefinition]) {
        self.builtIn = builtIn
        index()
    }

    /// The built-in ones as they were given, then the custom ones by the names of their definitions.
    var definitions: [ResourceDefinition] {
        builtIn + custom.sorted { $0.key < $1.key }.flatMap(\.value)
    }

    subscript(group group: String, version version: String, plural plural: String) -> ResourceDefinition? {
        places[Path(group: group, version: version, plural: plural)]
    }

    subscript(_ type: ResourceType) -> ResourceDefinition? {
        self[group: type.group, version: type.version, plural: type.plural]
    }

    /// The definitions that share the objects of a resource.
    func versions(of type: ResourceType) -> [ResourceDefinition] {
        definitions.filter { $0.type.group == type.group && $0.type.plural == type.plural }
    }

    /// Serves what a custom resource definition defines; nothing when `definitions` is empty.
    mutating func serve(_ definitions: [ResourceDefinition], of name: String) {
        custom[name] = definitions.isEmpty ? nil : definitions
        index()
    }

    /// A version of what a custom resource definition defines.
    func custom(of name: String) -> ResourceDefinition? { custom[name]?.first }

    /// How a resource is kept, whichever of its versions is named; nil when none is served.
    func stored(_ type: ResourceType) -> ResourceType? {
        places.first { $0.key.group == type.group && $0.key.plural == type.plural }?.value.stored
    }

    private mutating func index() {
        places = [:]
        for definition in definitions {
            let type = definition.type
            places[Path(group: type.group, version: type.version, plural: type.plural)] = definition
        }
    }
}
