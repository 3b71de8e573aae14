/// A fault in a text of types.
package struct NotationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was being read.
    package var place: String
    package var detail: String

    package var description: String { "cannot read type \"\(place)\": \(detail)" }
}

/// The types of an API group version, written down in short.
///
///     package io.k8s.api.core.v1
///     Name kind atomic: what it is
///         field! type? option = default "what it is"; field …
///
/// `kind` after a name gives it `apiVersion` and `kind`; `atomic` makes it one value to server-side apply. Several
/// packages may be named: each gets the types.
///
/// - `!` after a field's name: OpenAPI documents require it; absent, its zero value is written. `!!`: it must be given.
/// - Types: `string`, `bytes`, `time`, `microTime`, `int32`, `int64`, `double`, `bool`, `quantity`, `intOrString`,
///   `raw`, `enum(A|B)`, `[element]`, `{value}`, or another type of this package, of `io.k8s.api.core.v1` or of
///   `io.k8s.apimachinery.pkg.apis.meta.v1`; others by their whole name.
/// - `?` after a type: false, 0 and "" are values that stay. `&`: it is written even when it is empty. Otherwise objects
///   stay as they are, and zero values, empty lists and empty maps are left out.
/// - Options: `merge(key)` and `merge` for strategic merge, `retain` for its retainKeys, `map(keys)`, `set` and `atomic`
///   for server-side apply's lists.
struct Notation {
    /// A field as it is written.
    struct Field {
        var name = ""
        var isRequired = false
        /// Whether its absence is refused rather than filled with a zero value.
        var isDemanded = false
        var type = ""
        var enumeration: [String] = []
        var isPointer = false
        var isWritten = false
        var mergeKey: String?
        var merges = false
        var retainsKeys = false
        var listKeys: [String]?
        var isSet = false
        var isAtomic = false
        var defaultText: String?
        var description = ""
    }

    /// A type as it is written.
    struct Model {
        /// Its package with a dot, then its name.
        var fullName = ""
        var package = ""
        var isKind = false
        var isAtomic = false
        var description = ""
        var fields: [Field] = []
    }

    /// In the order of the text.
    private(set) var models: [Model] = []

    init(_ text: String) throws(NotationError) {
        var packages: [String] = []
        var current: Model?
        for line in text.split(separator: "\n") {
            if line.utf8.first == UInt8(ascii: " ") {
                guard current != nil else { throw NotationError(place: String(line), detail: "it belongs to no type") }
                for part in Self.parts(of: line) { current?.fields.append(try Self.field(part)) }
                continue
            }
            if let current { add(current, to: packages) }
            current = nil
            if line.hasPrefix("package ") {
                packages = line.split(separator: " ").dropFirst().map(String.init)
                continue
            }
            guard !packages.isEmpty else { throw NotationError(place: String(line), detail: "it has no package") }
            current = Self.header(line)
        }
        if let current { add(current, to: packages) }
    }

    private mutating func add(_ model: Model, to packages: [String]) {
        for package in packages {
            var model = model
            model.package = package
            model.fullName = "\(package).\(model.fullName)"
            models.append(model)
        }
    }

    private static func header(_ line: Substring) -> Model {
        var model = Model()
        let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        let words = line[..<colon].split(separator: " ").map(String.init)
        model.fullName = words.first ?? ""
        model.isKind = words.contains("kind")
        model.isAtomic = words.dropFirst().contains("atomic")
        if colon < line.endIndex {
            let description = line[line.utf8.index(after: colon)...]
            model.description = String(description.drop { $0 == " " })
        }
        return model
    }

    /// Splits at semicolons outside of quoted texts.
    private static func parts(of line: Substring) -> [Substring] {
        var parts: [Substring] = []
        var start = line.startIndex
        var isQuoted = false
        func add(to end: String.Index) {
            let part = line[start..<end].drop { $0 == " " }
            if !part.isEmpty { parts.append(part) }
        }
        for index in line.utf8.indices {
            switch line.utf8[index] {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ";") where !isQuoted:
                add(to: index)
                start = line.utf8.index(after: index)
            default: break
            }
        }
        add(to: line.endIndex)
        return parts
    }

    private static func field(_ part: Substring) throws(NotationError) -> Field {
        var field = Field()
        var words = part.split(separator: " ").map(String.init)[...]
        guard words.count > 1, var name = words.popFirst(), let type = words.popFirst() else {
            throw NotationError(place: String(part), detail: "it has no type")
        }
        if name.hasSuffix("!!") { field.isDemanded = true }
        while name.hasSuffix("!") {
            name.removeLast()
            field.isRequired = true
        }
        field.name = name
        try readType(type, into: &field)
        while let word = words.popFirst() {
            if word == "=" {
                field.defaultText = words.popFirst()
            } else if word.hasPrefix("\"") {
                field.description = String(([word] + words).joined(separator: " ").dropFirst().dropLast())
                words = []
            } else {
                try readOption(word, into: &field)
            }
        }
        return field
    }

    private static func readType(_ text: String, into field: inout Field) throws(NotationError) {
        var text = text
        if text.hasSuffix("?") {
            field.isPointer = true
            text.removeLast()
        } else if text.hasSuffix("&") {
            field.isWritten = true
            text.removeLast()
        }
        if let choices = argument(of: text, "enum") {
            field.enumeration = choices.split(separator: "|").map(String.init)
            text = "string"
        }
        field.type = text
    }

    private static func readOption(_ word: String, into field: inout Field) throws(NotationError) {
        if let key = argument(of: word, "merge") {
            field.merges = true
            field.mergeKey = key
        } else if let keys = argument(of: word, "map") {
            field.listKeys = keys.split(separator: ",").map(String.init)
        } else {
            switch word {
            case "merge": field.merges = true
            case "retain": field.retainsKeys = true
            case "set": field.isSet = true
            case "atomic": field.isAtomic = true
            default: throw NotationError(place: field.name, detail: "option \"\(word)\" is not known")
            }
        }
    }

    private static func argument(of word: String, _ name: String) -> String? {
        guard word.hasPrefix(name + "("), word.hasSuffix(")") else { return nil }
        return String(word.dropFirst(name.count + 1).dropLast())
    }
}
