import JSON

/// Which objects of a collection, and in which state.
package struct ListOptions: Sendable, Hashable {
    /// Chooses by labels, as `app=churn,track in (stable)`; empty for all.
    package var labelSelector: String
    /// Chooses by fields, as `metadata.name=churn`; empty for all.
    ///
    /// Servers offer few fields.
    package var fieldSelector: String
    /// Objects a page; 0 asks for everything in one answer.
    package var limit: Int
    /// Empty for the newest state (a quorum read), "0" for any the server has in memory, else at least this version.
    package var resourceVersion: String
    /// `Exact` or `NotOlderThan`; empty to leave it to the server.
    package var resourceVersionMatch: String

    package init(
        labelSelector: String = "",
        fieldSelector: String = "",
        limit: Int = 500,
        resourceVersion: String = "",
        resourceVersionMatch: String = ""
    ) {
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.limit = limit
        self.resourceVersion = resourceVersion
        self.resourceVersionMatch = resourceVersionMatch
    }
}

/// What to watch, and from where.
package struct WatchOptions: Sendable, Hashable {
    /// As in ``ListOptions/labelSelector``.
    package var labelSelector: String
    /// As in ``ListOptions/fieldSelector``.
    package var fieldSelector: String
    /// The version to go on from: changes after it are sent.
    ///
    /// Empty or "0" begin with the present objects as added.
    package var resourceVersion: String
    /// Whether the server may send its version when there is no change to send.
    package var allowBookmarks: Bool
    /// Asks for the present objects as added events and a bookmark at their end ("watch-list").
    ///
    /// Servers before 1.27 refuse it with ``APIFailure/Reason/invalid`` (or ignore it: then no such bookmark comes).
    package var sendInitialEvents: Bool
    /// After how long the server ends the watch; nil for a random time of five to ten minutes.
    package var timeout: Duration?

    package init(
        labelSelector: String = "",
        fieldSelector: String = "",
        resourceVersion: String = "",
        allowBookmarks: Bool = true,
        sendInitialEvents: Bool = false,
        timeout: Duration? = nil
    ) {
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.resourceVersion = resourceVersion
        self.allowBookmarks = allowBookmarks
        self.sendInitialEvents = sendInitialEvents
        self.timeout = timeout
    }
}

/// How to delete, and under which conditions.
package struct DeleteOptions: Sendable, Hashable {
    /// What becomes of the objects that the deleted one owns.
    package enum Propagation: String, Sendable {
        case background = "Background"
        case foreground = "Foreground"
        case orphan = "Orphan"
    }

    /// Deletes only the object with this uid; ``APIFailure/Reason/conflict`` otherwise.
    package var uid: String
    /// Deletes only this version of the object; ``APIFailure/Reason/conflict`` otherwise.
    package var resourceVersion: String
    /// Nil for the kind's own default.
    package var propagation: Propagation?
    /// Seconds a pod has to end; nil for its own.
    package var gracePeriodSeconds: Int?
    /// Checks everything and changes nothing.
    package var dryRun: Bool

    package init(
        uid: String = "",
        resourceVersion: String = "",
        propagation: Propagation? = nil,
        gracePeriodSeconds: Int? = nil,
        dryRun: Bool = false
    ) {
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.propagation = propagation
        self.gracePeriodSeconds = gracePeriodSeconds
        self.dryRun = dryRun
    }

    var value: JSONValue {
        var options: JSONObject = ["apiVersion": "v1", "kind": "DeleteOptions"]
        var preconditions = JSONObject()
        if !uid.isEmpty { preconditions.set("uid", .string(uid)) }
        if !resourceVersion.isEmpty { preconditions.set("resourceVersion", .string(resourceVersion)) }
        if !preconditions.isEmpty { options.set("preconditions", .object(preconditions)) }
        if let propagation { options.set("propagationPolicy", .string(propagation.rawValue)) }
        if let gracePeriodSeconds { options.set("gracePeriodSeconds", .integer(gracePeriodSeconds)) }
        if dryRun { options.set("dryRun", ["All"]) }
        return .object(options)
    }
}

/// Which part of a container's log.
package struct LogOptions: Sendable, Hashable {
    /// Empty when the pod has one container.
    package var container: String
    /// The container before its last restart.
    package var previous: Bool
    /// The last lines only; nil for all.
    package var tailLines: Int?
    /// At most so many bytes; nil for all.
    package var limitBytes: Int?
    /// Only what is younger; nil for all.
    package var sinceSeconds: Int?
    /// Begins each line with its time.
    package var timestamps: Bool

    package init(
        container: String = "",
        previous: Bool = false,
        tailLines: Int? = nil,
        limitBytes: Int? = nil,
        sinceSeconds: Int? = nil,
        timestamps: Bool = false
    ) {
        self.container = container
        self.previous = previous
        self.tailLines = tailLines
        self.limitBytes = limitBytes
        self.sinceSeconds = sinceSeconds
        self.timestamps = timestamps
    }

    var query: Query {
        var query = Query()
        query.add("container", container)
        if previous { query.add("previous", "true") }
        if let tailLines { query.add("tailLines", String(tailLines)) }
        if let limitBytes { query.add("limitBytes", String(limitBytes)) }
        if let sinceSeconds { query.add("sinceSeconds", String(sinceSeconds)) }
        if timestamps { query.add("timestamps", "true") }
        return query
    }
}

/// The query of a request.
package struct Query: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    private var text = ""

    package init() {}

    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }

    /// Adds an item, percent-encoded; an empty value is left out.
    package mutating func add(_ name: String, _ value: String) {
        guard !value.isEmpty else { return }
        text += (text.isEmpty ? "?" : "&") + ResourceType.escape(name) + "=" + ResourceType.escape(value)
    }

    /// `?a=b&c=d`, or nothing.
    package var suffix: String { text }
}
