import EmbeddedAPI
import JSON
import Kubernetes

/// One watch: what its client asked for, and how it is served.
struct WatchSession: Sendable {
    /// What goes wrong with it.
    struct Fault: Sendable, Hashable {
        /// After so many events.
        var afterEvents: Int
        var order: WatchHub.Order
    }

    private static let bookmarkInterval = Duration.seconds(60)
    /// Events are gathered up to this many bytes, so that many small ones go out together.
    private static let gatherBytes = 32 << 10

    let core: APICore
    let hub: WatchHub
    /// Taken before the client is answered, so that what it does after the answer is seen.
    let ticket: WatchTicket
    /// What the client has seen; nil when the present objects come first, or the newest version is taken.
    let version: Int?
    /// Why it cannot be served, told in its first event.
    let refusal: APIStatus?
    let encoder: WatchEncoder
    let call: APICall
    let labels: LabelSelector
    let fields: FieldSelector
    let allowsBookmarks: Bool
    /// Whether the client asked for the present objects first, with a mark at their end.
    let sendsInitialEvents: Bool?
    let timeLimit: Duration
    let clock: any Clock<Duration>
    let fault: Fault?
    let sent: @Sendable (Int) -> Void

    private var stored: ResourceType { encoder.definition.stored }

    /// Writes events until the watch's time is over, or the client goes.
    func run(_ sink: any ByteSink) async throws {
        let id = ticket.id
        defer { hub.remove(id) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await keepTime(id) }
            do {
                try await follow(id, sink)
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
            // Its cancellation is the only way it ends early.
            while let _ = try? await group.next() {}
        }
    }

    private func keepTime(_ id: Int) async throws {
        var left = timeLimit
        while left > .zero {
            let nap = allowsBookmarks ? min(left, Self.bookmarkInterval) : left
            try await clock.sleep(for: nap)
            left -= nap
            if allowsBookmarks { hub.order(.bookmark, to: id) }
        }
        hub.order(.end, to: id)
    }

    /// What has been written of the watch so far.
    private struct Progress {
        var version: Int
        var needsHeader: Bool
        var gathered: [UInt8] = []
        var events = 0
        var isStalled = false
        /// How many events are still left out before the watch is told that its version is gone.
        var dropping: Int?
        var isOver = false
        /// Whether the fault has struck.
        var hasFailed = false
        var mayTell: Bool { !isOver && !isStalled && dropping == nil }
    }

    private func follow(_ id: Int, _ sink: any ByteSink) async throws {
        var progress: Progress
        let first: FirstState
        do throws(APIStatus) {
            first = try begin()
        } catch {
            try await sink.write(WatchEncoder.event("ERROR", error.object.bytes()))
            return
        }
        progress = Progress(version: first.version, needsHeader: encoder.format.format.shape == .table)
        for object in first.objects where !progress.isOver {
            try await write("ADDED", &progress, sink) { encoder.bytes(served: object, hasHeader: $0) }
        }
        if first.hasMark, progress.mayTell {
            progress.gathered += WatchEncoder.event(
                "BOOKMARK",
                encoder.bookmark(at: progress.version, isInitialEventsEnd: true)
            )
        }
        while !progress.isOver {
            try Task.checkCancellation()
            let batch = hub.take(id, after: progress.version)
            // These are about what comes after them, which may be in the same batch.
            for order in batch.orders where order.isAboutWhatFollows { try await obey(order, &progress, sink) }
            var records = batch.records
            var version = batch.version
            if batch.isBehind, !progress.isStalled {
                do throws(APIStatus) {
                    let changes = try core.changes(after: version, limit: 1000)
                    records = changes.filter { $0.resource.description == stored.description }.map(WatchRecord.init)
                    version = changes.last?.version ?? core.version
                } catch {
                    try await flush(&progress, sink)
                    try await sink.write(WatchEncoder.event("ERROR", error.object.bytes()))
                    return
                }
            }
            if !progress.isStalled {
                for record in records {
                    guard let (type, isLast) = kind(of: record.change) else { continue }
                    try await write(type, &progress, sink) { hasHeader in
                        // The first row describes the columns, so it is not the one that others are sent.
                        hasHeader
                            ? encoder.bytes(stored: record.stored(isLast: isLast), hasHeader: true)
                            : record.object(isLast: isLast, encoder)
                    }
                    if progress.isOver { break }
                }
                progress.version = version
            }
            try await flush(&progress, sink)
            for order in batch.orders where !progress.isOver && !order.isAboutWhatFollows {
                try await obey(order, &progress, sink)
            }
            if !batch.isBehind || progress.isStalled, records.isEmpty, batch.orders.isEmpty, !progress.isOver {
                await hub.wait(id, ordersOnly: progress.isStalled)
            }
        }
    }

