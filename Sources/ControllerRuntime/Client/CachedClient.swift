import JSON
package import Kubernetes

/// One kind of object: read from a cache, written to the server.
///
/// Each write of a reconcile is noted, so that the same key is reconciled again only when the cache has seen it.
package struct CachedClient<Object: KubernetesObject>: Sendable {
    /// Reads from and writes to the server itself.
    package let live: ResourceClient<Object>
    /// The cache.
    package let store: Store<Object>

    package init(_ live: ResourceClient<Object>, _ informer: Informer<Object>) {
        self.live = live
        store = informer.store
    }

    /// The object as the cache knows it.
    package func get(_ key: ObjectKey) -> Object? { store.get(key) }

    /// Creates an object; see ``ResourceClient/create(_:fieldManager:dryRun:)``.
    @discardableResult
    package func create(_ object: Object, fieldManager: String? = nil) async throws -> Object {
        noting(try await live.create(object, fieldManager: fieldManager))
    }

    /// Creates an object of a fixed name, or finds the own one there.
    ///
    /// Safe when the answer of a first attempt was lost.
    @discardableResult
    package func createOrAdopt(
        _ object: Object,
        fieldManager: String? = nil,
        controllerUID: String
    ) async throws -> Object {
        noting(
            try await live.createOrAdopt(object, fieldManager: fieldManager, controllerUID: controllerUID).object
        )
    }

    /// Replaces an object at the version it has.
    @discardableResult
    package func replace(
        _ object: Object,
        subresource: String? = nil,
        fieldManager: String? = nil
    ) async throws -> Object {
        noting(try await live.replace(object, subresource: subresource, fieldManager: fieldManager))
    }

    /// Changes an object.
    @discardableResult
    package func patch(
        _ key: ObjectKey,
        _ patch: Patch,
        subresource: String? = nil,
        fieldManager: String? = nil
    ) async throws -> Object {
        noting(try await live.patch(key, patch, subresource: subresource, fieldManager: fieldManager))
    }

    /// Changes an object whose new state is awaited from the cache: of the answer only the version is read.
    package func send(
        _ patch: Patch,
        to key: ObjectKey,
        subresource: String? = nil,
        fieldManager: String? = nil
    ) async throws {
        let client = ResourceClient<WrittenObject>(client: live.client, type: live.type)
        store.expect(
            .written(try await client.patch(key, patch, subresource: subresource, fieldManager: fieldManager))
        )
    }

    /// Deletes the object with this uid; one that is gone already is no failure.
    package func delete(_ object: Object, _ options: DeleteOptions = DeleteOptions()) async throws {
        var options = options
        options.uid = object.metadata.uid
        do {
            try await live.delete(object.key, options)
        } catch let failure as APIFailure where failure.reason == .notFound {
            return
        }
        store.expect(.deleted(object.key, uid: object.metadata.uid))
    }

    /// Adds a finalizer; see ``ResourceClient/addFinalizer(_:to:fieldManager:)``.
    @discardableResult
    package func addFinalizer(
        _ finalizer: String,
        to object: Object,
        fieldManager: String? = nil
    ) async throws -> Object {
        noting(try await live.addFinalizer(finalizer, to: object, fieldManager: fieldManager))
    }

    /// Removes a finalizer; see ``ResourceClient/removeFinalizer(_:from:fieldManager:)``.
    @discardableResult
    package func removeFinalizer(
        _ finalizer: String,
        from object: Object,
        fieldManager: String? = nil
    ) async throws -> Object? {
        try await live.removeFinalizer(finalizer, from: object, fieldManager: fieldManager).map { noting($0) }
    }

    private func noting(_ object: Object) -> Object {
        store.expect(.written(object))
        return object
    }
}

extension ResourceClient {
    /// Reads an object, changes it and writes it back; when somebody else wrote in between, begins again.
    ///
    /// - Parameters:
    ///   - attempts: How often to write at most.
    ///   - change: Called with the newest state; returns false when nothing is to be written.
    /// - Returns: The object as it is stored now.
    /// - Throws: ``APIFailure``, the conflict itself after the last attempt.
    @discardableResult
    package func modify(
        _ key: ObjectKey,
        subresource: String? = nil,
        fieldManager: String? = nil,
        attempts: Int = 5,
        _ change: (inout Object) throws -> Bool
    ) async throws -> Object {
        var attempt = 0
        while true {
            attempt += 1
            var object = try await get(key)
            guard try change(&object) else { return object }
            do {
                return try await replace(object, subresource: subresource, fieldManager: fieldManager)
            } catch let failure as APIFailure where failure.reason == .conflict && attempt < attempts {
                continue
            }
        }
    }

    /// Adds a finalizer, unless the object has it or is being deleted, when it could not be added any more.
    ///
    /// - Throws: ``APIFailure/Reason/conflict`` when somebody else wrote since `object` was read.
    @discardableResult
    package func addFinalizer(
        _ finalizer: String,
        to object: Object,
        fieldManager: String? = nil
    ) async throws -> Object {
        guard !object.metadata.isBeingDeleted, !object.metadata.finalizers.contains(finalizer) else { return object }
        return try await setFinalizers(object.metadata.finalizers + [finalizer], of: object, fieldManager)
    }

    /// Removes a finalizer; an object that is gone is no failure.
    ///
    /// - Throws: ``APIFailure/Reason/conflict`` when somebody else wrote since `object` was read.
    @discardableResult
    package func removeFinalizer(
        _ finalizer: String,
        from object: Object,
        fieldManager: String? = nil
    ) async throws -> Object? {
        guard object.metadata.finalizers.contains(finalizer) else { return object }
        do {
            let others = object.metadata.finalizers.filter { $0 != finalizer }
            return try await setFinalizers(others, of: object, fieldManager)
        } catch let failure as APIFailure where failure.reason == .notFound {
            return nil
        }
    }

    /// Writes the whole list at the version it was read at: a merge patch replaces lists, so another's finalizer that
    /// was added meanwhile would be lost.
    private func setFinalizers(
        _ finalizers: [String],
        of object: Object,
        _ fieldManager: String?
    ) async throws -> Object {
        var metadata: JSONObject = [
            "resourceVersion": .string(object.metadata.resourceVersion),
            "finalizers": .array(finalizers.map { .string($0) }),
        ]
        if !object.metadata.uid.isEmpty { metadata.set("uid", .string(object.metadata.uid)) }
        return try await patch(object.key, .merge(["metadata": .object(metadata)]), fieldManager: fieldManager)
    }
}
