package import HTTPTransport
package import JSON

/// A list of objects and the version they were read at.
package struct ObjectList<Object: KubernetesObject>: Sendable {
    /// In the order of the server.
    package var items: [Object]
    /// Watch from here to miss nothing.
    package var resourceVersion: String
    /// Items that could not be read, with the reason.
    package var malformed: [(key: ObjectKey?, error: JSONError)]
}

/// What a streaming list brings.
package enum ListItem<Object: KubernetesObject>: Sendable {
    case item(Object)
    /// An item that could not be read; its name as far as it could be made out.
    case malformed(ObjectKey?, JSONError)
    /// The list had to begin anew: everything delivered so far must be forgotten. Comes alone.
    case restart
}

/// The objects of one kind on one server.
package struct ResourceClient<Object: KubernetesObject>: Sendable {
    /// What sends the requests.
    package let client: KubernetesClient
    /// The kind.
    package let type: ResourceType

    package init(client: KubernetesClient, type: ResourceType) {
        self.client = client
        self.type = type
    }

    // MARK: Reading

    /// Reads one object.
    ///
    /// - Parameter resourceVersion: Nil for the newest state, "0" for any that the server has in memory.
    package func get(
        _ key: ObjectKey,
        subresource: String? = nil,
        resourceVersion: String? = nil
    ) async throws -> Object {
        var query = Query()
        if let resourceVersion { query.add("resourceVersion", resourceVersion) }
        return try await object(request("get", key, subresource: subresource, query: query))
    }

    /// Reads all objects, page by page.
    ///
    /// When the state of the first page is no longer there, it begins anew and asks for everything at once.
    @concurrent
    package func list(in namespace: String = "", _ options: ListOptions = .init()) async throws -> ObjectList<Object> {
        let collected = Collected<Object>()
        let version = try await list(in: namespace, options) { collected.add($0) }
        let (items, malformed) = collected.take()
        return ObjectList(items: items, resourceVersion: version, malformed: malformed)
    }

    /// Reads all objects and hands them over while the answers arrive, a few at a time.
    ///
    /// - Parameter deliver: Called in order, one call at a time. On ``ListItem/restart`` forget what came before.
    /// - Returns: The version of the list.
    @concurrent
    package func list(
        in namespace: String = "",
        _ options: ListOptions = .init(),
        deliver: @Sendable ([ListItem<Object>]) -> Void
    ) async throws -> String {
        var options = options
        var token = ""
        var restarts = 0
        while true {
            do {
                let page = try await page(namespace, options, token, deliver)
                guard !page.token.isEmpty else { return page.resourceVersion }
                token = page.token
            } catch let failure as APIFailure {
                let isStale = failure.isExpired && !token.isEmpty
                let isCut = failure.reason == .transport && failure.code == 200
                guard isStale || isCut, restarts < 3 else { throw failure }
                restarts += 1
                if isCut { try await client.connection.backOff(attempt: restarts) }
                deliver([.restart])
                token = ""
                // In pages it may grow stale again; in one answer it cannot.
                if isStale { options.limit = 0 }
            }
        }
    }

    /// Watches for changes.
    ///
    /// - Throws: ``APIFailure`` when the watch cannot begin: ``APIFailure/isExpired`` when the version is too old.
    package func watch(in namespace: String = "", _ options: WatchOptions = .init()) async throws -> WatchStream<Object>
    {
        var query = Query()
        query.add("watch", "true")
        query.add("labelSelector", options.labelSelector)
        query.add("fieldSelector", options.fieldSelector)
        query.add("resourceVersion", options.resourceVersion)
        if options.sendInitialEvents {
            query.add("sendInitialEvents", "true")
            query.add("resourceVersionMatch", "NotOlderThan")
        }
        if options.allowBookmarks || options.sendInitialEvents { query.add("allowWatchBookmarks", "true") }
        // Spread, so that watches begun together do not end together.
        let timeout = options.timeout ?? .seconds(Int.random(in: 300...600))
        query.add("timeoutSeconds", String(max(1, timeout.components.seconds)))
        var request = request("watch", namespace: namespace, query: query)
        // A server that does not end the watch itself has lost it.
        request.timeLimit = timeout + .seconds(30)
        request.retries = RetryPolicy.none
        let stream = try await client.connection.stream(request)
        return WatchStream(
            stream,
            client.connection,
            verb: "watch",
            target: request.target,
            limitBytes: client.configuration.maxObjectBytes
        )
    }

    // MARK: Writing

    /// Creates an object and returns it as it was stored.
    ///
    /// Sent again only when the server cannot have seen it; see ``createOrAdopt(_:fieldManager:isOwn:)``.
    package func create(
        _ object: Object,
        fieldManager: String? = nil,
        dryRun: Bool = false
    ) async throws -> Object {
        var request = request(
            "create",
            namespace: object.metadata.namespace,
            query: writeQuery(fieldManager, dryRun)
        )
        request.method = "POST"
        request.target = target(object.key)
        request.body = object.bytes()
        request.isRepeatable = false
        return try await self.object(request)
    }

    /// Creates an object of a fixed name, safe against lost answers: finding one's own object there is success.
    ///
    /// - Parameter isOwn: Tells one's own object, as by owner and annotation.
    /// - Returns: The object as stored, and whether it was created now.
    /// - Throws: ``APIFailure/Reason/alreadyExists`` when there is an object that is not one's own.
    package func createOrAdopt(
        _ object: Object,
        fieldManager: String? = nil,
        isOwn: (Object) -> Bool
    ) async throws -> (object: Object, isNew: Bool) {
        var attempt = 0
        while true {
            attempt += 1
            do {
                return (try await create(object, fieldManager: fieldManager), true)
            } catch let failure as APIFailure where failure.mayHaveHappened && attempt < 4 {
                // The name is fixed, so a second attempt cannot make a second object.
                try await client.connection.backOff(attempt: attempt)
            } catch let failure as APIFailure where failure.reason == .alreadyExists {
                let found: Object
                do {
                    found = try await get(object.key)
                } catch let missing as APIFailure where missing.reason == .notFound && attempt < 4 {
                    continue  // deleted in between
                }
                guard isOwn(found) else { throw failure }
                return (found, false)
            }
        }
    }

    /// ``createOrAdopt(_:fieldManager:isOwn:)`` for an object whose controller has this uid.
    ///
    /// - Parameter annotation: Must have the same value on both, if given.
    package func createOrAdopt(
        _ object: Object,
        fieldManager: String? = nil,
        controllerUID: String,
        annotation: String? = nil
    ) async throws -> (object: Object, isNew: Bool) {
        try await createOrAdopt(object, fieldManager: fieldManager) { found in
            found.metadata.controller?.uid == controllerUID
                && annotation.map { found.metadata.annotations[$0] == object.metadata.annotations[$0] } ?? true
        }
    }

    /// Replaces an object; with a `resourceVersion` in it only if that is still the newest.
    package func replace(
        _ object: Object,
        subresource: String? = nil,
        fieldManager: String? = nil,
        dryRun: Bool = false
    ) async throws -> Object {
        var request = request(
            "replace",
            object.key,
            subresource: subresource,
            query: writeQuery(fieldManager, dryRun)
        )
        request.method = "PUT"
        request.body = object.bytes()
        return try await self.object(request)
    }

    /// Changes an object.
    package func patch(
        _ key: ObjectKey,
        _ patch: Patch,
        subresource: String? = nil,
        fieldManager: String? = nil,
        dryRun: Bool = false
    ) async throws -> Object {
        var request = request("patch", key, subresource: subresource, query: writeQuery(fieldManager, dryRun))
        request.method = "PATCH"
        request.body = patch.bytes
        request.contentType = patch.contentType
        request.isRepeatable = patch.isRepeatable
        return try await object(request)
    }

    /// Declares the fields that `fieldManager` wants (server-side apply); creates the object if it is not there.
    ///
    /// - Parameters:
    ///   - value: The fields. `apiVersion`, `kind`, name and namespace are filled in when they are missing.
    ///   - force: Takes fields over from other managers instead of failing with ``APIFailure/Reason/conflict``.
    package func apply(
        _ key: ObjectKey,
        _ value: JSONValue,
        fieldManager: String,
        force: Bool = false,
        subresource: String? = nil,
        dryRun: Bool = false
    ) async throws -> Object {
        var query = writeQuery(fieldManager, dryRun)
        if force { query.add("force", "true") }
        var request = request("apply", key, subresource: subresource, query: query)
        request.method = "PATCH"
        request.contentType = "application/apply-patch+yaml"
        var value = value
        if value["apiVersion"] == nil { value["apiVersion"] = .string(type.apiVersion) }
        if value["kind"] == nil { value["kind"] = .string(type.kind) }
        if value[path: ["metadata", "name"]] == nil { value[path: ["metadata", "name"]] = .string(key.name) }
        if !key.namespace.isEmpty, value[path: ["metadata", "namespace"]] == nil {
            value[path: ["metadata", "namespace"]] = .string(key.namespace)
        }
        request.body = value.bytes()
        return try await object(request)
    }

    /// Deletes an object, or asks for it when it has finalizers.
    ///
    /// When the first answer was lost and the object is gone at the second attempt, that is success.
    package func delete(_ key: ObjectKey, _ options: DeleteOptions = .init()) async throws {
        var request = request("delete", key)
        request.method = "DELETE"
        request.body = options.value.bytes()
        do {
            _ = try await client.connection.send(request)
        } catch let failure as APIFailure where failure.reason == .notFound && failure.mayHaveHappened {
            return
        }
    }

    /// Deletes all objects that the list options choose.
    package func deleteCollection(
        in namespace: String,
        _ list: ListOptions = .init(limit: 0),
        _ options: DeleteOptions = .init()
    ) async throws {
        var query = Query()
        query.add("labelSelector", list.labelSelector)
        query.add("fieldSelector", list.fieldSelector)
        var request = request("delete", namespace: namespace, query: query)
        request.method = "DELETE"
        request.body = options.value.bytes()
        _ = try await client.connection.send(request)
    }

    // MARK: Subresources

    /// Asks for the removal of a pod, which its disruption budgets may refuse.
    ///
    /// - Throws: ``APIFailure/Reason/throttled`` when a budget refuses it now; not sent again by itself.
    package func evict(_ key: ObjectKey, _ options: DeleteOptions = .init()) async throws {
        let version = try await client.discovery.evictionVersion()
        let eviction: JSONValue = [
            "apiVersion": .string("policy/\(version)"), "kind": "Eviction",
            "metadata": ["name": .string(key.name), "namespace": .string(key.namespace)],
            "deleteOptions": options.value,
        ]
        var request = request("evict", key, subresource: "eviction")
        request.method = "POST"
        request.body = eviction.bytes()
        request.isRepeatable = false
        request.retries = RetryPolicy.none
        _ = try await client.connection.send(request)
    }

    /// Reads how many replicas are wanted and there are.
    package func scale(_ key: ObjectKey) async throws -> Scale {
        try await scale(request("get", key, subresource: "scale"))
    }

    /// Sets how many replicas are wanted.
    ///
    /// - Parameter resourceVersion: Only if the object still has this version; nil in any case.
    @discardableResult
    package func setScale(
        _ key: ObjectKey,
        replicas: Int,
        resourceVersion: String? = nil,
        fieldManager: String? = nil
    ) async throws -> Scale {
        var patch: JSONValue = ["spec": ["replicas": .integer(replicas)]]
        if let resourceVersion { patch[path: ["metadata", "resourceVersion"]] = .string(resourceVersion) }
        var request = request("patch", key, subresource: "scale", query: writeQuery(fieldManager, false))
        request.method = "PATCH"
        request.body = patch.bytes()
        request.contentType = Patch.merge(patch).contentType
        return try await scale(request)
    }

    /// Reads the log of a pod's container.
    ///
    /// - Parameter limit: The most bytes to accept.
    package func logs(_ key: ObjectKey, _ options: LogOptions = .init(), limit: Int = 16 << 20) async throws -> [UInt8]
    {
        var request = request("get", key, subresource: "log", query: options.query)
        request.accept = "*/*"
        let target = request.target
        do {
            return try await client.connection.stream(request).body.collect(limit: limit)
        } catch let failure as HTTPFailure {
            throw Connection.failure(failure, "get", target)
        }
    }

    /// Follows the log of a pod's container until the container or the reader ends.
    package func followLogs(_ key: ObjectKey, _ options: LogOptions = .init()) async throws -> HTTPBody {
        var query = options.query
        query.add("follow", "true")
        var request = request("get", key, subresource: "log", query: query)
        request.accept = "*/*"
        request.timeLimit = nil
        return try await client.connection.stream(request).body
    }

    // MARK: Requests

    private func target(_ key: ObjectKey) -> String { "\(type) \"\(key)\"" }

    private func request(
        _ verb: String,
        _ key: ObjectKey,
        subresource: String? = nil,
        query: Query = [:]
    ) -> APIRequest {
        APIRequest(
            path: type.path(namespace: key.namespace, name: key.name, subresource: subresource) + query.suffix,
            verb: verb,
            target: target(key) + (subresource.map { " (\($0))" } ?? ""),
            timeLimit: client.configuration.requestTimeLimit
        )
    }

    private func request(_ verb: String, namespace: String, query: Query) -> APIRequest {
        APIRequest(
            path: type.path(namespace: namespace) + query.suffix,
            verb: verb,
            target: namespace.isEmpty ? "\(type)" : "\(type) in \"\(namespace)\"",
            timeLimit: client.configuration.requestTimeLimit
        )
    }

    private func writeQuery(_ fieldManager: String?, _ dryRun: Bool) -> Query {
        var query = Query()
        query.add("fieldManager", fieldManager ?? client.configuration.fieldManager)
        if dryRun { query.add("dryRun", "All") }
        return query
    }

    private func object(_ request: APIRequest) async throws -> Object {
        let (answer, _) = try await client.connection.send(request)
        return try Connection.decode(answer, request.verb, request.target) { bytes throws(JSONError) in
            try Object(parsing: bytes)
        }
    }

    private func scale(_ request: APIRequest) async throws -> Scale {
        let (answer, _) = try await client.connection.send(request)
        let value = try Connection.decode(answer, request.verb, request.target) { bytes throws(JSONError) in
            try JSONValue(parsing: bytes)
        }
        return Scale(value)
    }

    // MARK: Pages

    private struct Page {
        var resourceVersion: String
        var token: String
    }

    private func page(
        _ namespace: String,
        _ options: ListOptions,
        _ token: String,
        _ deliver: ([ListItem<Object>]) -> Void
    ) async throws -> Page {
        var query = Query()
        query.add("labelSelector", options.labelSelector)
        query.add("fieldSelector", options.fieldSelector)
        if options.limit > 0 { query.add("limit", String(options.limit)) }
        if token.isEmpty {
            query.add("resourceVersion", options.resourceVersion)
            query.add("resourceVersionMatch", options.resourceVersionMatch)
        } else {
            query.add("continue", token)  // which holds the version
        }
        var request = request("list", namespace: namespace, query: query)
        // A long list may take long as long as it comes.
        request.timeLimit = nil
        request.idleLimit = client.configuration.requestTimeLimit
        let stream = try await client.connection.stream(request)
        var splitter = ListSplitter(limitBytes: client.configuration.maxObjectBytes)
        var isFirst = true
        do {
            for try await part in stream.body {
                if isFirst {
                    try Connection.checkJSON(stream.headers, stream.status, part, "list", request.target)
                    isFirst = false
                }
                let items = try Self.split(part, &splitter)
                if !items.isEmpty { deliver(items) }
            }
            if isFirst { try Connection.checkJSON(stream.headers, stream.status, [], "list", request.target) }
            try splitter.end()
            return try Self.page(splitter)
        } catch let error as JSONError {
            throw APIFailure(
                .malformedAnswer,
                verb: "list",
                target: request.target,
                code: stream.status,
                detail: "the answer is not a list",
                underlying: error
            )
        } catch let failure as HTTPFailure {
            var told = Connection.failure(failure, "list", request.target)
            told.code = stream.status
            throw told
        }
    }

    private static func split(_ part: [UInt8], _ splitter: inout ListSplitter) throws(JSONError) -> [ListItem<Object>] {
        var items: [ListItem<Object>] = []
        let outcome = part.withUnsafeBufferPointer { buffer -> Result<Void, JSONError> in
            do throws(JSONError) {
                try splitter.feed(buffer) { items.append(item($0)) }
                return .success(())
            } catch { return .failure(error) }
        }
        try outcome.get()
        return items
    }

    private static func item(_ bytes: UnsafeBufferPointer<UInt8>) -> ListItem<Object> {
        do throws(JSONError) {
            return .item(try JSONReader.read(bytes) { (reader) throws(JSONError) in try Object(from: &reader) })
        } catch {
            return .malformed(ObjectKey(inJSON: bytes), error)
        }
    }

    private static func page(_ splitter: ListSplitter) throws(JSONError) -> Page {
        let metadata = try splitter.members["metadata"].map { (bytes) throws(JSONError) in try JSONValue(parsing: bytes)
        }
        let kind = try splitter.members["kind"].map { (bytes) throws(JSONError) in try JSONValue(parsing: bytes) }
        guard splitter.hasItems || kind?.string?.hasSuffix("List") == true else {
            throw JSONError(.missing, "there are no items, but a \(kind?.string ?? "nameless kind")", path: "items")
        }
        return Page(
            resourceVersion: metadata?["resourceVersion"]?.string ?? "",
            token: metadata?["continue"]?.string ?? ""
        )
    }
}

/// The `scale` subresource of a kind.
package struct Scale: Sendable, Hashable {
    /// Wanted.
    package var replicas: Int
    /// There.
    package var statusReplicas: Int
    /// Selects the pods, as text; empty when the kind has none.
    package var selector: String
    /// The version of the object that is scaled.
    package var resourceVersion: String

    init(_ value: JSONValue) {
        replicas = value[path: ["spec", "replicas"]]?.integer ?? 0
        statusReplicas = value[path: ["status", "replicas"]]?.integer ?? 0
        selector = value[path: ["status", "selector"]]?.string ?? ""
        resourceVersion = value[path: ["metadata", "resourceVersion"]]?.string ?? ""
    }
}

extension ObjectKey {
    /// The name of an object that could not be read, as far as it can be made out.
    init?(inJSON bytes: UnsafeBufferPointer<UInt8>) {
        // What is no JSON has no name.
        let value = try? JSONReader.read(bytes) { (reader) throws(JSONError) in try reader.value() }
        guard let metadata = value?["metadata"], let name = metadata["name"]?.string else { return nil }
        self.init(namespace: metadata["namespace"]?.string ?? "", name: name)
    }
}