    /// Where a watch begins.
    private struct FirstState {
        /// Changes are told from here on.
        var version: Int
        var objects: [JSONValue] = []
        /// Whether a bookmark says that these were all.
        var hasMark = false
    }

    /// The present objects, where they are asked for, and the version from which on changes are told.
    private func begin() throws(APIStatus) -> FirstState {
        if let refusal { throw refusal }
        if let version { return FirstState(version: version) }
        guard sendsInitialEvents ?? true else { return FirstState(version: core.version) }
        var list = call
        list.verb = .list
        list.resourceVersion = nil
        list.versionMatch = nil
        list.limit = nil
        let body = try core.perform(list).body
        let version = body[path: ["metadata", "resourceVersion"]]?.string.flatMap { Int($0) }
        return FirstState(
            version: version ?? core.version,
            objects: body["items"]?.array ?? [],
            hasMark: sendsInitialEvents == true && allowsBookmarks
        )
    }

    /// What a change is to this watch: something comes into it, changes in it or leaves it.
    private func kind(of change: Change) -> (type: String, isLast: Bool)? {
        if !call.namespace.isEmpty, change.key.namespace != call.namespace { return nil }
        let before = change.old.map(selects) ?? false
        let after = change.new.map(selects) ?? false
        switch (before, after) {
        case (false, false): return nil
        case (false, true): return ("ADDED", false)
        case (true, true): return ("MODIFIED", false)
        case (true, false): return ("DELETED", true)
        }
    }

    private func selects(_ object: JSONValue) -> Bool {
        (labels.isEmpty || labels.matches(object: object)) && (fields.isEmpty || fields.matches(object))
    }

    /// Writes an event, or does what a fault has in its place.
    ///
    /// - Parameter encode: The object; told whether it is to describe the columns of a table.
    private func write(
        _ type: String,
        _ progress: inout Progress,
        _ sink: any ByteSink,
        _ encode: (Bool) -> [UInt8]
    ) async throws {
        if let fault, progress.events == fault.afterEvents, !progress.hasFailed {
            progress.hasFailed = true
            try await flush(&progress, sink)
            try await obey(fault.order, &progress, sink)
        }
        if let dropping = progress.dropping, !progress.isOver {
            progress.dropping = dropping - 1
            if dropping <= 1 { try await obey(.gone, &progress, sink) }
            return
        }
        guard progress.mayTell else { return }
        progress.gathered += WatchEncoder.event(type, encode(progress.needsHeader))
        progress.needsHeader = false
        progress.events += 1
        if progress.gathered.count >= Self.gatherBytes { try await flush(&progress, sink) }
    }

    private func flush(_ progress: inout Progress, _ sink: any ByteSink) async throws {
        guard !progress.gathered.isEmpty else { return }
        let bytes = progress.gathered
        progress.gathered = []
        try await sink.write(bytes)
        sent(bytes.count)
    }

    private func obey(_ order: WatchHub.Order, _ progress: inout Progress, _ sink: any ByteSink) async throws {
        switch order {
        case .end: progress.isOver = true
        case .cut:
            progress.isOver = true
            try await sink.write(Array(#"{"type":"MODIFIED","object":{"metadata":{"na"#.utf8))
            sink.abort()
        case .gone:
            progress.isOver = true
            let status = APIStatus.expired("too old resource version: \(progress.version) (\(core.version))")
            try await sink.write(WatchEncoder.event("ERROR", status.object.bytes()))
        case .stall: progress.isStalled = true
        case .drop(let count): progress.dropping = max(1, count)
        case .bookmark where !allowsBookmarks || !progress.mayTell: break
        case .bookmark:
            try await sink.write(
                WatchEncoder.event("BOOKMARK", encoder.bookmark(at: progress.version, isInitialEventsEnd: false))
            )
        }
    }
}
