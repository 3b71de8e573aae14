import JSON
import Kubernetes
import ObjectSchema

/// The resources that an API server has of its own, with their schemas.
package enum BuiltInResources {
    /// Of each group version a line for each resource: kind, plural, short names separated by commas or `-`, and flags:
    /// `cluster` for those that live in no namespace, `status`, `scale`, `all` for the category, `kept` in another
    /// version's form, `asked` for those that are answered and not kept, `few` for no deletion of collections, and
    /// `+name` for a further subresource.
    ///
    /// The first version of a group is the preferred one, and the one that is kept unless it says otherwise.
    private static let table = """
        v1
        Namespace namespaces ns cluster status few +finalize
        Pod pods po status all +binding +eviction +log
        Service services svc status all few
        Endpoints endpoints ep
        ConfigMap configmaps cm
        Secret secrets -
        ServiceAccount serviceaccounts sa +token
        Event events ev
        Node nodes no cluster status
        Binding bindings - asked
        apps/v1
        Deployment deployments deploy status scale all
        ReplicaSet replicasets rs status scale all
        StatefulSet statefulsets sts status scale all
        events.k8s.io/v1
        Event events ev kept
        authentication.k8s.io/v1
        TokenReview tokenreviews - cluster asked
        authorization.k8s.io/v1
        LocalSubjectAccessReview localsubjectaccessreviews - asked
        SelfSubjectAccessReview selfsubjectaccessreviews - cluster asked
        SelfSubjectRulesReview selfsubjectrulesreviews - cluster asked
        SubjectAccessReview subjectaccessreviews - cluster asked
        autoscaling/v2
        HorizontalPodAutoscaler horizontalpodautoscalers hpa status all
        autoscaling/v2beta2
        HorizontalPodAutoscaler horizontalpodautoscalers hpa status all kept
        autoscaling/v1
        HorizontalPodAutoscaler horizontalpodautoscalers hpa status all kept
        batch/v1
        Job jobs - status all
        CronJob cronjobs cj status all
        batch/v1beta1
        CronJob cronjobs cj status all kept
        networking.k8s.io/v1
        Ingress ingresses ing status
        NetworkPolicy networkpolicies netpol
        policy/v1
        PodDisruptionBudget poddisruptionbudgets pdb status
        policy/v1beta1
        PodDisruptionBudget poddisruptionbudgets pdb status kept
        rbac.authorization.k8s.io/v1
        ClusterRoleBinding clusterrolebindings - cluster
        ClusterRole clusterroles - cluster
        RoleBinding rolebindings -
        Role roles -
        coordination.k8s.io/v1
        Lease leases -
        discovery.k8s.io/v1
        EndpointSlice endpointslices -
        discovery.k8s.io/v1beta1
        EndpointSlice endpointslices - kept
        apiextensions.k8s.io/v1
        CustomResourceDefinition customresourcedefinitions crd,crds cluster status extensions
        """

    /// In the order in which discovery documents name them: of each group the preferred version first.
    package static let all: [ResourceDefinition] = {
        var definitions: [ResourceDefinition] = []
        var apiVersion = ""
        for line in table.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if words.count == 1 {
                apiVersion = words[0]
            } else {
                definitions.append(definition(words, apiVersion, after: definitions))
            }
        }
        return definitions
    }()

    private static func definition(
        _ words: [String],
        _ apiVersion: String,
        after others: [ResourceDefinition]
    ) -> ResourceDefinition {
        let parts = apiVersion.split(separator: "/").map(String.init)
        let flags = Set(words.dropFirst(3))
        let type = ResourceType(
            group: parts.count > 1 ? parts[0] : "",
            version: parts[parts.count - 1],
            kind: words[0],
            plural: words[1],
            isNamespaced: !flags.contains("cluster")
        )
        var stored = type
        if flags.contains("kept") {
            // Events of the core group and of their own are the same objects.
            let group = type.kind == "Event" ? "" : type.group
            stored = others.first { $0.type.group == group && $0.type.kind == type.kind }?.type ?? type
        }
        guard let schema = BuiltIn.schema(for: type) else {
            // The table and the types are parts of the program that belong together.
            fatalError("no type for \(type.apiVersion) \(type.kind)")
        }
        let conversion = Conversion.between(type, stored)
        return ResourceDefinition(
            type: type,
            stored: stored,
            singular: type.kind.lowercased(),
            shortNames: words[2] == "-" ? [] : words[2].split(separator: ",").map(String.init),
            categories: flags.contains("all") ? ["all"] : flags.contains("extensions") ? ["api-extensions"] : [],
            schema: schema,
            hasStatus: flags.contains("status"),
            scale: flags.contains("scale") ? .init(labelSelectorPath: ".spec.selector") : nil,
            subresources: words.filter { $0.hasPrefix("+") }.map { String($0.dropFirst()) },
            verbs: flags.contains("asked")
                ? ["create"]
                : ResourceDefinition.allVerbs.filter { $0 != "deletecollection" || !flags.contains("few") },
            toStored: conversion.there,
            fromStored: conversion.back
        )
    }
}
