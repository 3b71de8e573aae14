/// What the children of a ModelDeployment are called and labelled.
package enum ChildNames {
    /// On every child and pod: the name of the ModelDeployment.
    package static let deploymentLabel = "homeostat.dev/modeldeployment"
    /// On the Deployment of a revision and its pods.
    package static let revisionLabel = "homeostat.dev/revision"
    /// On the Deployment of a revision: the version of the model, for people.
    package static let versionAnnotation = "homeostat.dev/model-version"
    /// On every child: which leader of the operator wrote it last.
    package static let epochAnnotation = "homeostat.dev/epoch"

    /// The name of a revision's Deployment.
    package static func deployment(_ name: String, revision: String) -> String { "\(name)-\(revision)" }

    /// The names of the ModelDeployments that can want a child of this name.
    package static func claimants(of child: String) -> [String] {
        [child] + (child.lastIndex(of: "-").map { [String(child[..<$0])] } ?? [])
    }

    /// A label selector of all pods, or of one revision's.
    package static func selector(_ name: String, revision: String? = nil) -> String {
        labels(name, revision: revision).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: ",")
    }

    /// The labels by which Services and Deployments find the pods.
    package static func labels(_ name: String, revision: String? = nil) -> [String: String] {
        var labels = [deploymentLabel: name]
        labels[revisionLabel] = revision
        return labels
    }
}
