import JSON
import Kubernetes

/// What a list needs, taken under the lock; the rest is done outside of it.
struct PendingList: Sendable {
    var operation: Operation
    var table: ObjectTable
    /// The version that the list is of.
    var version: Int
    /// The key that the list goes on from.
    var start: String
    var limit: Int?
    var labels: LabelSelector
    var fields: FieldSelector

    /// The `List` object.
    func answer() -> APIAnswer {
        let definition = operation.definition
        var prefix = operation.key.namespace.isEmpty ? "" : "\(operation.key.namespace)/"
        // A list of one name is a lookup.
        if let name = fields.requiredName, !definition.type.isNamespaced || !prefix.isEmpty { prefix += name }
        let isWhole = labels.isEmpty && fields.isEmpty
        var items: [JSONValue] = []
        var next: String?
        table.visit(prefix: prefix, from: start) { entry in
            if let limit, items.count == limit {
                next = entry.key
                return false
            }
            if isWhole || (labels.matches(object: entry.object) && fields.matches(entry.object)) {
                items.append(item(entry.object))
            }
            return true
        }
        var metadata: JSONValue = ["resourceVersion": .string(String(version))]
        if let next {
            metadata["continue"] = .string(ContinueToken(version: version, start: next).text)
            if isWhole {
                metadata["remainingItemCount"] = .integer(table.count(prefix: prefix, from: next))
            }
        }
        return APIAnswer([
            "kind": .string("\(definition.type.kind)List"), "apiVersion": .string(definition.type.apiVersion),
            "metadata": metadata, "items": .array(items),
        ])
    }

    /// Items of built-in lists do not say what they are, as the list does.
    private func item(_ object: JSONValue) -> JSONValue {
        var item = operation.definition.fromStored(object)
        if !operation.definition.isCustom {
            item["kind"] = nil
            item["apiVersion"] = nil
        }
        return item
    }
}

extension ClusterState {
    func get(_ operation: Operation) throws(APIStatus) -> APIAnswer {
        guard let object = object(operation.stored, operation.key) else { throw operation.notFound }
        if let text = operation.call.resourceVersion, !text.isEmpty { try checkReached(try Self.parse(text)) }
        switch operation.call.subresource {
        case nil, "": return operation.answer(object)
        case "status" where operation.definition.hasStatus: return operation.answer(object)
        case "scale" where operation.definition.scale != nil:
            return APIAnswer(try scale(of: object, operation))
        default: throw .unknownResource
        }
    }

    func prepareList(_ operation: Operation) throws(APIStatus) -> PendingList {
        let call = operation.call
        let labels = try LabelSelector(parsing: call.labelSelector)
        let fields = try known(try FieldSelector(parsing: call.fieldSelector), operation)
        var pending = PendingList(
            operation: operation,
            table: ObjectTable(),
            version: version,
            start: "",
            limit: call.limit.flatMap { $0 > 0 ? $0 : nil },
            labels: labels,
            fields: fields
        )
        let past = try pastVersion(operation, &pending)
        pending.version = past
        pending.table = past == version ? table(operation.stored) : table(operation.stored, at: past)
        return pending
    }

    /// The version that a list is to be of.
    private func pastVersion(_ operation: Operation, _ pending: inout PendingList) throws(APIStatus) -> Int {
        let call = operation.call
        let asked = call.resourceVersion ?? ""
        if let text = call.continueToken, !text.isEmpty {
            guard call.versionMatch == nil else {
                throw Self.listOptionsInvalid("resourceVersionMatch is forbidden when continue is provided")
            }
            guard asked.isEmpty || asked == "0" else {
                throw .badRequest("specifying resource version is not allowed when using continue")
            }
            let token = try ContinueToken(parsing: text)
            pending.start = token.start
            guard let past = token.version else { return version }
            guard past <= version else { throw Self.tooLarge(past, version) }
            guard past >= history.oldest else { throw expiredContinue(token) }
            return past
        }
        if asked.isEmpty {
            guard call.versionMatch == nil else {
                throw Self.listOptionsInvalid(
                    "resourceVersionMatch is forbidden unless resourceVersion is provided"
                )
            }
            return version
        }
        let past = try Self.parse(asked)
        if past == 0 {
            guard call.versionMatch != .exact else {
                throw Self.listOptionsInvalid(
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""
                )
            }
            // Any state will do: it is served whole from memory.
            pending.limit = nil
            return version
        }
        try checkReached(past)
        let isExact = call.versionMatch == .exact || (call.versionMatch == nil && pending.limit != nil)
        guard isExact else { return version }
        guard past >= history.oldest else {
            throw .expired("The resourceVersion for the provided list is too old.")
        }
        return past
    }

    private func expiredContinue(_ token: ContinueToken) -> APIStatus {
        var status = APIStatus.expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new "
                + "list without the continue parameter, or use the continue token in this response to retrieve the "
                + "remainder of the results. Continuing with the provided token results in an inconsistent list - "
                + "objects that were created, modified, or deleted between the time the first chunk was returned "
                + "and now may show up in the list."
        )
        status.continueToken = ContinueToken(version: nil, start: token.start).text
        return status
    }

    func checkReached(_ asked: Int) throws(APIStatus) {
        guard asked > version else { return }
        throw Self.tooLarge(asked, version)
    }

    static func tooLarge(_ asked: Int, _ version: Int) -> APIStatus {
        APIStatus(
            code: 504,
            reason: "Timeout",
            message: "Timeout: Too large resource version: \(asked), current: \(version)",
            causes: [.init(reason: "ResourceVersionTooLarge", message: "Too large resource version", field: "")],
            retryAfterSeconds: 1
        )
    }

    static func parse(_ version: String) throws(APIStatus) -> Int {
        guard let number = Int(version), number >= 0 else {
            throw .invalidVersion(version)
        }
        return number
    }

    private static func listOptionsInvalid(_ detail: String) -> APIStatus {
        .invalid(
            ResourceType(group: "meta.k8s.io", version: "v1", kind: "ListOptions", plural: "listoptions"),
            "",
            [.forbidden("resourceVersionMatch", detail)]
        )
    }
}
