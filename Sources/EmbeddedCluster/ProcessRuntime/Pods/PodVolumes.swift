import JSON
import Kubernetes

/// A pod's volumes as folders of this machine.
struct PodVolumes {
    /// A file of a volume.
    struct File: Equatable {
        /// Below the volume's folder.
        var path: String
        var bytes: [UInt8]
        var mode: UInt32 = 0o644
    }

    enum Volume: Equatable {
        /// A folder that the pod fills.
        case empty
        /// A folder that is there already.
        case host(String)
        case files([File])
    }

    let volumes: [(name: String, volume: Volume)]

    /// - Throws: ``ContainerFault`` with the reason `FailedMount`.
    init(_ pod: JSONValue, _ surroundings: PodSurroundings) throws(ContainerFault) {
        var volumes: [(String, Volume)] = []
        for entry in pod.specList("volumes") {
            let name = entry["name"]?.string ?? ""
            volumes.append((name, try Self.volume(entry, name, pod, surroundings)))
        }
        self.volumes = volumes
    }

    private static func volume(
        _ entry: JSONValue,
        _ name: String,
        _ pod: JSONValue,
        _ surroundings: PodSurroundings
    ) throws(ContainerFault) -> Volume {
        if entry["emptyDir"] != nil { return .empty }
        if let path = entry[path: ["hostPath", "path"]]?.string { return .host(path) }
        if let projected = entry["projected"] {
            var files: [File] = []
            for source in projected["sources"]?.array ?? [] {
                files += try Self.files(source, nameField: "name", projected, name, pod, surroundings) ?? []
            }
            return .files(files)
        }
        if let files = try files(entry, nameField: nil, nil, name, pod, surroundings) { return .files(files) }
        let kind = entry.object?.keys.first { $0 != "name" } ?? "none"
        throw ContainerFault(
            reason: "FailedMount",
            message: "MountVolume.SetUp failed for volume \"\(name)\" : volumes of the kind \(kind) need a cluster "
                + "with containers"
        )
    }

    /// The files of a source; nil when it is of a kind that is not known here.
    private static func files(
        _ source: JSONValue,
        nameField: String?,
        _ outer: JSONValue?,
        _ volume: String,
        _ pod: JSONValue,
        _ surroundings: PodSurroundings
    ) throws(ContainerFault) -> [File]? {
        func mode(_ item: JSONValue?, _ source: JSONValue) -> UInt32 {
            let number = item?["mode"]?.integer ?? source["defaultMode"]?.integer ?? outer?["defaultMode"]?.integer
            return UInt32(clamping: number ?? 0o644) & 0o777
        }
        func fault(_ detail: String) -> ContainerFault {
            ContainerFault(
                reason: "FailedMount",
                message: "MountVolume.SetUp failed for volume \"\(volume)\" : \(detail)"
            )
        }
        func path(_ text: String) throws(ContainerFault) -> String {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard !text.isEmpty, !parts.contains(".."), !parts.contains("") else {
                throw fault("invalid path \"\(text)\"")
            }
            return text
        }
        for (field, type) in [("configMap", ResourceType.configMap), ("secret", .secret)] {
            guard let source = source[field] else { continue }
            let name = source[nameField ?? (field == "secret" ? "secretName" : "name")]?.string ?? ""
            let isOptional = source["optional"]?.bool ?? false
            guard let object = surroundings.object(type, name) else {
                if isOptional { return [] }
                throw fault("\(type.kind.lowercased()) \"\(name)\" not found")
            }
            let entries = DataEntries(object)
            guard let items = source["items"]?.array, !items.isEmpty else {
                return entries.sorted.map { File(path: $0.key, bytes: $0.bytes, mode: mode(nil, source)) }
            }
            var files: [File] = []
            for item in items {
                let key = item["key"]?.string ?? ""
                guard let bytes = entries[key] else {
                    if isOptional { continue }
                    throw fault("references non-existent \(type.kind.lowercased()) key: \(key)")
                }
                files.append(File(path: try path(item["path"]?.string ?? ""), bytes: bytes, mode: mode(item, source)))
            }
            return files
        }
        if let source = source["downwardAPI"] {
            var files: [File] = []
            for item in source["items"]?.array ?? [] {
                var text: String?
                if let field = item[path: ["fieldRef", "fieldPath"]]?.string {
                    text = FieldReferences.field(field, of: pod)
                } else if let reference = item["resourceFieldRef"] {
                    let container = pod.specList("containers").first { $0["name"] == reference["containerName"] }
                    text = FieldReferences.resource(
                        reference,
                        of: container ?? [:],
                        allocatable: surroundings.allocatable
                    )
                }
                guard let text else { throw fault("unsupported field in \"\(item["path"]?.string ?? "")\"") }
                files.append(
                    File(path: try path(item["path"]?.string ?? ""), bytes: Array(text.utf8), mode: mode(item, source))
                )
            }
            return files
        }
        // What makes tokens is not this node.
        return source["serviceAccountToken"] == nil ? nil : []
    }

    /// Makes the folders and files below a folder; files that are there with other content are replaced.
    ///
    /// - Throws: ``ContainerFault`` with the reason `FailedMount`.
    func write(below folder: String) throws(ContainerFault) {
        for (name, volume) in volumes {
            do throws(FileFailure) {
                switch volume {
                case .host: break
                case .empty: try Files.makeFolder("\(folder)/\(name)")
                case .files(let files):
                    try Files.makeFolder("\(folder)/\(name)")
                    for file in files {
                        let path = "\(folder)/\(name)/\(file.path)"
                        try Files.makeFolder(Files.parent(of: path))
                        try Files.replace(path, file.bytes, mode: file.mode)
                    }
                }
            } catch {
                throw ContainerFault(
                    reason: "FailedMount",
                    message: "MountVolume.SetUp failed for volume \"\(name)\" : \(error)"
                )
            }
        }
    }

    /// Where a container's mounts are.
    func mounts(of container: JSONValue, below folder: String) -> MountPaths {
        MountPaths(
            (container["volumeMounts"]?.array ?? []).compactMap { mount in
                guard let inside = mount["mountPath"]?.string, let name = mount["name"]?.string,
                    let volume = volumes.first(where: { $0.name == name })?.volume
                else { return nil }
                var outside = "\(folder)/\(name)"
                if case .host(let path) = volume { outside = path }
                if let part = mount["subPath"]?.string, !part.isEmpty, !part.split(separator: "/").contains("..") {
                    outside += "/\(part)"
                }
                return (inside, outside)
            }
        )
    }
}
