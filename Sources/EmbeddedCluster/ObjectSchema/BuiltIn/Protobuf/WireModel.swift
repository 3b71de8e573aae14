/// A message of the binary form: its fields by their numbers.
struct WireModel: Sendable {
    /// What the bytes of a field hold.
    indirect enum Shape: Sendable, Hashable {
        case string, bytes, integer, bool, double, time, microTime, quantity, intOrString, raw, items
        case list(Shape)
        /// Texts to values.
        case map(Shape)
        /// A message, by its whole name.
        case message(String)
    }

    struct Field: Sendable, Hashable {
        /// Empty where the message's fields belong to the one around it.
        var name: String
        var shape: Shape
        /// Whether false, 0 and "" are values that stay.
        var keepsZero: Bool
    }

    var fields: [Int: Field] = [:]

    /// All messages by their whole names.
    static let all: [String: WireModel] = {
        do throws(NotationError) {
            return try load(WireTexts.all)
        } catch {
            // The texts are part of the program, and a test reads them.
            fatalError("\(error)")
        }
    }()

    private static let scalars: [String: Shape] = [
        "string": .string, "bytes": .bytes, "int": .integer, "bool": .bool, "double": .double, "time": .time,
        "microTime": .microTime, "quantity": .quantity, "intOrString": .intOrString, "raw": .raw, "items": .items,
    ]

    /// Reads texts; see ``WireTexts`` for their form.
    static func load(_ texts: [String]) throws(NotationError) -> [String: WireModel] {
        let entries = try entries(of: texts)
        let names = Set(entries.map(\.name))
        var models: [String: WireModel] = [:]
        for (name, text) in entries {
            let home = name.prefix { $0 != "/" }
            var model = WireModel()
            for part in text.split(separator: ";") {
                let words = part.split(separator: " ")
                guard words.count == 3, let number = Int(words[0]), model.fields[number] == nil else {
                    throw NotationError(place: name, detail: "\"\(part)\" is no field")
                }
                let keepsZero = words[2].hasSuffix("?")
                guard let shape = shape(keepsZero ? words[2].dropLast() : words[2], home, names) else {
                    throw NotationError(place: name, detail: "\"\(words[2])\" is no type")
                }
                let field = words[1] == "*" ? "" : String(words[1])
                model.fields[number] = Field(name: field, shape: shape, keepsZero: keepsZero)
            }
            models[name] = model
        }
        return models
    }

    /// The names, as `package/Type`, and the fields of the types in texts.
    private static func entries(of texts: [String]) throws(NotationError) -> [(name: String, text: String)] {
        var entries: [(name: String, text: String)] = []
        for text in texts {
            var packages: [Substring] = []
            var open = 0
            for line in text.split(separator: "\n") {
                if line.hasPrefix("package ") {
                    packages = line.split(separator: " ").dropFirst().map(\.self)
                } else if line.hasSuffix(":"), !packages.isEmpty {
                    open = packages.count
                    entries += packages.map { ("\($0)/\(line.dropLast())", "") }
                } else if open > 0 {
                    for index in entries.indices.suffix(open) { entries[index].text += line }
                } else {
                    throw NotationError(place: String(line), detail: "stands outside of a type")
                }
            }
        }
        return entries
    }

    private static func shape(_ text: Substring, _ home: Substring, _ names: Set<String>) -> Shape? {
        if let scalar = scalars[String(text)] { return scalar }
        if text.hasPrefix("["), text.hasSuffix("]") {
            return shape(text.dropFirst().dropLast(), home, names).map { .list($0) }
        }
        if text.hasPrefix("{"), text.hasSuffix("}") {
            return shape(text.dropFirst().dropLast(), home, names).map { .map($0) }
        }
        if let dot = text.lastIndex(of: ".") {
            let name = "\(text[..<dot])/\(text[text.index(after: dot)...])"
            return names.contains(name) ? .message(name) : nil
        }
        let places = [home, "io.k8s.api.core.v1", Self.meta]
        return places.map { "\($0)/\(text)" }.first(where: names.contains).map { .message($0) }
    }

    /// The package of what objects have in common.
    static let meta: Substring = "io.k8s.apimachinery.pkg.apis.meta.v1"
}
