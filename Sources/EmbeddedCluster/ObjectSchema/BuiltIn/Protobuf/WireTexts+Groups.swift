extension WireTexts {
    /// The kinds of the named groups.
    static let groups = """
        package io.k8s.api.apps.v1
        Deployment:
            1 metadata ObjectMeta; 2 spec DeploymentSpec; 3 status DeploymentStatus
        DeploymentCondition:
            1 type string; 2 status string; 6 lastUpdateTime time; 7 lastTransitionTime time; 4 reason string;
            5 message string
        DeploymentSpec:
            1 replicas int?; 2 selector LabelSelector; 3 template PodTemplateSpec; 4 strategy DeploymentStrategy;
            5 minReadySeconds int; 6 revisionHistoryLimit int?; 7 paused bool; 9 progressDeadlineSeconds int?
        DeploymentStatus:
            1 observedGeneration int; 2 replicas int; 3 updatedReplicas int; 7 readyReplicas int;
            4 availableReplicas int; 5 unavailableReplicas int; 6 conditions [DeploymentCondition];
            8 collisionCount int?
        DeploymentStrategy:
            1 type string; 2 rollingUpdate RollingUpdateDeployment
        ReplicaSet:
            1 metadata ObjectMeta; 2 spec ReplicaSetSpec; 3 status ReplicaSetStatus
        ReplicaSetCondition:
            1 type string; 2 status string; 3 lastTransitionTime time; 4 reason string; 5 message string
        ReplicaSetSpec:
            1 replicas int?; 4 minReadySeconds int; 2 selector LabelSelector; 3 template PodTemplateSpec
        ReplicaSetStatus:
            1 replicas int; 2 fullyLabeledReplicas int; 4 readyReplicas int; 5 availableReplicas int;
            3 observedGeneration int; 6 conditions [ReplicaSetCondition]
        RollingUpdateDeployment:
            1 maxUnavailable intOrString; 2 maxSurge intOrString
        RollingUpdateStatefulSetStrategy:
            1 partition int?
        StatefulSet:
            1 metadata ObjectMeta; 2 spec StatefulSetSpec; 3 status StatefulSetStatus
        StatefulSetCondition:
            1 type string; 2 status string; 3 lastTransitionTime time; 4 reason string; 5 message string
        StatefulSetSpec:
            1 replicas int?; 2 selector LabelSelector; 3 template PodTemplateSpec;
            4 volumeClaimTemplates [PersistentVolumeClaim]; 5 serviceName string; 6 podManagementPolicy string;
            7 updateStrategy StatefulSetUpdateStrategy; 8 revisionHistoryLimit int?
        StatefulSetStatus:
            1 observedGeneration int; 2 replicas int; 3 readyReplicas int; 4 currentReplicas int;
            5 updatedReplicas int; 6 currentRevision string; 7 updateRevision string; 9 collisionCount int?;
            10 conditions [StatefulSetCondition]
        StatefulSetUpdateStrategy:
            1 type string; 2 rollingUpdate RollingUpdateStatefulSetStrategy
        package io.k8s.api.batch.v1
        Job:
            1 metadata ObjectMeta; 2 spec JobSpec; 3 status JobStatus
        JobCondition:
            1 type string; 2 status string; 3 lastProbeTime time; 4 lastTransitionTime time; 5 reason string;
            6 message string
        JobSpec:
            1 parallelism int?; 2 completions int?; 3 activeDeadlineSeconds int?; 7 backoffLimit int?;
            4 selector LabelSelector; 5 manualSelector bool?; 6 template PodTemplateSpec;
            8 ttlSecondsAfterFinished int?
        JobStatus:
            1 conditions [JobCondition]; 2 startTime time; 3 completionTime time; 4 active int; 5 succeeded int;
            6 failed int
        package io.k8s.api.batch.v1beta1 io.k8s.api.batch.v1
        CronJob:
            1 metadata ObjectMeta; 2 spec CronJobSpec; 3 status CronJobStatus
        CronJobSpec:
            1 schedule string; 2 startingDeadlineSeconds int?; 3 concurrencyPolicy string; 4 suspend bool?;
            5 jobTemplate JobTemplateSpec; 6 successfulJobsHistoryLimit int?; 7 failedJobsHistoryLimit int?
        CronJobStatus:
            1 active [ObjectReference]; 4 lastScheduleTime time
        JobTemplateSpec:
            1 metadata ObjectMeta; 2 spec io.k8s.api.batch.v1.JobSpec
        package io.k8s.api.autoscaling.v1
        CrossVersionObjectReference:
            1 kind string; 2 name string; 3 apiVersion string
        HorizontalPodAutoscaler:
            1 metadata ObjectMeta; 2 spec HorizontalPodAutoscalerSpec; 3 status HorizontalPodAutoscalerStatus
        HorizontalPodAutoscalerSpec:
            1 scaleTargetRef CrossVersionObjectReference; 2 minReplicas int?; 3 maxReplicas int;
            4 targetCPUUtilizationPercentage int?
        HorizontalPodAutoscalerStatus:
            1 observedGeneration int?; 2 lastScaleTime time; 3 currentReplicas int; 4 desiredReplicas int;
            5 currentCPUUtilizationPercentage int?
        Scale:
            1 metadata ObjectMeta; 2 spec ScaleSpec; 3 status ScaleStatus
        ScaleSpec:
            1 replicas int
        ScaleStatus:
            1 replicas int; 2 selector string
        package io.k8s.api.autoscaling.v2beta2 io.k8s.api.autoscaling.v2
        ContainerResourceMetricSource:
            1 name string; 2 target MetricTarget; 3 container string
        ContainerResourceMetricStatus:
            1 name string; 2 current MetricValueStatus; 3 container string
        CrossVersionObjectReference:
            1 kind string; 2 name string; 3 apiVersion string
        ExternalMetricSource:
            1 metric MetricIdentifier; 2 target MetricTarget
        ExternalMetricStatus:
            1 metric MetricIdentifier; 2 current MetricValueStatus
        HPAScalingPolicy:
            1 type string; 2 value int; 3 periodSeconds int
        HPAScalingRules:
            3 stabilizationWindowSeconds int?; 1 selectPolicy string?; 2 policies [HPAScalingPolicy]
        HorizontalPodAutoscaler:
            1 metadata ObjectMeta; 2 spec HorizontalPodAutoscalerSpec; 3 status HorizontalPodAutoscalerStatus
        HorizontalPodAutoscalerBehavior:
            1 scaleUp HPAScalingRules; 2 scaleDown HPAScalingRules
        HorizontalPodAutoscalerCondition:
            1 type string; 2 status string; 3 lastTransitionTime time; 4 reason string; 5 message string
        HorizontalPodAutoscalerSpec:
            1 scaleTargetRef CrossVersionObjectReference; 2 minReplicas int?; 3 maxReplicas int;
            4 metrics [MetricSpec]; 5 behavior HorizontalPodAutoscalerBehavior
        HorizontalPodAutoscalerStatus:
            1 observedGeneration int?; 2 lastScaleTime time; 3 currentReplicas int; 4 desiredReplicas int;
            5 currentMetrics [MetricStatus]; 6 conditions [HorizontalPodAutoscalerCondition]
        MetricIdentifier:
            1 name string; 2 selector LabelSelector
        MetricSpec:
            1 type string; 2 object ObjectMetricSource; 3 pods PodsMetricSource; 4 resource ResourceMetricSource;
            7 containerResource ContainerResourceMetricSource; 5 external ExternalMetricSource
        MetricStatus:
            1 type string; 2 object ObjectMetricStatus; 3 pods PodsMetricStatus; 4 resource ResourceMetricStatus;
            7 containerResource ContainerResourceMetricStatus; 5 external ExternalMetricStatus
        MetricTarget:
            1 type string; 2 value quantity; 3 averageValue quantity; 4 averageUtilization int?
        MetricValueStatus:
            1 value quantity; 2 averageValue quantity; 3 averageUtilization int?
        ObjectMetricSource:
            1 describedObject CrossVersionObjectReference; 2 target MetricTarget; 3 metric MetricIdentifier
        ObjectMetricStatus:
            1 metric MetricIdentifier; 2 current MetricValueStatus; 3 describedObject CrossVersionObjectReference
        PodsMetricSource:
            1 metric MetricIdentifier; 2 target MetricTarget
        PodsMetricStatus:
            1 metric MetricIdentifier; 2 current MetricValueStatus
        ResourceMetricSource:
            1 name string; 2 target MetricTarget
        ResourceMetricStatus:
            1 name string; 2 current MetricValueStatus
        package io.k8s.api.policy.v1beta1 io.k8s.api.policy.v1
        Eviction:
            1 metadata ObjectMeta; 2 deleteOptions DeleteOptions
        PodDisruptionBudget:
            1 metadata ObjectMeta; 2 spec PodDisruptionBudgetSpec; 3 status PodDisruptionBudgetStatus
        PodDisruptionBudgetSpec:
            1 minAvailable intOrString; 2 selector LabelSelector; 3 maxUnavailable intOrString
        PodDisruptionBudgetStatus:
            1 observedGeneration int; 2 disruptedPods {time}; 3 disruptionsAllowed int; 4 currentHealthy int;
            5 desiredHealthy int; 6 expectedPods int
        package io.k8s.api.networking.v1
        HTTPIngressPath:
            1 path string; 3 pathType string?; 2 backend IngressBackend
        HTTPIngressRuleValue:
            1 paths [HTTPIngressPath]
        IPBlock:
            1 cidr string; 2 except [string]
        Ingress:
            1 metadata ObjectMeta; 2 spec IngressSpec; 3 status IngressStatus
        IngressBackend:
            4 service IngressServiceBackend; 3 resource TypedLocalObjectReference
        IngressRule:
            1 host string; 2 ingressRuleValue IngressRuleValue
        IngressRuleValue:
            1 http HTTPIngressRuleValue
        IngressServiceBackend:
            1 name string; 2 port ServiceBackendPort
        IngressSpec:
            4 ingressClassName string?; 1 defaultBackend IngressBackend; 2 tls [IngressTLS]; 3 rules [IngressRule]
        IngressStatus:
            1 loadBalancer LoadBalancerStatus
        IngressTLS:
            1 hosts [string]; 2 secretName string
        NetworkPolicy:
            1 metadata ObjectMeta; 2 spec NetworkPolicySpec
        NetworkPolicyEgressRule:
            1 ports [NetworkPolicyPort]; 2 to [NetworkPolicyPeer]
        NetworkPolicyIngressRule:
            1 ports [NetworkPolicyPort]; 2 from [NetworkPolicyPeer]
        NetworkPolicyPeer:
            1 podSelector LabelSelector; 2 namespaceSelector LabelSelector; 3 ipBlock IPBlock
        NetworkPolicyPort:
            1 protocol string?; 2 port intOrString
        NetworkPolicySpec:
            1 podSelector LabelSelector; 2 ingress [NetworkPolicyIngressRule]; 3 egress [NetworkPolicyEgressRule];
            4 policyTypes [string]
        ServiceBackendPort:
            1 name string; 2 number int
        package io.k8s.api.coordination.v1
        Lease:
            1 metadata ObjectMeta; 2 spec LeaseSpec
        LeaseSpec:
            1 holderIdentity string?; 2 leaseDurationSeconds int?; 3 acquireTime microTime; 4 renewTime microTime;
            5 leaseTransitions int?
        package io.k8s.api.rbac.v1
        AggregationRule:
            1 clusterRoleSelectors [LabelSelector]
        ClusterRole:
            1 metadata ObjectMeta; 2 rules [PolicyRule]; 3 aggregationRule AggregationRule
        ClusterRoleBinding:
            1 metadata ObjectMeta; 2 subjects [Subject]; 3 roleRef RoleRef
        PolicyRule:
            1 verbs [string]; 2 apiGroups [string]; 3 resources [string]; 4 resourceNames [string];
            5 nonResourceURLs [string]
        Role:
            1 metadata ObjectMeta; 2 rules [PolicyRule]
        RoleBinding:
            1 metadata ObjectMeta; 2 subjects [Subject]; 3 roleRef RoleRef
        RoleRef:
            1 apiGroup string; 2 kind string; 3 name string
        Subject:
            1 kind string; 2 apiGroup string; 3 name string; 4 namespace string
        package io.k8s.api.discovery.v1beta1
        Endpoint:
            1 addresses [string]; 2 conditions EndpointConditions; 3 hostname string?; 4 targetRef ObjectReference;
            5 topology {string}; 6 nodeName string?
        EndpointConditions:
            1 ready bool?; 2 serving bool?; 3 terminating bool?
        EndpointPort:
            1 name string?; 2 protocol string?; 3 port int?; 4 appProtocol string?
        EndpointSlice:
            1 metadata ObjectMeta; 4 addressType string; 2 endpoints [Endpoint]; 3 ports [EndpointPort]
        package io.k8s.api.discovery.v1
        Endpoint:
            1 addresses [string]; 2 conditions EndpointConditions; 3 hostname string?; 4 targetRef ObjectReference;
            5 deprecatedTopology {string}; 6 nodeName string?
        EndpointConditions:
            1 ready bool?; 2 serving bool?; 3 terminating bool?
        EndpointPort:
            1 name string?; 2 protocol string?; 3 port int?; 4 appProtocol string?
        EndpointSlice:
            1 metadata ObjectMeta; 4 addressType string; 2 endpoints [Endpoint]; 3 ports [EndpointPort]
        package io.k8s.api.events.v1
        Event:
            1 metadata ObjectMeta; 2 eventTime microTime; 3 series EventSeries; 4 reportingController string;
            5 reportingInstance string; 6 action string; 7 reason string; 8 regarding ObjectReference;
            9 related ObjectReference; 10 note string; 11 type string; 12 deprecatedSource EventSource;
            13 deprecatedFirstTimestamp time; 14 deprecatedLastTimestamp time; 15 deprecatedCount int
        EventSeries:
            1 count int; 2 lastObservedTime microTime
        package io.k8s.api.authentication.v1
        BoundObjectReference:
            1 kind string; 2 apiVersion string; 3 name string; 4 uid string
        TokenRequest:
            1 metadata ObjectMeta; 2 spec TokenRequestSpec; 3 status TokenRequestStatus
        TokenRequestSpec:
            1 audiences [string]; 4 expirationSeconds int?; 3 boundObjectRef BoundObjectReference
        TokenRequestStatus:
            1 token string; 2 expirationTimestamp time
        TokenReview:
            1 metadata ObjectMeta; 2 spec TokenReviewSpec; 3 status TokenReviewStatus
        TokenReviewSpec:
            1 token string; 2 audiences [string]
        TokenReviewStatus:
            1 authenticated bool; 2 user UserInfo; 4 audiences [string]; 3 error string
        UserInfo:
            1 username string; 2 uid string; 3 groups [string]; 4 extra {items}
        package io.k8s.api.authorization.v1
        LocalSubjectAccessReview:
            1 metadata ObjectMeta; 2 spec SubjectAccessReviewSpec; 3 status SubjectAccessReviewStatus
        NonResourceAttributes:
            1 path string; 2 verb string
        NonResourceRule:
            1 verbs [string]; 2 nonResourceURLs [string]
        ResourceAttributes:
            1 namespace string; 2 verb string; 3 group string; 4 version string; 5 resource string;
            6 subresource string; 7 name string
        ResourceRule:
            1 verbs [string]; 2 apiGroups [string]; 3 resources [string]; 4 resourceNames [string]
        SelfSubjectAccessReview:
            1 metadata ObjectMeta; 2 spec SelfSubjectAccessReviewSpec; 3 status SubjectAccessReviewStatus
        SelfSubjectAccessReviewSpec:
            1 resourceAttributes ResourceAttributes; 2 nonResourceAttributes NonResourceAttributes
        SelfSubjectRulesReview:
            1 metadata ObjectMeta; 2 spec SelfSubjectRulesReviewSpec; 3 status SubjectRulesReviewStatus
        SelfSubjectRulesReviewSpec:
            1 namespace string
        SubjectAccessReview:
            1 metadata ObjectMeta; 2 spec SubjectAccessReviewSpec; 3 status SubjectAccessReviewStatus
        SubjectAccessReviewSpec:
            1 resourceAttributes ResourceAttributes; 2 nonResourceAttributes NonResourceAttributes; 3 user string;
            4 groups [string]; 5 extra {items}; 6 uid string
        SubjectAccessReviewStatus:
            1 allowed bool; 4 denied bool; 2 reason string; 3 evaluationError string
        SubjectRulesReviewStatus:
            1 resourceRules [ResourceRule]; 2 nonResourceRules [NonResourceRule]; 3 incomplete bool;
            4 evaluationError string
        """
}
