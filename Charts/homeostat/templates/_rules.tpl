{{- /* What the operator may do; Manifests/base/rbac says the same. */ -}}
{{- define "homeostat.rules.modeldeployments" }}
- apiGroups: [homeostat.dev]
  resources: [modeldeployments]
  verbs: [list, watch, patch]
- apiGroups: [homeostat.dev]
  resources: [modeldeployments/status]
  verbs: [update]
# Owner references with blockOwnerDeletion need this where OwnerReferencesPermissionEnforcement is on.
- apiGroups: [homeostat.dev]
  resources: [modeldeployments/finalizers]
  verbs: [update]
{{- end }}

{{- define "homeostat.rules.workloads" }}
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# Nothing can be made or put back in a namespace that is being deleted.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end }}

{{- define "homeostat.rules.secrets" }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}

{{- define "homeostat.rules.events" }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- define "homeostat.rules.leader-election" }}
# A name cannot be demanded of an object that is not there yet.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [homeostat]
  verbs: [get, patch]
{{- end }}
