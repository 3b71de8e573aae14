package import EmbeddedAPI
package import HTTPServing
import JSON
package import Kubernetes
import Synchronization
package import Telemetry

/// All of the API server but its socket: who asks, what is asked, whether it is allowed, how it is answered, and what
/// goes wrong on the way.
package final class APIFront: Sendable {
    /// How it answers.
    package struct Options: Sendable {
        /// What `/version` says; its build is told apart from Kubernetes' own behind the `+`.
        package var version = ServerVersion(major: "1", minor: "32", gitVersion: "v1.32.0+homeostat")
        /// The key that signs the tokens of service accounts.
        package var tokenKey: [UInt8]
        /// The administrator's token.
        package var adminToken: String
        /// The time of day, for ages and tokens.
        package var wall: @Sendable () -> Timestamp
        /// Times watches, latency and in-process time limits.
        package var clock: any Clock<Duration>
        /// Whether watches stream the first state on request, as servers from 1.32 on do.
        package var servesWatchList = true
        package var registry: MetricsRegistry
        package var faults: FaultInjector

        package init(
            tokenKey: [UInt8],
            adminToken: String,
            wall: @escaping @Sendable () -> Timestamp,
            clock: any Clock<Duration> = ContinuousClock(),
            registry: MetricsRegistry = MetricsRegistry(),
            faults: FaultInjector = FaultInjector()
        ) {
            self.tokenKey = tokenKey
            self.adminToken = adminToken
            self.wall = wall
            self.clock = clock
            self.registry = registry
            self.faults = faults
        }
    }

    package let core: APICore
    package let faults: FaultInjector
    /// Makes tokens of service accounts, for the controller that stores them.
    package let signer: TokenSigner
    let clock: any Clock<Duration>
    let options: Options
    let hub: WatchHub
    let authenticator: Authenticator
    let authorizer: RBACAuthorizer
    let metrics: ServerMetrics
    private let reviews: AccessReviews
    private let logs = Mutex<LogProvider?>(nil)
    private let address = Mutex("127.0.0.1")
    private let watchNumber = Mutex(0)

    package init(_ core: APICore, _ options: Options) {
        self.core = core
        self.options = options
        faults = options.faults
        clock = options.clock
        signer = TokenSigner(key: options.tokenKey)
        hub = WatchHub(core)
        authenticator = Authenticator(
            core: core,
            signer: signer,
            adminToken: options.adminToken,
            now: options.wall
        )
        authorizer = RBACAuthorizer(core: core)
        reviews = AccessReviews(authenticator: authenticator, authorizer: authorizer)
        metrics = ServerMetrics(options.registry)
        faults.connect { [weak hub] order in hub?.order(order) }
    }

    /// How many watches are open.
    package var watchCount: Int { hub.count }

    /// Gives `pods/log` its source; nil takes it away.
    package func setLogs(_ provider: LogProvider?) { logs.withLock { $0 = provider } }

    /// Breaks off all watches and reads the API anew, after it went back to another state.
    package func reset() { hub.reset() }

    func setAddress(_ text: String) { address.withLock { $0 = text } }

    // MARK: Answering

    /// Answers a request.
    ///
    /// - Parameters:
    ///   - request: The request, received whole.
    ///   - trusted: Who sends it when it carries no token, for requests that come over no network.
    package func answer(_ request: ServerRequest, as trusted: APICall.User? = nil) async -> FrontAnswer {
        let began = ContinuousClock.now
        let info = RequestInfo(request)
        let type = info.isResource ? type(of: info) : nil
        let answer = await answer(request, info, type, trusted)
        metrics.answered(info, known: type != nil, status: answer.status, after: ContinuousClock.now - began)
        return answer
    }

    /// What a fault changes in an answer.
    struct Alteration: Sendable {
        var losesAnswer = false
        var truncateBytes: Int?
        var staleVersions: Int?
        var watchFault: WatchSession.Fault?
    }

    private func answer(
        _ request: ServerRequest,
        _ info: RequestInfo,
        _ type: ResourceType?,
        _ trusted: APICall.User?
    ) async -> FrontAnswer {
        var alteration = Alteration()
        let seen = Self.seen(request, info, type)
        switch faults.decide(seen) {
        case .proceed: break
        case .disconnect: return .disconnect
        case .wait(let duration):
            // Ends early when the client goes away.
            try? await clock.sleep(for: duration)
        case .fault(let fault):
            if let answer = await alter(&alteration, fault) { return answer }
        }
        let answer: FrontAnswer
        do throws(APIStatus) {
            answer = try await respond(request, info, trusted, alteration)
        } catch { answer = Self.refuse(error) }
        if seen.isWrite, answer.status < 300, faults.countWrite() { return .disconnect }
        if alteration.losesAnswer { return .disconnect }
        if let limit = alteration.truncateBytes { return Self.truncated(answer, limit) }
        return answer
    }

    /// What a fault answers instead of the API; nil when it changes something later.
    private func alter(_ alteration: inout Alteration, _ fault: FaultInjector.Fault) async -> FrontAnswer? {
        func status(_ code: Int, _ reason: String, _ retryAfter: Int?) -> FrontAnswer {
            Self.refuse(
                APIStatus(
                    code: code,
                    reason: reason,
                    message: "a fault was injected",
                    retryAfterSeconds: retryAfter
                )
            )
        }
        switch fault {
        case .answer(let code, let reason, let retryAfter): return status(code, reason, retryAfter)
        case .disconnect, .effect(.disconnect): return .disconnect
        case .loseAnswer, .effect(.loseAnswer): alteration.losesAnswer = true
        case .delay(let wait): await wait()
        case .body(let contentType, let bytes): return .bytes(bytes, contentType: contentType)
        case .effect(.answer(let code, let reason, let retryAfter)): return status(code, reason, retryAfter)
        case .effect(.truncate(let bytes)): alteration.truncateBytes = bytes
        case .effect(.staleList(let versions)): alteration.staleVersions = versions
        case .effect(.endWatch(let events)): alteration.watchFault = .init(afterEvents: events, order: .end)
        case .effect(.cutWatch(let events)): alteration.watchFault = .init(afterEvents: events, order: .cut)
        case .effect(.stallWatch(let events)): alteration.watchFault = .init(afterEvents: events, order: .stall)
        case .effect(.expireWatch(let events)): alteration.watchFault = .init(afterEvents: events, order: .gone)
        case .effect(.dropEvents(let events, let count)):
            alteration.watchFault = .init(afterEvents: events, order: .drop(count))
        case .effect(.latency): break  // waited for where it was decided
        }
        return nil
    }

    private func respond(
        _ request: ServerRequest,
        _ info: RequestInfo,
        _ trusted: APICall.User?,
        _ alteration: Alteration
    ) async throws(APIStatus) -> FrontAnswer {
        let isTrusted = request.header("Authorization") == nil && request.clientCertificateSubject == nil
        var user = if isTrusted, let trusted { trusted } else { try authenticator.user(of: request) }
        user = try Impersonation.user(of: request, sender: user, authorizer)
        var wanted = AccessAttributes(user: user, info)
        if wanted.name.isEmpty, info.verb == "list" || info.verb == "watch",
            let fields = Queries.text(request, "fieldSelector")
        {
            // Whoever may see one object by its name may list and watch it.
            wanted.name = try FieldSelector(parsing: fields).requiredName ?? ""
        }
        guard authorizer.decide(wanted).isAllowed else { throw wanted.refusal() }
        guard info.isResource else { return try document(request, info) }
        return try await resource(request, info, user, alteration)
    }

    // MARK: Resources

    /// The resource that a request names, if it is served.
    private func type(of info: RequestInfo) -> ResourceType? {
        definition(info)?.type ?? AccessReviews.type(of: info)
    }

    private func definition(_ info: RequestInfo) -> ResourceDefinition? {
        let found = core.definition(group: info.group, version: info.version, plural: info.plural)
        return found.flatMap { faults.isHidden($0.type) ? nil : $0 }
    }

    private func resource(
        _ request: ServerRequest,
        _ info: RequestInfo,
        _ user: APICall.User,
        _ alteration: Alteration
    ) async throws(APIStatus) -> FrontAnswer {
        if let type = AccessReviews.type(of: info) {
            guard info.verb == "create" else { throw .methodNotAllowed }
            let call = try CallReader.call(request, info, type, user: user)
            return try encode(try reviews.answer(type, call), try format(request, reshapes: false))
        }
        guard let definition = definition(info) else { return .text("404 page not found\n", status: 404) }
        if let refusal = try checkPlace(definition.type, info) { return refusal }
        if let subresource = info.subresource, let answer = try await special(subresource, request, info, user) {
            return answer
        }
        var call = try CallReader.call(request, info, definition.type, user: user)
        if call.verb == .watch { return try watch(request, call, definition, alteration) }
        let format = try format(request, reshapes: info.subresource == nil)
        if let versions = alteration.staleVersions, call.continueToken == nil, call.resourceVersion ?? "0" == "0" {
            call.resourceVersion = String(max(core.oldestVersion, core.version - versions))
            call.versionMatch = .exact
        }
        return try encode(
            try core.perform(call),
            format,
            definition,
            includeObject: try includeObject(request)
        )
    }

    /// Whether path and method fit the resource; 404 for paths that are nobody's.
    private func checkPlace(_ type: ResourceType, _ info: RequestInfo) throws(APIStatus) -> FrontAnswer? {
        let isNamespace = type.group.isEmpty && type.plural == "namespaces"
        let notFound = FrontAnswer.text("404 page not found\n", status: 404)
        if !type.isNamespaced, !info.namespace.isEmpty, !isNamespace { return notFound }
        if type.isNamespaced, info.namespace.isEmpty {
            if !info.name.isEmpty { return notFound }
            guard info.verb == "list" || info.verb == "watch" else { throw .methodNotAllowed }
        }
        guard APICall.Verb(rawValue: info.verb) != nil else { throw .methodNotAllowed }
        switch info.verb {
        case "create": if !info.name.isEmpty, info.subresource == nil { throw .methodNotAllowed }
        case "update", "patch": if info.name.isEmpty { throw .methodNotAllowed }
        case "deletecollection": if isNamespace { throw .methodNotAllowed }
        default: break
        }
        return nil
    }

    /// Subresources that the server answers by itself; nil for the others.
    private func special(
        _ subresource: String,
        _ request: ServerRequest,
        _ info: RequestInfo,
        _ user: APICall.User
    ) async throws(APIStatus) -> FrontAnswer? {
        switch (info.group, info.plural, subresource) {
        case ("", "pods", "log"): return try await log(request, info)
        case ("", "pods", "exec"), ("", "pods", "attach"), ("", "pods", "portforward"), ("", _, "proxy"):
            throw APIStatus(
                code: 501,
                reason: "NotImplemented",
                message: "\(info.plural)/\(subresource) is not offered by the embedded cluster"
            )
        case ("", "serviceaccounts", "token"):
            guard info.verb == "create" else { throw .methodNotAllowed }
            let call = try CallReader.call(request, info, Authenticator.serviceAccounts, user: user)
            return try encode(try TokenRequests.answer(call, core, signer, now: options.wall()), AnswerFormat())
        default: return nil
        }
    }

    private func log(_ request: ServerRequest, _ info: RequestInfo) async throws(APIStatus) -> FrontAnswer {
        guard info.verb == "get" || info.verb == "list" || info.verb == "watch" else { throw .methodNotAllowed }
        let key = ObjectKey(namespace: info.namespace, name: info.name)
        guard let pod = core.get(.pod, key) else { throw .notFound(.pod, info.name) }
        let options = try PodLogOptions(request, pod: pod)
        guard let provider = logs.withLock({ $0 }) else {
            throw APIStatus(
                code: 501,
                reason: "NotImplemented",
                message: "no runtime is connected that has the logs of pod \"\(info.name)\""
            )
        }
        let stream: FrontAnswer.Stream
        do {
            stream = try await provider(key, options)
        } catch let refusal as APIStatus {
            throw refusal
        } catch {
            throw APIStatus(code: 500, reason: "InternalError", message: "Internal error occurred: \(error)")
        }
        return FrontAnswer(
            headers: [("Content-Type", "text/plain")],
            body: .stream { [metrics] sink in
                metrics.opened("CONNECT", "pods")
                defer { metrics.closed("CONNECT", "pods") }
                try await stream(sink)
            }
        )
    }

    // MARK: Watching

    private func watch(
        _ request: ServerRequest,
        _ call: APICall,
        _ definition: ResourceDefinition,
        _ alteration: Alteration
    ) throws(APIStatus) -> FrontAnswer {
        let format = try format(request, reshapes: true)
        guard format.encoding == .json else { throw .notAcceptable }
        let sendsInitialEvents = Queries.text(request, "sendInitialEvents").map { Queries.flag($0) }
        if sendsInitialEvents != nil {
            guard options.servesWatchList else {
                throw .invalidOptions(
                    "ListOptions",
                    .forbidden(
                        "sendInitialEvents",
                        "sendInitialEvents is forbidden for watch unless the WatchList "
                            + "feature gate is enabled"
                    )
                )
            }
            guard call.versionMatch != nil else {
                throw .invalidOptions(
                    "ListOptions",
                    .forbidden(
                        "resourceVersionMatch",
                        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
                    )
                )
            }
        }
        let resource = definition.type.plural
        let fields = try core.fieldSelector(call.fieldSelector, of: definition)
        let labels = try LabelSelector(parsing: call.labelSelector)
        let asked = call.resourceVersion ?? "0"
        guard let from = Int(asked), from >= 0 else { throw .invalidVersion(asked) }
        let version = from > 0 && sendsInitialEvents != true ? from : nil
        let ticket = WatchTicket(
            hub,
            definition.stored,
            namespace: call.namespace,
            name: fields.requiredName,
            after: version
        )
        // Asked after the place was taken: what is there now is not forgotten before it is read.
        let oldest = core.oldestVersion
        let session = WatchSession(
            core: core,
            hub: hub,
            ticket: ticket,
            version: version,
            refusal: (version ?? oldest) < oldest
                ? .expired("too old resource version: \(asked) (\(oldest))") : nil,
            encoder: WatchEncoder(
                definition,
                WatchFormat(type: definition.type, format: format, includeObject: try includeObject(request)),
                now: options.wall
            ),
            call: call,
            labels: labels,
            fields: fields,
            allowsBookmarks: Queries.flag(request, "allowWatchBookmarks"),
            sendsInitialEvents: sendsInitialEvents,
            timeLimit: .seconds(try Queries.integer(request, "timeoutSeconds") ?? defaultWatchSeconds()),
            clock: clock,
            fault: alteration.watchFault,
            sent: { [metrics] in metrics.sent($0, resource) }
        )
        let suffix = format.shape == .object ? ";stream=watch" : ""
        return FrontAnswer(
            headers: [("Content-Type", format.contentType + suffix)],
            body: .stream { [metrics] sink in
                metrics.opened("WATCH", resource)
                defer { metrics.closed("WATCH", resource) }
                try await session.run(sink)
            }
        )
    }

    /// From half an hour to an hour, each watch another, so that not all end at once.
    private func defaultWatchSeconds() -> Int {
        watchNumber.withLock { number in
            number += 1
            return 1800 + number * 607 % 1800
        }
    }

    // MARK: Formats

    private func format(_ request: ServerRequest, reshapes: Bool) throws(APIStatus) -> AnswerFormat {
        guard let format = AnswerFormat(accepting: request.header("Accept") ?? "", reshapes: reshapes) else {
            throw .notAcceptable
        }
        return format
    }

    private func includeObject(_ request: ServerRequest) throws(APIStatus) -> TableMaker.IncludeObject {
        guard let text = Queries.text(request, "includeObject") else { return .metadata }
        guard let value = TableMaker.IncludeObject(rawValue: text) else {
            throw .badRequest("unrecognized includeObject value: \"\(text)\"")
        }
        return value
    }

    private func encode(
        _ answer: APIAnswer,
        _ format: AnswerFormat,
        _ definition: ResourceDefinition? = nil,
        includeObject: TableMaker.IncludeObject = .metadata
    ) throws(APIStatus) -> FrontAnswer {
        var body = answer.body
        if let definition, body["kind"] != "Status" {
            switch format.shape {
            case .object: break
            case .partial: body = TableMaker.partialOrList(body, version: format.version)
            case .table:
                let maker = TableMaker(
                    definition,
                    version: format.version,
                    includeObject: includeObject,
                    now: options.wall()
                )
                body = maker.table(body)
            }
        }
        return Self.encode(body, format, status: answer.code)
    }

    static func encode(_ body: JSONValue, _ format: AnswerFormat, status: Int = 200) -> FrontAnswer {
        let bytes = format.encoding == .json ? body.bytes() : yaml(body)
        return .bytes(bytes, contentType: format.contentType, status: status)
    }

    static func refuse(_ status: APIStatus) -> FrontAnswer {
        var answer = FrontAnswer.bytes(
            status.object.bytes(),
            contentType: "application/json",
            status: status.code
        )
        if let seconds = status.retryAfterSeconds { answer.headers.append(("Retry-After", String(seconds))) }
        if status.code == 401 { answer.headers.append(("WWW-Authenticate", "Bearer realm=\"kubernetes\"")) }
        return answer
    }

    /// The beginning of an answer, broken off.
    private static func truncated(_ answer: FrontAnswer, _ limit: Int) -> FrontAnswer {
        guard case .bytes(let bytes) = answer.body, bytes.count > limit else { return answer }
        var cut = answer
        cut.body = .stream { sink in
            try await sink.write(Array(bytes.prefix(limit)))
            sink.abort()
        }
        return cut
    }

    // MARK: Documents

    /// Paths that are no resources.
    private func document(_ request: ServerRequest, _ info: RequestInfo) throws(APIStatus) -> FrontAnswer {
        let notFound = FrontAnswer.text("404 page not found\n", status: 404)
        guard request.method == "GET" || request.method == "HEAD" else { throw .methodNotAllowed }
        let parts = info.path.split(separator: "/").map(String.init)
        switch parts.first ?? "" {
        case "": return Self.encode(["paths": .array(Self.paths.map { .string($0) })], AnswerFormat())
        case "version": return Self.encode(version, AnswerFormat())
        case "healthz", "livez", "readyz": return .text("ok")
        case "metrics": return .bytes(options.registry.expose(), contentType: MetricsRegistry.contentType)
        case "api", "apis": return try discovery(request, parts) ?? notFound
        case "openapi": return try openAPI(request, parts) ?? notFound
        default: return notFound
        }
    }

    private static let paths = [
        "/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz",
        "/version",
    ]

    private var version: JSONValue {
        [
            "major": .string(options.version.major), "minor": .string(options.version.minor),
            "gitVersion": .string(options.version.gitVersion), "gitCommit": "", "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "swift", "platform": "linux",
        ]
    }

    /// What is served and not hidden.
    var definitions: [ResourceDefinition] {
        let hidden = faults.hidden
        return hidden.isEmpty ? core.definitions : core.definitions.filter { !hidden.contains($0.type) }
    }

    private func discovery(_ request: ServerRequest, _ parts: [String]) throws(APIStatus) -> FrontAnswer? {
        let documents = DiscoveryDocuments(
            definitions,
            reviews: AccessReviews.types,
            serverAddress: address.withLock { $0 }
        )
        let isLegacy = parts[0] == "api"
        if parts.count == 1 {
            for type in MediaType.list(request.header("Accept") ?? "") {
                guard type.name == "application/json", type.parameters["as"] == "APIGroupDiscoveryList",
                    type.parameters["g"] == "apidiscovery.k8s.io", let version = type.parameters["v"],
                    version == "v2" || version == "v2beta1"
                else {
                    if type.parameters["as"] == nil { break }
                    continue
                }
                return .bytes(
                    documents.aggregated(isLegacy: isLegacy, version: version).bytes(),
                    contentType: "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
                )
            }
        }
        let format = try format(request, reshapes: false)
        let found: JSONValue? =
            switch (isLegacy, parts.count) {
            case (true, 1): documents.legacyVersions
            case (true, 2): documents.resources(group: "", version: parts[1])
            case (false, 1): documents.groupList
            case (false, 2): documents.group(parts[1])
            case (false, 3): documents.resources(group: parts[1], version: parts[2])
            default: nil
            }
        return found.map { Self.encode($0, format) }
    }

    /// A request as tests and fault scripts see it.
    private static func seen(
        _ request: ServerRequest,
        _ info: RequestInfo,
        _ type: ResourceType?
    ) -> FaultInjector.Request {
        var verb = "other"
        if type != nil {
            switch info.verb {
            case "update": verb = "replace"
            case "deletecollection": verb = "delete"
            case "patch":
                let isApply = request.header("Content-Type")?.hasPrefix("application/apply-patch") == true
                verb = isApply ? "apply" : "patch"
            case "get", "list", "watch", "create", "delete": verb = info.verb
            default: break
            }
        }
        let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
        return FaultInjector.Request(
            number: 0,
            verb: verb,
            type: type,
            key: ObjectKey(namespace: type?.isNamespaced == false ? "" : info.namespace, name: info.name),
            subresource: info.subresource,
            target: request.rawPath + (query.isEmpty ? "" : "?" + query),
            fieldManager: request.query("fieldManager") ?? "",
            userAgent: request.header("User-Agent") ?? ""
        )
    }
}
