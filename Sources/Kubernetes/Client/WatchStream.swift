import HTTPTransport
package import JSON

/// One change, as a watch tells it.
package enum WatchEvent<Object: KubernetesObject>: Sendable {
    case added(Object)
    case modified(Object)
    case deleted(Object)
    /// Nothing older than this version will come.
    ///
    /// - isInitialEventsEnd: The present objects, asked for with ``WatchOptions/sendInitialEvents``, are complete.
    case bookmark(resourceVersion: String, isInitialEventsEnd: Bool)
    /// An object that could not be read; its name as far as it could be made out.
    case malformed(ObjectKey?, JSONError)
}

/// The changes of a collection, in order, as batches: what one read brought.
///
/// It ends normally when the server ends the watch after its time. It throws ``APIFailure``: ``APIFailure/isExpired`` when
/// the version is too old, ``APIFailure/Reason/transport`` when the stream was cut; an object cut in its middle is never
/// delivered. What came before a failure is delivered before it. One reader; letting it go closes the watch.
package struct WatchStream<Object: KubernetesObject>: AsyncSequence, Sendable {
    package typealias Element = [WatchEvent<Object>]

    private let stream: HTTPStream
    /// A connection that nobody needs any more closes, so the watch needs it.
    private let connection: Connection
    private let verb: String
    private let target: String
    private let limitBytes: Int

    init(_ stream: HTTPStream, _ connection: Connection, verb: String, target: String, limitBytes: Int) {
        self.stream = stream
        self.connection = connection
        self.verb = verb
        self.target = target
        self.limitBytes = limitBytes
    }

    /// Begins to read; there is one reader.
    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            body: stream.body.makeAsyncIterator(),
            connection: connection,
            decoder: WatchDecoder(verb: verb, target: target, limitBytes: limitBytes),
            head: stream.headers,
            status: stream.status,
            verb: verb,
            target: target
        )
    }

    /// Reads a watch; letting it go closes the watch.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private var body: HTTPBody.AsyncIterator
        private let connection: Connection
        private var decoder: WatchDecoder<Object>
        private var head: HTTPHeaders?
        private let status: Int
        private let verb: String
        private let target: String
        private var isDone = false

        fileprivate init(
            body: HTTPBody.AsyncIterator,
            connection: Connection,
            decoder: WatchDecoder<Object>,
            head: HTTPHeaders,
            status: Int,
            verb: String,
            target: String
        ) {
            self.body = body
            self.connection = connection
            self.decoder = decoder
            self.head = head
            self.status = status
            self.verb = verb
            self.target = target
        }

        /// The next batch, never empty; nil when the server ended the watch.
        package mutating func next() async throws -> [WatchEvent<Object>]? {
            while !isDone {
                if let failure = decoder.failure {
                    isDone = true
                    throw failure
                }
                let part: [UInt8]?
                do {
                    part = try await body.next()
                } catch let failure as HTTPFailure {
                    isDone = true
                    throw APIFailure(
                        .transport,
                        verb: verb,
                        target: target,
                        code: status,
                        detail: failure.detail,
                        underlying: failure
                    )
                }
                guard let part else {
                    isDone = true
                    try decoder.end()
                    return nil
                }
                if let head {
                    try Connection.checkJSON(head, status, part, verb, target)
                    self.head = nil
                }
                let events = decoder.feed(part)
                if !events.isEmpty { return events }
            }
            return nil
        }
    }
}

/// Turns the bytes of a watch into events.
struct WatchDecoder<Object: KubernetesObject>: Sendable {
    private let verb: String
    private let target: String
    private var splitter: WatchLineSplitter
    /// Why the watch is over; nothing is read after it.
    private(set) var failure: APIFailure?

    init(verb: String = "watch", target: String, limitBytes: Int = 64 << 20) {
        self.verb = verb
        self.target = target
        splitter = WatchLineSplitter(limitBytes: limitBytes)
    }

    /// The events that are complete with these bytes.
    mutating func feed(_ part: [UInt8]) -> [WatchEvent<Object>] {
        guard failure == nil else { return [] }
        var events: [WatchEvent<Object>] = []
        var failure: APIFailure?
        let (verb, target) = (verb, target)
        part.withUnsafeBufferPointer { buffer in
            do throws(JSONError) {
                try splitter.feed(buffer) { line in
                    guard failure == nil else { return }
                    do throws(APIFailure) {
                        events.append(try Self.event(line, verb, target))
                    } catch { failure = error }
                }
            } catch {
                failure = failure ?? APIFailure(.tooLarge, verb: verb, target: target, detail: error.detail)
            }
        }
        self.failure = failure
        return events
    }

    /// Checks that the stream did not end in the middle of an event.
    func end() throws(APIFailure) {
        if let failure { throw failure }
        guard !splitter.isInsideLine else {
            throw APIFailure(
                .transport,
                verb: verb,
                target: target,
                detail: "the watch was cut in the middle of an event"
            )
        }
    }

    private static func event(
        _ line: UnsafeBufferPointer<UInt8>,
        _ verb: String,
        _ target: String
    ) throws(APIFailure) -> WatchEvent<Object> {
        var type = ""
        var event: WatchEvent<Object>?
        var status: JSONValue?
        do throws(JSONError) {
            // The API server writes the type first; where it does not, the text is read a second time for the object.
            for _ in 0..<2 where event == nil && status == nil {
                try JSONReader.read(line) { (reader) throws(JSONError) in
                    try reader.object { (key, reader) throws(JSONError) in
                        if key.matches("type") {
                            type = try reader.string()
                        } else if key.matches("object"), !type.isEmpty {
                            if type == "ERROR" {
                                status = try reader.value()
                            } else {
                                event = try Self.event(type, &reader)
                            }
                        } else {
                            try reader.skip()
                        }
                    }
                }
            }
        } catch {
            if let value = try? JSONReader.read(line, { (reader) throws(JSONError) in try reader.value() }),
                let metadata = value[path: ["object", "metadata"]]
            {
                let key = metadata["name"]?.string.map {
                    ObjectKey(namespace: metadata["namespace"]?.string ?? "", name: $0)
                }
                return .malformed(key, error)
            }
            throw APIFailure(
                .malformedAnswer,
                verb: verb,
                target: target,
                code: 200,
                detail: "a line of the watch is not an event",
                underlying: error
            )
        }
        if let status {
            throw APIFailure(code: status["code"]?.integer ?? 0, status: status, verb: verb, target: target)
        }
        guard let event else {
            throw APIFailure(
                .malformedAnswer,
                verb: verb,
                target: target,
                code: 200,
                detail: "a line of the watch has no type or no object"
            )
        }
        return event
    }

    private static func event(_ type: String, _ reader: inout JSONReader) throws(JSONError) -> WatchEvent<Object> {
        switch type {
        case "ADDED": return .added(try Object(from: &reader))
        case "MODIFIED": return .modified(try Object(from: &reader))
        case "DELETED": return .deleted(try Object(from: &reader))
        case "BOOKMARK":
            // Not read as `Object`: a bookmark has its version and none of the fields that a type may insist on.
            var metadata = ObjectMeta()
            try reader.object { (key, reader) throws(JSONError) in
                if key.matches("metadata") { metadata = try ObjectMeta(from: &reader) } else { try reader.skip() }
            }
            return .bookmark(
                resourceVersion: metadata.resourceVersion,
                isInitialEventsEnd: metadata.annotations["k8s.io/initial-events-end"] == "true"
            )
        default: throw JSONError(.invalid, "unknown type \"\(type)\"", path: "type")
        }
    }
}
