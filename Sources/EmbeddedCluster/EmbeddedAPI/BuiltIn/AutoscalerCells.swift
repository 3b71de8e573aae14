import JSON

/// The line of an autoscaler, of any version.
enum AutoscalerCells {
    @Sendable static func cells(_ row: Row) -> [JSONValue] {
        let target =
            "\(row.text("spec", "scaleTargetRef", "kind") ?? "")/"
            + (row.text("spec", "scaleTargetRef", "name") ?? "")
        return [
            row.name, .string(target), .string(targets(row)), .string(row.text("spec", "minReplicas") ?? "<unset>"),
            .integer(row.number("spec", "maxReplicas")), .integer(row.number("status", "currentReplicas")), row.age,
        ]
    }

    /// Present and wanted values, of two measures at most.
    private static func targets(_ row: Row) -> String {
        var object = row.object
        // An old version has its measures in other places.
        if object["apiVersion"]?.string == "autoscaling/v1" { AutoscalerConversion.toV2(&object) }
        let row = Row(object: object, now: row.now)
        let measures = row.list("status", "currentMetrics")
        let texts = row.list("spec", "metrics").enumerated().map { index, metric in
            text(metric, measures.indices.contains(index) ? measures[index] : nil)
        }
        guard !texts.isEmpty else { return "<none>" }
        let shown = texts.prefix(2).joined(separator: ", ")
        return texts.count > 2 ? "\(shown) + \(texts.count - 2) more..." : shown
    }

    private static func text(_ metric: JSONValue, _ measure: JSONValue?) -> String {
        let type = metric["type"]?.string ?? ""
        let place = type.prefix(1).lowercased() + type.dropFirst()
        guard let target = metric[place]?["target"] else { return "<unknown type>" }
        let current = measure?[place]?["current"]
        if let share = target["averageUtilization"]?.integer {
            return "\(current?["averageUtilization"]?.integer.map { "\($0)%" } ?? "<unknown>")/\(share)%"
        }
        if let average = target["averageValue"]?.string {
            let suffix = type == "External" || type == "Object" ? " (avg)" : ""
            return "\(current?["averageValue"]?.string ?? "<unknown>")/\(average)\(suffix)"
        }
        let value = target["value"]?.string ?? "<auto>"
        return "\(current?["value"]?.string ?? "<unknown>")/\(value)"
    }
}
