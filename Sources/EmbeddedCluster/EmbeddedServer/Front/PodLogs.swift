import EmbeddedAPI
import HTTPServing
import JSON
package import Kubernetes

/// What `kubectl logs` asks for.
package struct PodLogOptions: Sendable, Hashable {
    /// One of the pod's containers.
    package var container: String
    /// Whether the answer goes on with what is written from now on.
    package var follows = false
    /// Whether the container before the last restart is meant.
    package var isPrevious = false
    /// How many lines from the end; nil for all.
    package var tailLines: Int?
    package var sinceSeconds: Int?
    package var sinceTime: Timestamp?
    /// Whether each line begins with its time.
    package var hasTimestamps = false
    package var limitBytes: Int?

    package init(container: String) { self.container = container }
}

/// Writes the log of a pod's container; throws ``APIStatus`` before it returns when there is none.
package typealias LogProvider = @Sendable (ObjectKey, PodLogOptions) async throws -> FrontAnswer.Stream

extension PodLogOptions {
    /// Reads a request for the log of a pod.
    ///
    /// - Throws: ``APIStatus`` when the container is not named and there are several, or is not one of the pod's.
    init(_ request: ServerRequest, pod: JSONValue) throws(APIStatus) {
        let name = pod[path: ["metadata", "name"]]?.string ?? ""
        func names(_ field: String) -> [String] {
            pod[path: ["spec", field]]?.array?.compactMap { $0["name"]?.string } ?? []
        }
        let containers = names("containers")
        let initial = names("initContainers")
        let ephemeral = names("ephemeralContainers")
        if let wanted = Queries.text(request, "container") {
            guard (containers + initial + ephemeral).contains(wanted) else {
                throw .badRequest("container \(wanted) is not valid for pod \(name)")
            }
            container = wanted
        } else {
            guard containers.count == 1 else {
                let others =
                    initial.isEmpty ? "" : " or one of the init containers: [\(initial.joined(separator: " "))]"
                throw .badRequest(
                    "a container name must be specified for pod \(name), choose one of: "
                        + "[\(containers.joined(separator: " "))]\(others)"
                )
            }
            container = containers[0]
        }
        follows = Queries.flag(request, "follow")
        isPrevious = Queries.flag(request, "previous")
        hasTimestamps = Queries.flag(request, "timestamps")
        tailLines = try Queries.integer(request, "tailLines")
        limitBytes = try Queries.integer(request, "limitBytes")
        sinceSeconds = try Queries.integer(request, "sinceSeconds")
        if let text = Queries.text(request, "sinceTime") {
            guard let time = Timestamp(text) else { throw .badRequest("sinceTime: \"\(text)\" is not a time") }
            sinceTime = time
        }
        var causes: [APIStatus.Cause] = []
        if let tailLines, tailLines < 0 {
            causes.append(.invalid("tailLines", .integer(tailLines), "must be greater than or equal to 0"))
        }
        if let limitBytes, limitBytes < 1 {
            causes.append(.invalid("limitBytes", .integer(limitBytes), "must be greater than 0"))
        }
        if let sinceSeconds, sinceSeconds < 1 {
            causes.append(.invalid("sinceSeconds", .integer(sinceSeconds), "must be greater than 0"))
        }
        guard causes.isEmpty else {
            let type = ResourceType(version: "v1", kind: "PodLogOptions", plural: "podlogoptions")
            throw .invalid(type, name, causes)
        }
    }
}
