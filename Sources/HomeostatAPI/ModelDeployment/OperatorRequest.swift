package import JSON

/// What a person asks of a rollout, as the annotation `homeostat.dev/request: verb/revision/id`.
///
/// A request is carried out once: its id is acknowledged in `status.lastHandledRequest`.
package struct OperatorRequest: Sendable, Hashable, CustomStringConvertible {
    /// The annotation that holds a request.
    package static let annotation = "homeostat.dev/request"

    /// What to do.
    package enum Verb: String, APIEnum {
        /// Make the canary stable now, whatever steps are left.
        case promote
        /// Go on with the next step.
        case skip
        /// Roll the canary back.
        case abort
        /// Try a rejected revision once more.
        case retry
        /// Stay at the present weight.
        case pause
        /// Go on after a pause.
        case resume
    }

    package var verb: Verb
    /// The revision that the person saw; a request about another one is refused.
    package var revision: String
    /// Tells one request from another; chosen by whoever asks.
    package var id: String

    package init(_ verb: Verb, revision: String, id: String) {
        self.verb = verb
        self.revision = revision
        self.id = id
    }

    /// Parses the value of the annotation.
    ///
    /// - Throws: ``FieldError`` whose path is that of the annotation.
    package init(parsing text: String) throws(FieldError) {
        func failure(_ problem: String, _ remedy: String) -> FieldError {
            FieldError(path: "metadata.annotations[\(Self.annotation)]", problem: problem, remedy: remedy)
        }
        let shown = "\"\(text.prefix(80))\""
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else { throw failure("\(shown) is not a request", "write it as verb/revision/id") }
        guard let verb = Verb(rawValue: parts[0]) else {
            let verbs = Verb.allCases.map(\.rawValue).joined(separator: ", ")
            throw failure("the verb of \(shown) is unknown", "use one of \(verbs)")
        }
        guard Self.isWord(parts[1], limit: 63) else {
            throw failure("the revision of \(shown) is not one", "take it from status.stable or status.canary")
        }
        guard Self.isWord(parts[2], limit: 128) else {
            throw failure(
                "the id of \(shown) is not one",
                "use up to 128 letters, digits, \"-\", \"_\" and \".\", new for each request"
            )
        }
        self.init(verb, revision: parts[1], id: parts[2])
    }

    package var description: String { "\(verb.rawValue)/\(revision)/\(id)" }

    private static func isWord(_ text: String, limit: Int) -> Bool {
        (1...limit).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}
