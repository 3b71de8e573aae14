import EmbeddedAPI
import JSON
import Kubernetes

/// Decides by the Roles, ClusterRoles and bindings that are stored.
struct RBACAuthorizer: Sendable {
    struct Decision: Sendable, Hashable {
        var isAllowed: Bool
        /// Why, when it is allowed.
        var reason = ""
    }

    /// Rules that a binding gives to a user.
    private struct Grant {
        var rules: [PolicyRule]
        /// As `RBAC: allowed by …` ends.
        var origin: String
    }

    static let roles = type("Role", "roles", isNamespaced: true)
    static let clusterRoles = type("ClusterRole", "clusterroles", isNamespaced: false)
    static let roleBindings = type("RoleBinding", "rolebindings", isNamespaced: true)
    static let clusterRoleBindings = type("ClusterRoleBinding", "clusterrolebindings", isNamespaced: false)

    let core: APICore

    /// Members of `system:masters` may do everything, whatever is stored.
    func decide(_ wanted: AccessAttributes) -> Decision {
        if wanted.user.groups.contains("system:masters") {
            return Decision(
                isAllowed: true,
                reason: "RBAC: allowed by ClusterRoleBinding \"cluster-admin\" of ClusterRole \"cluster-admin\" to "
                    + "Group \"system:masters\""
            )
        }
        for grant in grants(to: wanted.user, in: wanted.isResource ? wanted.namespace : "")
        where grant.rules.contains(where: { $0.allows(wanted) }) {
            return Decision(isAllowed: true, reason: "RBAC: allowed by \(grant.origin)")
        }
        return Decision(isAllowed: false)
    }

    /// All rules that hold for a user in a namespace.
    func rules(for user: APICall.User, in namespace: String) -> [PolicyRule] {
        let all = PolicyRule(verbs: ["*"], groups: ["*"], resources: ["*"])
        let everywhere = PolicyRule(verbs: ["*"], paths: ["*"])
        let own = user.groups.contains("system:masters") ? [all, everywhere] : []
        return own + grants(to: user, in: namespace).flatMap(\.rules)
    }

    private func grants(to user: APICall.User, in namespace: String) -> [Grant] {
        var grants: [Grant] = []
        for binding in core.list(Self.clusterRoleBindings) {
            guard let grant = grant(binding, to: user, in: "", "ClusterRoleBinding") else { continue }
            grants.append(grant)
        }
        guard !namespace.isEmpty else { return grants }
        for binding in core.list(Self.roleBindings, namespace: namespace) {
            guard let grant = grant(binding, to: user, in: namespace, "RoleBinding") else { continue }
            grants.append(grant)
        }
        return grants
    }

    private func grant(_ binding: JSONValue, to user: APICall.User, in namespace: String, _ kind: String) -> Grant? {
        let subjects = binding["subjects"]?.array ?? []
        guard let subject = subjects.first(where: { matches($0, user, namespace) }) else { return nil }
        let roleKind = binding[path: ["roleRef", "kind"]]?.string ?? ""
        let roleName = binding[path: ["roleRef", "name"]]?.string ?? ""
        let isClusterRole = roleKind == "ClusterRole"
        let type = isClusterRole ? Self.clusterRoles : Self.roles
        let key = ObjectKey(namespace: isClusterRole ? "" : namespace, name: roleName)
        guard let role = core.get(type, key) else { return nil }
        let name = binding[path: ["metadata", "name"]]?.string ?? ""
        let shown = namespace.isEmpty ? name : "\(name)/\(namespace)"
        let subjectKind = subject["kind"]?.string ?? ""
        let subjectName = subject["name"]?.string ?? ""
        let subjectShown =
            subjectKind == "ServiceAccount"
            ? "\(subjectName)/\(subject["namespace"]?.string ?? namespace)" : subjectName
        return Grant(
            rules: rules(of: role),
            origin: "\(kind) \"\(shown)\" of \(roleKind) \"\(roleName)\" to \(subjectKind) \"\(subjectShown)\""
        )
    }

    /// The role's own rules, and those of the roles that it gathers.
    private func rules(of role: JSONValue) -> [PolicyRule] {
        var rules = (role["rules"]?.array ?? []).map { PolicyRule($0) }
        for object in role[path: ["aggregationRule", "clusterRoleSelectors"]]?.array ?? [] {
            // A selector that cannot be read gathers nothing; it was checked when it was written.
            guard let selector = try? LabelSelector(object: object) else { continue }
            for other in core.list(Self.clusterRoles) where selector.matches(object: other) {
                rules += (other["rules"]?.array ?? []).map { PolicyRule($0) }
            }
        }
        return rules
    }

    private func matches(_ subject: JSONValue, _ user: APICall.User, _ namespace: String) -> Bool {
        let name = subject["name"]?.string ?? ""
        switch subject["kind"]?.string {
        case "User": return name == user.name
        case "Group": return user.groups.contains(name)
        case "ServiceAccount":
            let home = subject["namespace"]?.string ?? namespace
            return user.name == TokenSigner.userName(of: ObjectKey(namespace: home, name: name))
        default: return false
        }
    }

    private static func type(_ kind: String, _ plural: String, isNamespaced: Bool) -> ResourceType {
        ResourceType(
            group: "rbac.authorization.k8s.io",
            version: "v1",
            kind: kind,
            plural: plural,
            isNamespaced: isNamespaced
        )
    }
}
