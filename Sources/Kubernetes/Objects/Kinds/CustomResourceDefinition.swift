package import JSON

/// The definition of a kind of custom resource.
package struct CustomResourceDefinition: ObjectView, TypedObject {
    package static let resource = ResourceType.customResourceDefinition
    package var metadata: ObjectMeta
    package var fields: JSONObject

    package init(metadata: ObjectMeta, fields: JSONObject) {
        self.metadata = metadata
        self.fields = fields
    }

    /// The group of the kind.
    package var group: String { self["spec", "group"]?.string ?? "" }
    /// The kind.
    package var kind: String { self["spec", "names", "kind"]?.string ?? "" }
    /// Its name in paths.
    package var plural: String { self["spec", "names", "plural"]?.string ?? "" }
    /// Whether its objects live in a namespace.
    package var isNamespaced: Bool { self["spec", "scope"]?.string == "Namespaced" }
    /// The versions that are served.
    package var servedVersions: [String] {
        (self["spec", "versions"]?.array ?? []).filter { $0["served"]?.bool == true }.compactMap { $0["name"]?.string }
    }
    /// `Established`, `NamesAccepted`, `NonStructuralSchema` and others.
    package var conditions: Conditions { Conditions(self["status", "conditions"]) }
    /// Whether its objects can be created and watched.
    package var isEstablished: Bool { conditions.isTrue("Established") }
}
