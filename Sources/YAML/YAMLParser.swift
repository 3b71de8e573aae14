import CYAML
import JSON

/// Turns libyaml's events into trees.
///
/// The parser of libyaml points into itself, so it lives in memory of its own, freed with this value.
struct YAMLParser: ~Copyable {
    private struct Event {
        enum Kind {
            case streamStart, streamEnd, documentStart, documentEnd, sequenceEnd, mappingEnd
            case alias(String)
            case scalar(String, isPlain: Bool)
            case sequenceStart, mappingStart
        }

        var kind: Kind
        var line: Int
        var column: Int
        var anchor: String?
        var tag: String?
    }

    private struct Node {
        var value: JSONValue
        /// Values in the tree, this one included.
        var size = 1
        /// Levels of arrays and objects, this one included.
        var depth = 0
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeBufferPointer<UInt8>
    private var anchors: [String: Node] = [:]
    private var size = 0

    /// - Parameter text: Must outlive the parser.
    init(_ text: UnsafeBufferPointer<UInt8>) throws(YAMLError) {
        parser = .allocate(capacity: 1)
        self.text = text
        guard yaml_parser_initialize(parser) == 1 else {
            throw YAMLError(.tooLarge, "no memory for the parser", line: 1, column: 1)
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// Every document, with the line it begins on.
    mutating func documents() throws(YAMLError) -> [(value: JSONValue, line: Int)] {
        var documents: [(value: JSONValue, line: Int)] = []
        while true {
            let event = try next()
            switch event.kind {
            case .streamEnd: return documents
            case .documentStart:
                anchors.removeAll()
                size = 0
                let root = try next()
                documents.append((try node(root, depth: 0).value, event.line))
            default: continue
            }
        }
    }

    // MARK: Trees

    private mutating func node(_ event: Event, depth: Int) throws(YAMLError) -> Node {
        var node: Node
        switch event.kind {
        case .alias(let name):
            guard let target = anchors[name] else {
                throw error(.unknownAnchor, "alias \"\(name)\" names no anchor before it", event)
            }
            try check(depth: depth + target.depth, event)
            try grow(by: target.size, event)
            return target
        case .scalar(let text, let isPlain):
            try grow(by: 1, event)
            node = Node(value: try scalar(text, isPlain: isPlain, event))
        case .sequenceStart:
            try grow(by: 1, event)
            try check(depth: depth + 1, event)
            try check(event, "!!seq")
            node = try sequence(depth: depth)
        case .mappingStart:
            try grow(by: 1, event)
            try check(depth: depth + 1, event)
            try check(event, "!!map")
            node = try mapping(depth: depth)
        default: throw error(.syntax, "a value is missing", event)
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private mutating func sequence(depth: Int) throws(YAMLError) -> Node {
        var elements: [JSONValue] = []
        var whole = Node(value: .null, depth: 1)
        while true {
            let event = try next()
            if case .sequenceEnd = event.kind { break }
            let element = try node(event, depth: depth + 1)
            elements.append(element.value)
            whole.size += element.size
            whole.depth = max(whole.depth, element.depth + 1)
        }
        whole.value = .array(elements)
        return whole
    }

    private mutating func mapping(depth: Int) throws(YAMLError) -> Node {
        var members = JSONObject()
        var merged: [JSONObject] = []
        var hasMerge = false
        var whole = Node(value: .null, depth: 1)
        while true {
            let event = try next()
            if case .mappingEnd = event.kind { break }
            let isMerge = if case .scalar("<<", isPlain: true) = event.kind { event.tag == nil } else { false }
            let key = isMerge ? "<<" : try self.key(event, depth: depth)
            guard isMerge ? !hasMerge : members[key] == nil else {
                throw error(.duplicateKey, "key \"\(key)\" is there already; keep one of the two", event)
            }
            let valueEvent = try next()
            let value = try node(valueEvent, depth: depth + 1)
            whole.size += value.size
            whole.depth = max(whole.depth, value.depth + 1)
            if isMerge {
                hasMerge = true
                merged = try sources(value.value, valueEvent)
            } else {
                members.set(key, value.value)
            }
        }
        // A key of the mapping itself wins over a merged one, an earlier source over a later one.
        for source in merged {
            for member in source where members[member.key] == nil { members.set(member.key, member.value) }
        }
        whole.value = .object(members)
        return whole
    }

    private func sources(_ value: JSONValue, _ event: Event) throws(YAMLError) -> [JSONObject] {
        if case .object(let members) = value { return [members] }
        var sources: [JSONObject] = []
        guard case .array(let elements) = value else {
            throw error(.syntax, "\"<<\" merges a mapping or a sequence of mappings", event)
        }
        for element in elements {
            guard case .object(let members) = element else {
                throw error(.syntax, "\"<<\" merges a mapping or a sequence of mappings", event)
            }
            sources.append(members)
        }
        return sources
    }

    private mutating func key(_ event: Event, depth: Int) throws(YAMLError) -> String {
        switch try node(event, depth: depth + 1).value {
        case .string(let text): return text
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return String(value)
        case .double(let value): return String(value)
        case .null: throw error(.unsupportedKey, "a key is null; quote it", event)
        case .array, .object: throw error(.unsupportedKey, "a key is not a scalar", event)
        }
    }

    private func scalar(_ text: String, isPlain: Bool, _ event: Event) throws(YAMLError) -> JSONValue {
        let resolved = YAMLScalar(plain: text)
        let tag = event.tag ?? (isPlain ? "" : "!!str")
        switch (tag, resolved) {
        case ("!!str", _), ("!", _), ("", .string): return .string(text)
        case ("", .notFinite), ("!!float", .notFinite):
            throw error(.unsupportedValue, "\"\(text)\" is not a number JSON can hold", event)
        case ("", .null), ("!!null", .null): return .null
        case ("", .bool(let value)), ("!!bool", .bool(let value)): return .bool(value)
        case ("", .integer(let value)), ("!!int", .integer(let value)), ("!!float", .integer(let value)):
            return .integer(value)
        case ("", .double(let value)), ("!!float", .double(let value)): return .double(value)
        case ("!!timestamp", .string): return .string(text)
        default: throw error(.unsupportedTag, "\"\(text)\" cannot be read as \(tag)", event)
        }
    }

    private func check(_ event: Event, _ allowed: String) throws(YAMLError) {
        if let tag = event.tag, tag != allowed, tag != "!" {
            throw error(.unsupportedTag, "tag \(tag) is not supported here", event)
        }
    }

    private func check(depth: Int, _ event: Event) throws(YAMLError) {
        guard depth <= YAML.maximumDepth else {
            throw error(.tooDeep, "nested deeper than \(YAML.maximumDepth) levels", event)
        }
    }

    private mutating func grow(by count: Int, _ event: Event) throws(YAMLError) {
        size += count
        guard size <= YAML.maximumValues else {
            throw error(.tooLarge, "more than \(YAML.maximumValues) values once aliases are expanded", event)
        }
    }

    private func error(_ reason: YAMLError.Reason, _ detail: String, _ event: Event) -> YAMLError {
        YAMLError(reason, detail, line: event.line, column: event.column)
    }

    // MARK: Events

    private func next() throws(YAMLError) -> Event {
        var raw = yaml_event_t()
        guard yaml_parser_parse(parser, &raw) == 1 else { throw failure() }
        defer { yaml_event_delete(&raw) }
        var event = Event(
            kind: .streamStart,
            line: Int(raw.start_mark.line) + 1,
            column: Int(raw.start_mark.column) + 1
        )
        switch raw.type {
        case YAML_STREAM_END_EVENT: event.kind = .streamEnd
        case YAML_DOCUMENT_START_EVENT: event.kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: event.kind = .documentEnd
        case YAML_SEQUENCE_END_EVENT: event.kind = .sequenceEnd
        case YAML_MAPPING_END_EVENT: event.kind = .mappingEnd
        case YAML_ALIAS_EVENT: event.kind = .alias(Self.string(raw.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            event.kind = .scalar(
                String(decoding: bytes, as: UTF8.self),
                isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE
            )
            event.anchor = Self.string(scalar.anchor)
            event.tag = Self.tag(scalar.tag)
        case YAML_SEQUENCE_START_EVENT:
            event.kind = .sequenceStart
            event.anchor = Self.string(raw.data.sequence_start.anchor)
            event.tag = Self.tag(raw.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            event.kind = .mappingStart
            event.anchor = Self.string(raw.data.mapping_start.anchor)
            event.tag = Self.tag(raw.data.mapping_start.tag)
        default: event.kind = .streamStart
        }
        return event
    }

    private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        text.map { String(decodingCString: $0, as: UTF8.self) }
    }

    private static func tag(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        guard let tag = string(text) else { return nil }
        let prefix = "tag:yaml.org,2002:"
        return tag.hasPrefix(prefix) ? "!!" + tag.dropFirst(prefix.count) : tag
    }

    private func failure() -> YAMLError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "the text cannot be read"
        guard parser.pointee.error == YAML_READER_ERROR else {
            let mark = parser.pointee.problem_mark
            return YAMLError(.syntax, problem, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
        }
        // The reader knows the byte only, and libyaml reads ahead.
        let before = text.prefix(Int(parser.pointee.problem_offset))
        let line = before.count(where: { $0 == 0x0A }) + 1
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? before.startIndex
        let column = before[lineStart...].count(where: { $0 & 0xC0 != 0x80 }) + 1
        return YAMLError(.encoding, problem, line: line, column: column)
    }
}
