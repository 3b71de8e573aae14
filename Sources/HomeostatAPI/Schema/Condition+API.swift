package import JSON
package import Kubernetes

extension Condition: APIValue {
    package static var schema: Schema {
        var schema = Schema(.object)
        schema.properties = [
            Schema.Property(
                "type",
                String.schema.with("The name of the condition.", [.minLength(1), .maxLength(316)]),
                isRequired: true
            ),
            Schema.Property("status", Status.schema.with("Whether it holds.", []), isRequired: true),
            Schema.Property(
                "observedGeneration",
                Int.schema.with("The metadata.generation that it speaks of.", []),
                isRequired: false
            ),
            Schema.Property(
                "lastTransitionTime",
                Timestamp.schema.with("When status changed last.", []),
                isRequired: true
            ),
            Schema.Property("reason", String.schema.with("Why, in one word.", [.maxLength(1024)]), isRequired: false),
            Schema.Property("message", String.schema.with("Why, for people.", [.maxLength(32_768)]), isRequired: false),
        ]
        return schema
    }

    package init?(json: JSONValue) { self.init(json) }
    package var json: JSONValue { value }
}

extension Condition.Status: APIEnum {}

extension Conditions: APIValue {
    package static var schema: Schema { [Condition].schema }

    package init?(json: JSONValue) {
        guard json.array != nil else { return nil }
        self.init(json)
    }
    package var json: JSONValue { value }
}
