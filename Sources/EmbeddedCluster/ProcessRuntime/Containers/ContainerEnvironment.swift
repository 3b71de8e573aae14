import JSON
import Kubernetes

/// Why a container cannot be made, in kubelet's words.
struct ContainerFault: Error, Equatable {
    /// As `CreateContainerConfigError`.
    var reason: String
    var message: String
}

/// What a pod's containers refer to.
struct PodSurroundings: Sendable {
    /// An object of the pod's namespace.
    var object: @Sendable (ResourceType, String) -> JSONValue?
    /// The services of the pod's namespace.
    var services: @Sendable () -> [JSONValue]
    /// The node's `allocatable`.
    var allocatable: JSONValue = [:]
    /// Variables that every container has, as `KUBERNETES_SERVICE_HOST`.
    var environment: [String: String] = [:]
}

/// A container as it is to be started.
struct ContainerPlan: Sendable, Equatable {
    var command: [String]
    var environment: [String: String]
    var folder: String
    /// Where paths in commands are in truth.
    var mounts: MountPaths

    /// - Parameters:
    ///   - address: The pod's address.
    ///   - folder: Where the container runs unless it says otherwise.
    /// - Throws: ``ContainerFault``.
    init(
        _ container: JSONValue,
        of pod: JSONValue,
        image: ImageTable.Image,
        address: String,
        folder: String,
        mounts: MountPaths,
        _ surroundings: PodSurroundings
    ) throws(ContainerFault) {
        self.mounts = mounts
        var variables = Variables()
        for (name, value) in Self.given(container, pod, address, surroundings) { variables.set(name, value) }
        for (name, value) in image.environment.sorted(by: { $0.key < $1.key }) {
            variables.set(name, variables.expand(value))
        }
        for source in container["envFrom"]?.array ?? [] { try variables.take(source, surroundings) }
        for entry in container["env"]?.array ?? [] {
            let name = entry["name"]?.string ?? ""
            if let reference = entry["valueFrom"] {
                guard let value = try Self.value(reference, container, pod, surroundings) else { continue }
                variables.set(name, value)
            } else {
                variables.set(name, variables.expand(entry["value"]?.string ?? ""))
            }
        }
        func texts(_ field: String) -> [String]? {
            container[field]?.array?.compactMap(\.string).map { mounts.apply(variables.expand($0)) }
        }
        let entry = texts("command").flatMap { $0.isEmpty ? nil : $0 } ?? image.command
        command = entry + (texts("args") ?? [])
        environment = variables.values.mapValues(mounts.apply)
        let own = container["workingDir"]?.string.flatMap { $0.isEmpty ? nil : mounts.apply($0) }
        self.folder = own ?? image.workingFolder ?? folder
    }

    /// What every container has.
    private static func given(
        _ container: JSONValue,
        _ pod: JSONValue,
        _ address: String,
        _ surroundings: PodSurroundings
    ) -> [(String, String)] {
        var given = surroundings.environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        given += [("HOSTNAME", pod.name), ("POD_IP", address)]
        if let port = (container["ports"]?.array ?? []).lazy.compactMap({ $0["containerPort"]?.integer }).first {
            given.append(("PORT", "\(port)"))
        }
        guard pod.spec["enableServiceLinks"]?.bool ?? true else { return given }
        for service in surroundings.services() {
            guard let host = service.spec["clusterIP"]?.string, !host.isEmpty, host != "None" else { continue }
            let prefix = service.name.uppercased().replacing("-", with: "_")
            given.append(("\(prefix)_SERVICE_HOST", host))
            for (index, port) in service.specList("ports").enumerated() {
                let number = "\(port["port"]?.integer ?? 0)"
                if index == 0 { given.append(("\(prefix)_SERVICE_PORT", number)) }
                if let name = port["name"]?.string, !name.isEmpty {
                    given.append(("\(prefix)_SERVICE_PORT_\(name.uppercased().replacing("-", with: "_"))", number))
                }
            }
        }
        return given
    }

    private static func value(
        _ reference: JSONValue,
        _ container: JSONValue,
        _ pod: JSONValue,
        _ surroundings: PodSurroundings
    ) throws(ContainerFault) -> String? {
        if let path = reference[path: ["fieldRef", "fieldPath"]]?.string {
            guard let value = FieldReferences.field(path, of: pod) else {
                throw ContainerFault(
                    reason: "CreateContainerConfigError",
                    message: "unsupported fieldPath: \(path)"
                )
            }
            return value
        }
        if let field = reference["resourceFieldRef"] {
            return FieldReferences.resource(field, of: container, allocatable: surroundings.allocatable)
        }
        for (field, type) in [("configMapKeyRef", ResourceType.configMap), ("secretKeyRef", .secret)] {
            guard let reference = reference[field] else { continue }
            let name = reference["name"]?.string ?? ""
            let key = reference["key"]?.string ?? ""
            let isOptional = reference["optional"]?.bool ?? false
            guard let object = surroundings.object(type, name) else {
                if isOptional { return nil }
                throw .missing(type, name)
            }
            guard let bytes = DataEntries(object)[key] else {
                if isOptional { return nil }
                throw ContainerFault(
                    reason: "CreateContainerConfigError",
                    message: "couldn't find key \(key) in \(type.kind) \(pod.namespace)/\(name)"
                )
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        return nil
    }

    private struct Variables {
        var values: [String: String] = [:]

        mutating func set(_ name: String, _ value: String) { values[name] = value }

        func expand(_ text: String) -> String { VariableExpansion.expand(text) { values[$0] } }

        mutating func take(_ source: JSONValue, _ surroundings: PodSurroundings) throws(ContainerFault) {
            let prefix = source["prefix"]?.string ?? ""
            for (field, type) in [("configMapRef", ResourceType.configMap), ("secretRef", .secret)] {
                guard let reference = source[field] else { continue }
                let name = reference["name"]?.string ?? ""
                guard let object = surroundings.object(type, name) else {
                    if reference["optional"]?.bool ?? false { continue }
                    throw .missing(type, name)
                }
                for (key, bytes) in DataEntries(object).sorted {
                    values[prefix + key] = String(decoding: bytes, as: UTF8.self)
                }
            }
        }
    }
}

extension ContainerFault {
    static func missing(_ type: ResourceType, _ name: String) -> ContainerFault {
        ContainerFault(
            reason: "CreateContainerConfigError",
            message: "\(type.kind.lowercased()) \"\(name)\" not found"
        )
    }
}
