/// The reference of a kind's fields, as Markdown.
package enum Reference {
    /// The page of ModelDeployment, `docs/modeldeployment.md`.
    package static var modelDeployment: String {
        page(
            title: "ModelDeployment",
            introduction: """
                `homeostat.dev/v1alpha1`, short `mdep`, category `mlops`. A ModelDeployment says which version of a model \
                serves, and how a new one takes over. This page is made from the same declarations as the CRD; \
                `kubectl explain mdep.spec --recursive` tells the same.

                A request to a rollout is the annotation `\(OperatorRequest.annotation): verb/revision/id`. The verb is \
                one of \(OperatorRequest.Verb.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")); the revision \
                is the one that the request is about, from `status`; the id is new for each request and comes back in \
                `status.lastHandledRequest` with what became of it.
                """,
            sections: [("spec", ModelDeploymentSpec.schema), ("status", ModelDeploymentStatus.schema)]
        )
    }

    private static func page(title: String, introduction: String, sections: [(String, Schema)]) -> String {
        var text = "<!-- Made from the Swift types; change those and run the tests with "
        text += "HOMEOSTAT_WRITE_GENERATED=1. -->\n\n"
        text += "# \(title)\n\n\(introduction)\n"
        for (name, schema) in sections {
            text += "\n## \(name)\n\n| field | type | default | meaning |\n|---|---|---|---|\n"
            text += rows(schema, path: name).joined()
            let rules = rules(schema, path: name)
            if !rules.isEmpty { text += "\nWhat is refused, by what is said of it:\n\n" + rules.joined() }
        }
        return text
    }

    private static func rows(_ schema: Schema, path: String) -> [String] {
        schema.properties.flatMap { property -> [String] in
            let inner = property.schema
            let place = "\(path).\(property.name)"
            let standard = property.isRequired ? "required" : inner.defaultValue.map { "`\($0)`" } ?? inner.assumption
            let row =
                "| `\(place)` | \(escape(type(inner))) | \(escape(standard)) | \(escape(inner.fullDescription)) |\n"
            return [row] + rows(inner, path: place) + (inner.items.first.map { rows($0, path: place + "[]") } ?? [])
        }
    }

    private static func rules(_ schema: Schema, path: String) -> [String] {
        schema.rules.map { "- `\(path)`: \($0.message).\n" }
            + schema.properties.flatMap { property in
                rules(property.schema, path: "\(path).\(property.name)")
                    + (property.schema.items.first.map { rules($0, path: "\(path).\(property.name)[]") } ?? [])
            }
    }

    private static func type(_ schema: Schema) -> String {
        if !schema.allowed.isEmpty { return schema.allowed.map { "`\($0)`" }.joined(separator: " or ") }
        if let item = schema.items.first { return "list of \(type(item))s" }
        if let value = schema.values.first { return "map of \(type(value))s" }
        switch schema.kind {
        case .integer, .number: return (schema.kind == .integer ? "whole number" : "number") + range(schema)
        case .string where schema.format == "date-time": return "time"
        case .string, .boolean, .object, .array: return schema.kind.rawValue
        }
    }

    private static func range(_ schema: Schema) -> String {
        var parts: [String] = []
        if let minimum = schema.minimum { parts.append((schema.excludesMinimum ? "> " : "≥ ") + Schema.plain(minimum)) }
        if let maximum = schema.maximum { parts.append((schema.excludesMaximum ? "< " : "≤ ") + Schema.plain(maximum)) }
        return parts.isEmpty ? "" : ", " + parts.joined(separator: ", ")
    }

    private static func escape(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
