import JSON
import Kubernetes

extension ClusterState {
    private static let everywhere: Set<String> = ["metadata.name", "metadata.namespace"]
    private static let pods: Set<String> = [
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
        "status.podIP", "status.nominatedNodeName",
    ]
    private static let coreEvents: Set<String> = [
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
        "reportingComponent", "source", "type",
    ]
    private static let events: Set<String> = [
        "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion",
        "regarding.resourceVersion", "regarding.fieldPath", "reason", "reportingController", "type",
    ]

    /// Translates a selector to the stored version.
    ///
    /// - Throws: 400 for fields that objects of the resource are not selected by.
    func known(_ selector: FieldSelector, _ operation: Operation) throws(APIStatus) -> FieldSelector {
        var selector = selector
        let type = operation.type
        for index in selector.terms.indices {
            let field = selector.terms[index].field
            if field == "metadata.name" || (field == "metadata.namespace" && type.isNamespaced) { continue }
            if field == "metadata.namespace", operation.definition.isCustom { continue }
            switch (type.group, type.plural) {
            case ("", "pods") where Self.pods.contains(field): continue
            case ("", "nodes") where field == "spec.unschedulable": continue
            case ("", "namespaces") where field == "status.phase" || field == "name":
                if field == "name" { selector.terms[index].field = "metadata.name" }
            case ("", "secrets") where field == "type": continue
            case ("", "services") where field == "spec.clusterIP" || field == "spec.type": continue
            case ("batch", "jobs") where field == "status.successful":
                selector.terms[index].field = "status.succeeded"
            case ("", "events") where Self.coreEvents.contains(field),
                ("events.k8s.io", _) where Self.events.contains(field):
                selector.terms[index].field = Self.storedEventField(field)
            default: throw Self.unknownField(field, operation)
            }
        }
        return selector
    }

    private static func storedEventField(_ field: String) -> String {
        switch field {
        case "source": "source.component"
        case "reportingController": "reportingComponent"
        default: field.replacing("regarding.", with: "involvedObject.")
        }
    }

    private static func unknownField(_ field: String, _ operation: Operation) -> APIStatus {
        switch (operation.type.group, operation.type.plural) {
        case ("batch", "jobs"): .badRequest("field label \"\(field)\" not supported for batchv1.Job")
        case ("", "pods"), ("", "nodes"), ("", "events"), ("", "namespaces"), ("", "secrets"), ("events.k8s.io", _):
            .badRequest("field label not supported: \(field)")
        case _ where operation.definition.isCustom: .badRequest("field label not supported: \(field)")
        default:
            .badRequest(
                "\"\(field)\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            )
        }
    }
}
