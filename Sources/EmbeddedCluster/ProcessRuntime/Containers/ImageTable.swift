import JSON
import YAML

/// Which program stands for a container image: a machine without containers has no images to take programs from.
///
/// The file is YAML or JSON:
///
///     images:
///       model-server:                      # by the last part of the name, whatever the registry and the tag
///         command: [/usr/local/bin/model-server]
///         env: {ADDRESS: $(POD_IP)}        # unless the container sets it
///       localhost/train:v2:                # by the whole name
///         command: [python3, /opt/train.py]
///         workingDir: /opt
package struct ImageTable: Sendable, Equatable {
    /// What an image stands for.
    package struct Image: Sendable, Equatable {
        /// The program and its first arguments: the entry point, whose place a container's `command` takes.
        package var command: [String]
        /// Variables that the image brings; `$(POD_IP)`, `$(PORT)` and others that are set before are put in.
        package var environment: [String: String]
        /// The folder to run in; nil for the pod's own.
        package var workingFolder: String?

        package init(command: [String], environment: [String: String] = [:], workingFolder: String? = nil) {
            self.command = command
            self.environment = environment
            self.workingFolder = workingFolder
        }
    }

    /// Why a file is no table: the place in it, and what is wrong there.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    /// By whole or last names.
    package var images: [String: Image]

    package init(_ images: [String: Image] = [:]) { self.images = images }

    /// The images that are there from the start: `sh` (also as `busybox`), and `model-server`.
    ///
    /// - Parameter modelServer: The path of that program; nil when it is not installed.
    package static func standard(modelServer: String?) -> ImageTable {
        var table = ImageTable(["sh": Image(command: ["/bin/sh"]), "busybox": Image(command: ["/bin/sh"])])
        if let modelServer {
            table.images["model-server"] = Image(command: [modelServer], environment: ["ADDRESS": "$(POD_IP)"])
        }
        return table
    }

    /// Reads a file's text.
    ///
    /// - Throws: ``Fault``.
    package init(parsing bytes: [UInt8]) throws(Fault) {
        let value: JSONValue
        do throws(YAMLError) { value = try YAML.parse(bytes) } catch { throw Fault(description: "\(error)") }
        guard let members = value["images"]?.object else {
            throw Fault(description: "images: missing; it maps names of images to their commands")
        }
        if let other = value.object?.keys.first(where: { $0 != "images" }) {
            throw Fault(description: "\(other): unknown; there is only \"images\"")
        }
        images = [:]
        for (name, entry) in members { images[name] = try Self.image(entry, at: "images.\(name)") }
    }

    private static func image(_ value: JSONValue, at path: String) throws(Fault) -> Image {
        func strings(_ value: JSONValue?, _ path: String) throws(Fault) -> [String] {
            let elements = value?.array ?? []
            let texts = elements.compactMap(\.string)
            guard !texts.isEmpty, texts.count == elements.count else {
                throw Fault(description: "\(path): must be a list of at least one text")
            }
            return texts
        }
        // The short form: nothing but the command.
        if value.array != nil { return Image(command: try strings(value, path)) }
        guard let members = value.object else { throw Fault(description: "\(path): must be a list or a mapping") }
        var image = Image(command: try strings(members["command"], "\(path).command"))
        for (field, value) in members {
            switch field {
            case "command": break
            case "workingDir":
                guard let folder = value.string else { throw Fault(description: "\(path).\(field): must be a text") }
                image.workingFolder = folder
            case "env":
                for (name, value) in value.object ?? [:] {
                    guard let text = value.string else {
                        throw Fault(description: "\(path).env.\(name): must be a text")
                    }
                    image.environment[name] = text
                }
            default: throw Fault(description: "\(path).\(field): unknown; use command, env or workingDir")
            }
        }
        return image
    }

    /// The same with the entries of another table, which win.
    package func merging(_ other: ImageTable) -> ImageTable {
        ImageTable(images.merging(other.images) { $1 })
    }

    /// What an image's name stands for: the entry of the whole name, else that of its last part without tag and digest.
    package func image(_ name: String) -> Image? { images[name] ?? images[Self.lastPart(name)] }

    static func lastPart(_ name: String) -> String {
        let last = name.split(separator: "/").last.map(String.init) ?? name
        return String(last.prefix { $0 != ":" && $0 != "@" })
    }
}
