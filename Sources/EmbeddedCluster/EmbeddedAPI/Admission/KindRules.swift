import JSON
import Kubernetes

/// What is particular to a resource when it is written.
///
/// Behaviour as of kube-apiserver 1.20.
struct KindRules: Sendable {
    /// Whether changes of the specification are counted in `metadata.generation`.
    var hasGeneration = false
    /// Whether a change of annotations counts too.
    var countsAnnotations = false
    /// Whether an update of something that is not there makes it.
    var mayCreateOnUpdate = false
    /// Whether an update needs no resourceVersion.
    var mayOverwrite = true
    /// Whether what goes at once is answered as an object instead of a `Status`.
    var answersDeleted = false
    /// Whether dependents are orphaned when nobody says what is to become of them.
    var orphansByDefault = false
    /// What is wrong with a name.
    var nameFaults: @Sendable (String) -> [String] = Names.subdomainFaults

    /// The rules of a resource.
    static func of(_ definition: ResourceDefinition) -> KindRules {
        var rules = KindRules()
        guard !definition.isCustom else {
            rules.hasGeneration = true
            rules.mayOverwrite = false
            return rules
        }
        switch (definition.type.group, definition.type.plural) {
        case ("apps", "deployments"):
            rules.hasGeneration = true
            rules.countsAnnotations = true
        case ("apps", "replicasets"), ("apps", "statefulsets"), ("apps", "daemonsets"),
            ("policy", "poddisruptionbudgets"), ("networking.k8s.io", "networkpolicies"),
            ("networking.k8s.io", "ingresses"), ("extensions", "ingresses"), ("scheduling.k8s.io", "priorityclasses"),
            ("discovery.k8s.io", "endpointslices"), ("networking.k8s.io", "ingressclasses"):
            rules.hasGeneration = true
        case ("apiextensions.k8s.io", "customresourcedefinitions"):
            rules.hasGeneration = true
            rules.mayOverwrite = false
        case ("coordination.k8s.io", "leases"):
            rules.mayCreateOnUpdate = true
            rules.mayOverwrite = false
        case ("batch", "jobs"): rules.orphansByDefault = true
        case ("", "endpoints"), ("", "events"), ("events.k8s.io", "events"): rules.mayCreateOnUpdate = true
        case ("", "pods"), ("", "serviceaccounts"): rules.answersDeleted = true
        case ("", "services"):
            rules.mayCreateOnUpdate = true
            rules.mayOverwrite = false
            rules.nameFaults = Names.serviceFaults
        case ("", "namespaces"): rules.nameFaults = Names.labelFaults
        case ("rbac.authorization.k8s.io", _):
            rules.mayCreateOnUpdate = true
            rules.nameFaults = Names.pathFaults
        default: break
        }
        return rules
    }
}
