import EmbeddedAPI
import HTTPServing
import JSON
import Kubernetes

/// Makes a call of the API out of a request.
enum CallReader {
    /// - Throws: ``APIStatus`` when query or body cannot be used.
    static func call(
        _ request: ServerRequest,
        _ info: RequestInfo,
        _ resource: ResourceType,
        user: APICall.User
    ) throws(APIStatus) -> APICall {
        guard let verb = APICall.Verb(rawValue: info.verb) else { throw .methodNotAllowed }
        var call = APICall(verb, resource, ObjectKey(namespace: info.namespace, name: info.name), user: user)
        if !resource.isNamespaced { call.namespace = "" }
        call.subresource = info.subresource
        call.userAgent = request.header("User-Agent") ?? ""
        try readQuery(request, into: &call)
        switch verb {
        case .patch:
            let (format, body) = try RequestBody.patch(request)
            call.patchFormat = format
            call.body = body
            guard format != .apply || !call.fieldManager.isEmpty else {
                throw .invalidOptions(
                    "PatchOptions",
                    .required("fieldManager", "is required for apply patch")
                )
            }
            guard !call.isForced || format == .apply else {
                throw .invalidOptions("PatchOptions", .forbidden("force", "may not be specified for non-apply patch"))
            }
        case .create, .update:
            call.body = try RequestBody.object(request, for: resource)
        case .delete, .deletecollection:
            call.body = try RequestBody.object(request, for: resource)
            readDeleteOptions(into: &call)
        case .get, .list, .watch: break
        }
        return call
    }

    private static func readQuery(_ request: ServerRequest, into call: inout APICall) throws(APIStatus) {
        call.labelSelector = request.query("labelSelector") ?? ""
        call.fieldSelector = request.query("fieldSelector") ?? ""
        call.limit = try Queries.integer(request, "limit")
        call.continueToken = Queries.text(request, "continue")
        call.resourceVersion = Queries.text(request, "resourceVersion")
        call.fieldManager = request.query("fieldManager") ?? ""
        call.isForced = Queries.flag(request, "force")
        call.propagationPolicy = Queries.text(request, "propagationPolicy")
        call.gracePeriodSeconds = try Queries.integer(request, "gracePeriodSeconds")
        if call.propagationPolicy == nil, let orphans = Queries.text(request, "orphanDependents") {
            call.propagationPolicy = Queries.flag(orphans) ? "Orphan" : "Background"
        }
        let dryRun = request.query.filter { $0.name == "dryRun" && !$0.value.isEmpty }.map(\.value)
        for value in dryRun where value != "All" {
            throw .invalidOptions(optionsKind(call.verb), .notSupported("dryRun", .string(value), ["All"]))
        }
        call.isDryRun = !dryRun.isEmpty
        if let match = Queries.text(request, "resourceVersionMatch") { try readMatch(match, request, into: &call) }
    }

    private static func readMatch(
        _ match: String,
        _ request: ServerRequest,
        into call: inout APICall
    ) throws(APIStatus) {
        let kind = "ListOptions"
        if call.verb == .watch {
            // Only the watch that streams the first state takes it.
            guard Queries.flag(request, "sendInitialEvents") else {
                throw .invalidOptions(
                    kind,
                    .forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch")
                )
            }
            guard match == "NotOlderThan" else {
                throw .invalidOptions(
                    kind,
                    .forbidden(
                        "resourceVersionMatch",
                        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
                    )
                )
            }
            call.versionMatch = .notOlderThan
            return
        }
        guard call.resourceVersion != nil else {
            throw .invalidOptions(
                kind,
                .forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden unless resourceVersion is provided"
                )
            )
        }
        guard let value = APICall.VersionMatch(rawValue: match) else {
            throw .invalidOptions(
                kind,
                .notSupported("resourceVersionMatch", .string(match), ["Exact", "NotOlderThan", ""])
            )
        }
        if value == .exact, call.resourceVersion == "0" {
            throw .invalidOptions(
                kind,
                .forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""
                )
            )
        }
        if call.continueToken != nil {
            throw .invalidOptions(
                kind,
                .forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
            )
        }
        call.versionMatch = value
    }

    /// What stands in the body counts more than the query.
    private static func readDeleteOptions(into call: inout APICall) {
        guard let options = call.body else { return }
        if let policy = options["propagationPolicy"]?.string { call.propagationPolicy = policy }
        if let seconds = options["gracePeriodSeconds"]?.integer { call.gracePeriodSeconds = seconds }
        if let orphans = options["orphanDependents"]?.bool {
            call.propagationPolicy = orphans ? "Orphan" : "Background"
        }
        if options["dryRun"]?.array?.contains("All") == true { call.isDryRun = true }
    }

    private static func optionsKind(_ verb: APICall.Verb) -> String {
        switch verb {
        case .create: "CreateOptions"
        case .update: "UpdateOptions"
        case .patch: "PatchOptions"
        default: "DeleteOptions"
        }
    }
}

extension APIStatus {
    /// 401.
    static let unauthorized = APIStatus(code: 401, reason: "Unauthorized", message: "Unauthorized")

    /// 406.
    static let notAcceptable = APIStatus(
        code: 406,
        reason: "NotAcceptable",
        message: "only the following media types are accepted: \(AnswerFormat.accepted.joined(separator: ", "))"
    )

    /// 422 for parameters that cannot be.
    static func invalidOptions(_ kind: String, _ cause: Cause) -> APIStatus {
        APIStatus(
            code: 422,
            reason: "Invalid",
            message: "\(kind).meta.k8s.io \"\" is invalid: \(cause.text)",
            group: "meta.k8s.io",
            kind: kind,
            causes: [cause]
        )
    }
}
