package import Kubernetes

/// Where a cache gets its objects from: one kind, in one namespace or all, through one selector.
package protocol ObjectSource<Object>: Sendable {
    associatedtype Object: KubernetesObject

    /// What is listed, as `widgets.example.com`; for logs and metrics.
    var name: String { get }

    /// Lists everything, all pages, handing over objects as they come.
    ///
    /// - Parameter resourceVersion: `"0"` for any state the server has at hand, `""` for the most recent one.
    /// - Returns: The version of the list.
    /// - Throws: When it is not complete; what was handed over then counts for nothing.
    func list(
        resourceVersion: String,
        deliver: @escaping @Sendable ([ObjectUpdate<Object>]) -> Void
    ) async throws -> String

    /// Watches until the server ends it.
    ///
    /// - Parameters:
    ///   - resourceVersion: The version to start after; empty with `sendsInitialEvents`.
    ///   - sendsInitialEvents: Whether the first state comes as events, its end announced by a bookmark.
    ///   - timeout: After how long the server shall end it.
    ///   - opened: Called once when the server has taken the watch.
    ///   - deliver: Called with what one read brought; the watch ends when it returns false.
    /// - Throws: When it ends in any other way.
    func watch(
        resourceVersion: String,
        sendsInitialEvents: Bool,
        timeout: Duration,
        opened: @escaping @Sendable () -> Void,
        deliver: @escaping @Sendable ([ObjectUpdate<Object>]) -> Bool
    ) async throws
}

/// What a list or watch says of one object.
package enum ObjectUpdate<Object: KubernetesObject>: Sendable {
    /// It is there, in this state.
    case put(Object)
    /// It is gone; this was its last state.
    case deleted(Object)
    /// Everything up to this version was told.
    case bookmark(resourceVersion: String, isInitialEventsEnd: Bool)
    /// It could not be read: which, if that can be told, and why.
    case malformed(ObjectKey?, String)
    /// A list had to begin anew: what it told so far counts for nothing.
    case restart
}
