extension TypeTexts {
    /// Types of the groups for rights, networks, budgets, leases and events.
    static let policies = """
        package io.k8s.api.authentication.v1
        BoundObjectReference:
            kind string; apiVersion string; name string; uid string
        TokenRequest kind: Asks for a token of a service account.
            metadata ObjectMeta&; spec! TokenRequestSpec; status TokenRequestStatus&
        TokenRequestSpec:
            audiences! [string]; expirationSeconds int64? = 3600; boundObjectRef BoundObjectReference
        TokenRequestStatus:
            token! string; expirationTimestamp! time
        TokenReview kind: Asks who a token belongs to.
            metadata ObjectMeta&; spec! TokenReviewSpec; status TokenReviewStatus&
        TokenReviewSpec:
            token string; audiences [string]
        TokenReviewStatus:
            authenticated bool; user UserInfo&; audiences [string]; error string
        UserInfo: Who somebody is.
            username string; uid string; groups [string]; extra {[string]}
        package io.k8s.api.authorization.v1
        LocalSubjectAccessReview kind: Asks whether somebody may do something in one namespace.
            metadata ObjectMeta&; spec! SubjectAccessReviewSpec; status SubjectAccessReviewStatus&
        NonResourceAttributes:
            path string; verb string
        NonResourceRule:
            verbs! [string]; nonResourceURLs [string]
        ResourceAttributes:
            namespace string; verb string; group string; version string; resource string; subresource string;
            name string
        ResourceRule:
            verbs! [string]; apiGroups [string]; resources [string]; resourceNames [string]
        SelfSubjectAccessReview kind: Asks whether the one who asks may do something.
            metadata ObjectMeta&; spec! SelfSubjectAccessReviewSpec; status SubjectAccessReviewStatus&
        SelfSubjectAccessReviewSpec:
            resourceAttributes ResourceAttributes; nonResourceAttributes NonResourceAttributes
        SelfSubjectRulesReview kind: Asks for all that the one who asks may do in a namespace.
            metadata ObjectMeta&; spec! SelfSubjectRulesReviewSpec; status SubjectRulesReviewStatus&
        SelfSubjectRulesReviewSpec:
            namespace string
        SubjectAccessReview kind: Asks whether somebody may do something.
            metadata ObjectMeta&; spec! SubjectAccessReviewSpec; status SubjectAccessReviewStatus&
        SubjectAccessReviewSpec:
            resourceAttributes ResourceAttributes; nonResourceAttributes NonResourceAttributes; user string;
            groups [string]; extra {[string]}; uid string
        SubjectAccessReviewStatus:
            allowed! bool; denied bool; reason string; evaluationError string
        SubjectRulesReviewStatus:
            resourceRules! [ResourceRule]; nonResourceRules! [NonResourceRule]; incomplete! bool; evaluationError string
        package io.k8s.api.rbac.v1
        AggregationRule:
            clusterRoleSelectors [LabelSelector]
        ClusterRole kind: Rights in all namespaces.
            metadata ObjectMeta&; rules [PolicyRule]&; aggregationRule AggregationRule
        ClusterRoleBinding kind: Gives rights in all namespaces.
            metadata ObjectMeta&; subjects [Subject]; roleRef! RoleRef
        PolicyRule: What may be done with which resources.
            verbs!! [string]; apiGroups [string]; resources [string]; resourceNames [string]; nonResourceURLs [string]
        Role kind: Rights in one namespace.
            metadata ObjectMeta&; rules [PolicyRule]&
        RoleBinding kind: Gives rights in one namespace.
            metadata ObjectMeta&; subjects [Subject]; roleRef! RoleRef
        RoleRef: The rights that are given.
            apiGroup! string; kind! string; name!! string
        Subject: Who gets the rights.
            kind! string; apiGroup string; name!! string; namespace string
        package io.k8s.api.policy.v1beta1 io.k8s.api.policy.v1
        Eviction kind: Asks a pod to go, if its budget allows it.
            metadata ObjectMeta&; deleteOptions DeleteOptions
        PodDisruptionBudget kind: How many pods may be taken away on purpose at the same time.
            metadata ObjectMeta&; spec PodDisruptionBudgetSpec&; status PodDisruptionBudgetStatus&
        PodDisruptionBudgetSpec: Which pods, and how many must stay.
            minAvailable intOrString "How many must stay, a number or a percentage."; selector LabelSelector;
            maxUnavailable intOrString "How many may be missing, a number or a percentage."
        PodDisruptionBudgetStatus: How many may go now.
            observedGeneration int64; disruptedPods {time}; disruptionsAllowed! int32; currentHealthy! int32;
            desiredHealthy! int32; expectedPods! int32; conditions [Condition] merge(type) map(type)
        package io.k8s.api.networking.v1
        HTTPIngressPath:
            path string; pathType enum(Exact|ImplementationSpecific|Prefix)?; backend! IngressBackend
        HTTPIngressRuleValue:
            paths!! [HTTPIngressPath] atomic
        IPBlock:
            cidr!! string; except [string]
        Ingress kind: Which service answers which requests from outside.
            metadata ObjectMeta&; spec IngressSpec&; status IngressStatus&
        IngressBackend:
            service IngressServiceBackend; resource TypedLocalObjectReference
        IngressRule: Which services answer the requests to a host.
            host string; http HTTPIngressRuleValue
        IngressServiceBackend:
            name!! string; port ServiceBackendPort&
        IngressSpec: Rules for requests from outside.
            ingressClassName string?; defaultBackend IngressBackend; tls [IngressTLS] atomic; rules [IngressRule] atomic
        IngressStatus:
            loadBalancer LoadBalancerStatus&
        IngressTLS:
            hosts [string] atomic; secretName string
        NetworkPolicy kind: Which connections pods may have.
            metadata ObjectMeta&; spec NetworkPolicySpec&
        NetworkPolicyEgressRule:
            ports [NetworkPolicyPort]; to [NetworkPolicyPeer]
        NetworkPolicyIngressRule:
            ports [NetworkPolicyPort]; from [NetworkPolicyPeer]
        NetworkPolicyPeer:
            podSelector LabelSelector; namespaceSelector LabelSelector; ipBlock IPBlock
        NetworkPolicyPort:
            protocol string? = TCP; port intOrString
        NetworkPolicySpec: Which pods it is for, and with whom they may talk.
            podSelector! LabelSelector; ingress [NetworkPolicyIngressRule]; egress [NetworkPolicyEgressRule];
            policyTypes [string]
        ServiceBackendPort:
            name string; number int32
        package io.k8s.api.coordination.v1
        Lease kind: A claim that its holder renews, as that of a leader.
            metadata ObjectMeta&; spec LeaseSpec&
        LeaseSpec: Who holds a lease and since when.
            holderIdentity string?; leaseDurationSeconds int32?; acquireTime microTime; renewTime microTime;
            leaseTransitions int32?
        package io.k8s.api.discovery.v1beta1
        Endpoint: The addresses of one pod.
            addresses! [string] set; conditions EndpointConditions&; hostname string?; targetRef ObjectReference;
            topology {string}; nodeName string?
        EndpointConditions: Whether a pod can be sent to.
            ready bool?; serving bool?; terminating bool?
        EndpointPort: A port of the addresses.
            name string? = ""; protocol string? = TCP; port int32?; appProtocol string?
        EndpointSlice kind: A part of the addresses behind a service.
            metadata ObjectMeta&; addressType!! enum(FQDN|IPv4|IPv6); endpoints! [Endpoint] atomic;
            ports [EndpointPort]& atomic
        package io.k8s.api.discovery.v1
        Endpoint: The addresses of one pod.
            addresses! [string] set; conditions EndpointConditions&; hostname string?; targetRef ObjectReference;
            deprecatedTopology {string}; nodeName string?; zone string?; hints EndpointHints
        EndpointConditions: Whether a pod can be sent to.
            ready bool?; serving bool?; terminating bool?
        EndpointPort: A port of the addresses.
            name string? = ""; protocol string? = TCP; port int32?; appProtocol string?
        EndpointSlice kind: A part of the addresses behind a service.
            metadata ObjectMeta&; addressType!! enum(FQDN|IPv4|IPv6); endpoints! [Endpoint] atomic;
            ports [EndpointPort]& atomic
        EndpointHints: Which consumers an endpoint is for.
            forZones [ForZone] atomic
        ForZone: A zone that an endpoint is for.
            name! string
        package io.k8s.api.events.v1
        Event kind: Something that happened to an object.
            metadata! ObjectMeta; eventTime! microTime; series EventSeries; reportingController string;
            reportingInstance string; action string; reason string; regarding ObjectReference&; related ObjectReference;
            note string; type string; deprecatedSource EventSource&; deprecatedFirstTimestamp time&;
            deprecatedLastTimestamp time&; deprecatedCount int32
        EventSeries:
            count! int32; lastObservedTime! microTime
        """
}
