package import JSON
package import Kubernetes
package import ObjectSchema

/// One version of a resource as it is served: its names, schema and subresources.
///
/// Versions of one resource share their objects: the store keeps each object once, in the version of
/// ``ResourceDefinition/stored``, and ``toStored``/``fromStored`` translate.
package struct ResourceDefinition: Sendable {
    /// Where the scale subresource finds its numbers, dotted paths as `.spec.replicas`.
    package struct Scale: Sendable, Hashable {
        package var specReplicasPath: String
        package var statusReplicasPath: String
        package var labelSelectorPath: String?

        package init(
            specReplicasPath: String = ".spec.replicas",
            statusReplicasPath: String = ".status.replicas",
            labelSelectorPath: String? = nil
        ) {
            self.specReplicasPath = specReplicasPath
            self.statusReplicasPath = statusReplicasPath
            self.labelSelectorPath = labelSelectorPath
        }
    }

    /// A column of `kubectl get`.
    package struct Column: Sendable, Hashable {
        package var name: String
        /// `string`, `integer`, `number`, `boolean` or `date`.
        package var type: String
        package var format: String
        package var description: String
        /// 0 is always shown, higher ones with `-o wide`.
        package var priority: Int
        /// Where the cell is found, a JSONPath as `.status.phase`; empty for cells that are computed.
        package var jsonPath: String

        package init(
            name: String,
            type: String = "string",
            format: String = "",
            description: String = "",
            priority: Int = 0,
            jsonPath: String = ""
        ) {
            self.name = name
            self.type = type
            self.format = format
            self.description = description
            self.priority = priority
            self.jsonPath = jsonPath
        }
    }

    package var type: ResourceType
    /// The resource whose objects these are; equal to ``type`` for the version that is stored.
    package var stored: ResourceType
    package var singular: String
    package var shortNames: [String]
    package var categories: [String]
    package var schema: Schema
    package var hasStatus: Bool
    package var scale: Scale?
    /// Other subresources, as `log`, `eviction`, `binding`, `token`, `finalize`, `approval`.
    package var subresources: [String]
    /// What can be asked of it, in the words of discovery documents.
    package var verbs: [String]
    /// Columns of a custom resource; empty for built-in kinds, whose cells are computed.
    package var columns: [Column]
    /// Whether it was made by a CustomResourceDefinition.
    package var isCustom: Bool
    /// From this version to the stored one.
    package var toStored: @Sendable (JSONValue) -> JSONValue
    /// From the stored version to this one.
    package var fromStored: @Sendable (JSONValue) -> JSONValue

    /// Every verb of a collection that is kept.
    package static let allVerbs = [
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
    ]

    package init(
        type: ResourceType,
        stored: ResourceType? = nil,
        singular: String? = nil,
        shortNames: [String] = [],
        categories: [String] = [],
        schema: Schema,
        hasStatus: Bool = true,
        scale: Scale? = nil,
        subresources: [String] = [],
        verbs: [String] = ResourceDefinition.allVerbs,
        columns: [Column] = [],
        isCustom: Bool = false,
        toStored: @escaping @Sendable (JSONValue) -> JSONValue = { $0 },
        fromStored: @escaping @Sendable (JSONValue) -> JSONValue = { $0 }
    ) {
        self.type = type
        self.stored = stored ?? type
        self.singular = singular ?? type.kind.lowercased()
        self.shortNames = shortNames
        self.categories = categories
        self.schema = schema
        self.hasStatus = hasStatus
        self.scale = scale
        self.subresources = subresources
        self.verbs = verbs
        self.columns = columns
        self.isCustom = isCustom
        self.toStored = toStored
        self.fromStored = fromStored
    }
}
