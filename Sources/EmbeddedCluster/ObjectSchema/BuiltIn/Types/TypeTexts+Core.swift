extension TypeTexts {
    /// Types of the core group.
    static let core = """
        package io.k8s.api.core.v1
        AWSElasticBlockStoreVolumeSource:
            volumeID! string; fsType string; partition int32; readOnly bool
        Affinity: Where a pod is scheduled, preferably or strictly.
            nodeAffinity NodeAffinity; podAffinity PodAffinity; podAntiAffinity PodAntiAffinity
        AttachedVolume:
            name! string; devicePath! string
        AzureDiskVolumeSource:
            diskName! string; diskURI! string; cachingMode string? = ReadWrite; fsType string? = ext4;
            readOnly bool? = false; kind string? = Shared
        AzureFileVolumeSource:
            secretName! string; shareName! string; readOnly bool
        Binding kind: Gives a pod a node.
            metadata ObjectMeta&; target! ObjectReference
        CSIVolumeSource:
            driver!! string; readOnly bool?; fsType string?; volumeAttributes {string};
            nodePublishSecretRef LocalObjectReference
        Capabilities: What processes may do beyond or below the usual.
            add [string]; drop [string]
        CephFSVolumeSource:
            monitors! [string]; path string; user string; secretFile string; secretRef LocalObjectReference;
            readOnly bool
        CinderVolumeSource:
            volumeID! string; fsType string; readOnly bool; secretRef LocalObjectReference
        ClientIPConfig:
            timeoutSeconds int32?
        ConfigMap kind: Settings as keys and values.
            metadata ObjectMeta&; immutable bool? "Whether the values cannot be changed any more.";
            data {string} "Values that are text."; binaryData {bytes} "Values that are bytes, in base 64."
        ConfigMapEnvSource:
            name string; optional bool?
        ConfigMapKeySelector:
            name string; key!! string; optional bool?
        ConfigMapNodeConfigSource:
            namespace! string; name! string; uid string; resourceVersion string; kubeletConfigKey! string
        ConfigMapProjection:
            name string; items [KeyToPath]; optional bool?
        ConfigMapVolumeSource:
            name string; items [KeyToPath]; defaultMode int32? = 420; optional bool?
        Container: One program in a pod.
            name!! string "Its name, which no other container of the pod has.";
            image string "The image that holds the program.";
            command [string] "What is run, in place of the image's entry point. $(NAME) stands for a variable.";
            args [string] "Arguments, in place of the image's. $(NAME) stands for a variable.";
            workingDir string "The folder it runs in.";
            ports [ContainerPort] merge(containerPort) map(containerPort,protocol) "Ports that it listens on.";
            envFrom [EnvFromSource] "Where further environment variables come from.";
            env [EnvVar] merge(name) "Its environment variables.";
            resources ResourceRequirements& "What it needs and may use of the node.";
            volumeMounts [VolumeMount] merge(mountPath) "Where volumes appear in its file system.";
            volumeDevices [VolumeDevice] merge(devicePath); livenessProbe Probe "Restarts the container when it fails.";
            readinessProbe Probe "Takes the pod out of services while it fails.";
            startupProbe Probe "The other probes wait until it succeeds.";
            lifecycle Lifecycle "What is run after it starts and before it is stopped.";
            terminationMessagePath string = /dev/termination-log;
            terminationMessagePolicy enum(File|FallbackToLogsOnError) = File;
            imagePullPolicy enum(Always|IfNotPresent|Never) "When the image is fetched.";
            securityContext SecurityContext "Whom it runs as and what it may do."; stdin bool; stdinOnce bool; tty bool
        ContainerImage:
            names! [string]; sizeBytes int64
        ContainerPort: A port that a container listens on.
            name string; hostPort int32; containerPort!! int32; protocol enum(SCTP|TCP|UDP) = TCP; hostIP string
        ContainerState: What a container is doing: one of its fields is set.
            waiting ContainerStateWaiting; running ContainerStateRunning; terminated ContainerStateTerminated
        ContainerStateRunning:
            startedAt time&
        ContainerStateTerminated:
            exitCode! int32; signal int32; reason string; message string; startedAt time&; finishedAt time&;
            containerID string
        ContainerStateWaiting:
            reason string; message string
        ContainerStatus: What was observed last of a container.
            name! string; state ContainerState&; lastState ContainerState&; ready! bool; restartCount! int32;
            image! string; imageID! string; containerID string; started bool?
        DaemonEndpoint:
            Port! int32
        DownwardAPIProjection:
            items [DownwardAPIVolumeFile]
        DownwardAPIVolumeFile:
            path! string; fieldRef ObjectFieldSelector; resourceFieldRef ResourceFieldSelector; mode int32?
        DownwardAPIVolumeSource:
            items [DownwardAPIVolumeFile]; defaultMode int32? = 420
        EmptyDirVolumeSource: A folder that lives as long as the pod.
            medium string; sizeLimit quantity
        EndpointAddress: The address of a pod.
            ip! string; hostname string; nodeName string?; targetRef ObjectReference
        EndpointPort: A port of the addresses.
            name string; port! int32; protocol enum(SCTP|TCP|UDP) = TCP; appProtocol string?
        EndpointSubset: Addresses with the same ports.
            addresses [EndpointAddress]; notReadyAddresses [EndpointAddress]; ports [EndpointPort]
        Endpoints kind: The addresses behind a service.
            metadata ObjectMeta&; subsets [EndpointSubset]
        EnvFromSource: A whole config map or secret as variables.
            prefix string; configMapRef ConfigMapEnvSource; secretRef SecretEnvSource
        EnvVar: An environment variable.
            name!! string; value string "Its value. $(NAME) stands for a variable defined before.";
            valueFrom EnvVarSource
        EnvVarSource: Where a variable's value comes from: one of its fields is set.
            fieldRef ObjectFieldSelector; resourceFieldRef ResourceFieldSelector; configMapKeyRef ConfigMapKeySelector;
            secretKeyRef SecretKeySelector
        EphemeralContainer:
            name! string; image string; command [string]; args [string]; workingDir string; ports [ContainerPort];
            envFrom [EnvFromSource]; env [EnvVar] merge(name); resources ResourceRequirements&;
            volumeMounts [VolumeMount] merge(mountPath); volumeDevices [VolumeDevice] merge(devicePath);
            livenessProbe Probe; readinessProbe Probe; startupProbe Probe; lifecycle Lifecycle;
            terminationMessagePath string = /dev/termination-log; terminationMessagePolicy string = File;
            imagePullPolicy enum(Always|IfNotPresent|Never); securityContext SecurityContext; stdin bool;
            stdinOnce bool; tty bool; targetContainerName string
        EphemeralVolumeSource:
            volumeClaimTemplate PersistentVolumeClaimTemplate; readOnly bool
        Event kind: Something that happened to an object.
            metadata! ObjectMeta; involvedObject! ObjectReference; reason string; message string; source EventSource&;
            firstTimestamp time&; lastTimestamp time&; count int32; type string; eventTime microTime&;
            series EventSeries; action string; related ObjectReference; reportingComponent string&;
            reportingInstance string&
        EventSeries:
            count int32; lastObservedTime microTime&
        EventSource:
            component string; host string
        ExecAction: A command that is run in the container; exit code 0 is success.
            command [string]
        FCVolumeSource:
            targetWWNs [string]; lun int32?; fsType string; readOnly bool; wwids [string]
        FlexVolumeSource:
            driver! string; fsType string; secretRef LocalObjectReference; readOnly bool; options {string}
        FlockerVolumeSource:
            datasetName string; datasetUUID string
        GCEPersistentDiskVolumeSource:
            pdName! string; fsType string; partition int32; readOnly bool
        GitRepoVolumeSource:
            repository! string; revision string; directory string
        GlusterfsVolumeSource:
            endpoints! string; path! string; readOnly bool
        HTTPGetAction: An HTTP request; a status from 200 to 399 is success.
            path string = /; port! intOrString; host string; scheme enum(HTTP|HTTPS) = HTTP; httpHeaders [HTTPHeader]
        HTTPHeader:
            name! string; value! string
        Handler: What is done: one of its fields is set.
            exec ExecAction; httpGet HTTPGetAction; tcpSocket TCPSocketAction
        HostAlias:
            ip string; hostnames [string]
        HostPathVolumeSource: A file or folder of the node.
            path!! string; type string? = ""
        ISCSIVolumeSource:
            targetPortal! string; iqn! string; lun! int32; iscsiInterface string = default; fsType string;
            readOnly bool; portals [string]; chapAuthDiscovery bool; chapAuthSession bool;
            secretRef LocalObjectReference; initiatorName string?
        KeyToPath: Puts a key's value into a file.
            key!! string; path!! string; mode int32?
        Lifecycle: What is run when a container starts and before it is stopped.
            postStart Handler; preStop Handler
        LoadBalancerIngress:
            ip string; hostname string; ports [PortStatus] atomic
        LoadBalancerStatus:
            ingress [LoadBalancerIngress]
        LocalObjectReference: Names an object in the same namespace.
            name string
        NFSVolumeSource:
            server!! string; path!! string; readOnly bool
        Namespace kind: A space for names.
            metadata ObjectMeta&; spec NamespaceSpec&; status NamespaceStatus&
        NamespaceCondition:
            type! string; status! string; lastTransitionTime time&; reason string; message string
        NamespaceSpec: What must be done before a namespace goes.
            finalizers [string]
        NamespaceStatus: Whether a namespace is in use or going.
            phase string; conditions [NamespaceCondition] merge(type)
        Node kind: A machine that runs pods.
            metadata ObjectMeta&; spec NodeSpec&; status NodeStatus&
        NodeAddress:
            type! string; address! string
        NodeAffinity:
            requiredDuringSchedulingIgnoredDuringExecution NodeSelector;
            preferredDuringSchedulingIgnoredDuringExecution [PreferredSchedulingTerm]
        NodeCondition:
            type! string; status! string; lastHeartbeatTime time&; lastTransitionTime time&; reason string;
            message string
        NodeConfigSource:
            configMap ConfigMapNodeConfigSource
        NodeConfigStatus:
            assigned NodeConfigSource; active NodeConfigSource; lastKnownGood NodeConfigSource; error string
        NodeDaemonEndpoints:
            kubeletEndpoint DaemonEndpoint&
        NodeSelector: Which nodes will do: those that fit one of its terms.
            nodeSelectorTerms!! [NodeSelectorTerm]
        NodeSelectorRequirement:
            key! string; operator! string; values [string]
        NodeSelectorTerm: What a node must fit in all points.
            matchExpressions [NodeSelectorRequirement]; matchFields [NodeSelectorRequirement]
        NodeSpec: How a node is used.
            podCIDR string; podCIDRs [string] merge; providerID string;
            unschedulable bool "Whether new pods stay away."; taints [Taint]; configSource NodeConfigSource;
            externalID string
        NodeStatus: What was observed last of a node.
            capacity {quantity}; allocatable {quantity}; phase string; conditions [NodeCondition] merge(type);
            addresses [NodeAddress] merge(type); daemonEndpoints NodeDaemonEndpoints&; nodeInfo NodeSystemInfo&;
            images [ContainerImage]; volumesInUse [string]; volumesAttached [AttachedVolume]; config NodeConfigStatus
        NodeSystemInfo:
            machineID! string; systemUUID! string; bootID! string; kernelVersion! string; osImage! string;
            containerRuntimeVersion! string; kubeletVersion! string; kubeProxyVersion! string; operatingSystem! string;
            architecture! string
        ObjectFieldSelector: A field of the pod.
            apiVersion string = v1; fieldPath!! string
        ObjectReference: Names an object.
            kind string; namespace string; name string; uid string; apiVersion string; resourceVersion string;
            fieldPath string
        PersistentVolumeClaim kind: A request for storage.
            metadata ObjectMeta&; spec PersistentVolumeClaimSpec&; status PersistentVolumeClaimStatus&
        PersistentVolumeClaimCondition:
            type! string; status! string; lastProbeTime time&; lastTransitionTime time&; reason string; message string
        PersistentVolumeClaimSpec:
            accessModes [string]; selector LabelSelector; resources ResourceRequirements&; volumeName string;
            storageClassName string?; volumeMode string? = Filesystem; dataSource TypedLocalObjectReference
        PersistentVolumeClaimStatus:
            phase string = Pending; accessModes [string]; capacity {quantity};
            conditions [PersistentVolumeClaimCondition] merge(type)
        PersistentVolumeClaimTemplate:
            metadata ObjectMeta&; spec! PersistentVolumeClaimSpec
        PersistentVolumeClaimVolumeSource:
            claimName!! string; readOnly bool
        PhotonPersistentDiskVolumeSource:
            pdID! string; fsType string
        Pod kind: Containers that run together on one node.
            metadata ObjectMeta&; spec PodSpec&; status PodStatus&
        PodAffinity:
            requiredDuringSchedulingIgnoredDuringExecution [PodAffinityTerm];
            preferredDuringSchedulingIgnoredDuringExecution [WeightedPodAffinityTerm]
        PodAffinityTerm:
            labelSelector LabelSelector; namespaces [string]; topologyKey!! string
        PodAntiAffinity:
            requiredDuringSchedulingIgnoredDuringExecution [PodAffinityTerm];
            preferredDuringSchedulingIgnoredDuringExecution [WeightedPodAffinityTerm]
        PodCondition: One aspect of a pod's state.
            type! string; status! string; lastProbeTime time&; lastTransitionTime time&; reason string; message string
        PodDNSConfig:
            nameservers [string]; searches [string]; options [PodDNSConfigOption]
        PodDNSConfigOption:
            name string; value string?
        PodIP:
            ip string
        PodReadinessGate:
            conditionType! string
        PodSecurityContext: Whom the containers run as.
            seLinuxOptions SELinuxOptions; windowsOptions WindowsSecurityContextOptions; runAsUser int64?;
            runAsGroup int64?; runAsNonRoot bool?; supplementalGroups [int64]; fsGroup int64?; sysctls [Sysctl];
            fsGroupChangePolicy string?; seccompProfile SeccompProfile
        PodSpec: What a pod runs, and where and how.
            volumes [Volume] merge(name) retain "What can be mounted into the containers.";
            initContainers [Container] merge(name) "Programs that run one after the other before the others start.";
            containers!! [Container] merge(name) "The programs that run together. There is at least one.";
            ephemeralContainers [EphemeralContainer] merge(name);
            restartPolicy enum(Always|OnFailure|Never) = Always "Whether containers that end are started again.";
            terminationGracePeriodSeconds int64? = 30 "Seconds between the request to stop and the kill.";
            activeDeadlineSeconds int64?;
            dnsPolicy enum(ClusterFirstWithHostNet|ClusterFirst|Default|None) = ClusterFirst;
            nodeSelector {string} "Labels that the node must have.";
            serviceAccountName string "Whose rights its programs have."; serviceAccount string;
            automountServiceAccountToken bool?; nodeName string "The node that it runs on; the scheduler sets it.";
            hostNetwork bool; hostPID bool; hostIPC bool; shareProcessNamespace bool?;
            securityContext PodSecurityContext = {}; imagePullSecrets [LocalObjectReference] merge(name);
            hostname string; subdomain string; affinity Affinity "Where it is scheduled, preferably or strictly.";
            schedulerName string = default-scheduler;
            tolerations [Toleration] "Taints of nodes that do not keep it away."; hostAliases [HostAlias] merge(ip);
            priorityClassName string; priority int32?; dnsConfig PodDNSConfig; readinessGates [PodReadinessGate];
            runtimeClassName string?; enableServiceLinks bool?; preemptionPolicy string?; overhead {quantity};
            topologySpreadConstraints [TopologySpreadConstraint] merge(topologyKey) map(topologyKey,whenUnsatisfiable);
            setHostnameAsFQDN bool?
        PodStatus: What was observed last of a pod.
            phase string "Where it stands: Pending, Running, Succeeded, Failed or Unknown.";
            conditions [PodCondition] merge(type); message string; reason string; nominatedNodeName string;
            hostIP string; podIP string "Its address."; podIPs [PodIP] merge(ip); startTime time;
            initContainerStatuses [ContainerStatus]; containerStatuses [ContainerStatus]; qosClass string;
            ephemeralContainerStatuses [ContainerStatus]
        PodTemplateSpec: What pods are made of.
            metadata ObjectMeta&; spec PodSpec&
        PortStatus:
            port! int32; protocol! string; error string?
        PortworxVolumeSource:
            volumeID! string; fsType string; readOnly bool
        PreferredSchedulingTerm:
            weight! int32; preference! NodeSelectorTerm
        Probe: Asks now and then whether a container does its work.
            exec ExecAction; httpGet HTTPGetAction; tcpSocket TCPSocketAction;
            initialDelaySeconds int32 "Seconds before the first time.";
            timeoutSeconds int32 = 1 "Seconds after which no answer is a failure.";
            periodSeconds int32 = 10 "Seconds from one time to the next.";
            successThreshold int32 = 1 "How many successes in a row count after a failure.";
            failureThreshold int32 = 3 "How many failures in a row count."
        ProjectedVolumeSource: Several sources in one folder.
            sources [VolumeProjection]&; defaultMode int32? = 420
        QuobyteVolumeSource:
            registry! string; volume! string; readOnly bool; user string; group string; tenant string
        RBDVolumeSource:
            monitors! [string]; image! string; fsType string; pool string = rbd; user string = admin;
            keyring string = /etc/ceph/keyring; secretRef LocalObjectReference; readOnly bool
        ResourceFieldSelector:
            containerName string; resource!! string; divisor quantity
        ResourceRequirements: What is needed and what may be used of a node's resources.
            limits {quantity} "What may be used at most."; requests {quantity} "What is set aside."
        SELinuxOptions:
            user string; role string; type string; level string
        ScaleIOVolumeSource:
            gateway! string; system! string; secretRef!! LocalObjectReference; sslEnabled bool; protectionDomain string;
            storagePool string; storageMode string = ThinProvisioned; volumeName string; fsType string = xfs;
            readOnly bool
        SeccompProfile:
            type!! string; localhostProfile string?
        Secret kind: Settings as keys and values that not everybody may read.
            metadata ObjectMeta&; immutable bool?; data {bytes} "Values in base 64.";
            stringData {string} "Values as text. They become part of the data and are never returned.";
            type string = Opaque "What the secret is for."
        SecretEnvSource:
            name string; optional bool?
        SecretKeySelector:
            name string; key!! string; optional bool?
        SecretProjection:
            name string; items [KeyToPath]; optional bool?
        SecretVolumeSource:
            secretName string; items [KeyToPath]; defaultMode int32? = 420; optional bool?
        SecurityContext: Whom a container runs as and what it may do.
            capabilities Capabilities; privileged bool?; seLinuxOptions SELinuxOptions;
            windowsOptions WindowsSecurityContextOptions; runAsUser int64?; runAsGroup int64?; runAsNonRoot bool?;
            readOnlyRootFilesystem bool?; allowPrivilegeEscalation bool?; procMount string?;
            seccompProfile SeccompProfile
        Service kind: One address for several pods.
            metadata ObjectMeta&; spec ServiceSpec&; status ServiceStatus&
        ServiceAccount kind: An identity for programs in pods.
            metadata ObjectMeta&; secrets [ObjectReference] merge(name); imagePullSecrets [LocalObjectReference];
            automountServiceAccountToken bool?
        ServiceAccountTokenProjection:
            audience string; expirationSeconds int64? = 3600; path! string
        ServicePort: A port of a service.
            name string; protocol enum(SCTP|TCP|UDP) = TCP; appProtocol string?; port! int32;
            targetPort intOrString& "The number or the name of the port of the pods."; nodePort int32
        ServiceSpec: Which pods are behind a service and how it is reached.
            ports [ServicePort] merge(port) map(port,protocol); selector {string} "Labels of the pods.";
            clusterIP string "Its address; "None" for a service without one."; clusterIPs [string] atomic;
            type enum(ClusterIP|ExternalName|LoadBalancer|NodePort) = ClusterIP; externalIPs [string];
            sessionAffinity enum(ClientIP|None) = None; loadBalancerIP string; loadBalancerSourceRanges [string];
            externalName string; externalTrafficPolicy string; healthCheckNodePort int32; publishNotReadyAddresses bool;
            sessionAffinityConfig SessionAffinityConfig; topologyKeys [string]; ipFamilies [string] atomic;
            ipFamilyPolicy string?; allocateLoadBalancerNodePorts bool?
        ServiceStatus: What was observed last of a service.
            loadBalancer LoadBalancerStatus&; conditions [Condition] merge(type) map(type)
        SessionAffinityConfig:
            clientIP ClientIPConfig
        StorageOSVolumeSource:
            volumeName string; volumeNamespace string; fsType string; readOnly bool; secretRef LocalObjectReference
        Sysctl:
            name!! string; value! string
        TCPSocketAction: A connection; that it opens is success.
            port! intOrString; host string
        Taint: Keeps pods away from a node that do not tolerate it.
            key!! string; value string; effect!! enum(NoSchedule|PreferNoSchedule|NoExecute); timeAdded time
        Toleration: A taint that does not keep the pod away.
            key string; operator enum(Equal|Exists); value string; effect enum(NoSchedule|PreferNoSchedule|NoExecute);
            tolerationSeconds int64?
        TopologySpreadConstraint: How evenly pods are spread.
            maxSkew! int32; topologyKey!! string; whenUnsatisfiable!! enum(DoNotSchedule|ScheduleAnyway);
            labelSelector LabelSelector
        TypedLocalObjectReference:
            apiGroup string?; kind! string; name! string
        Volume: Something that can be mounted into containers: one of its fields is set besides the name.
            name!! string; hostPath HostPathVolumeSource; emptyDir EmptyDirVolumeSource;
            gcePersistentDisk GCEPersistentDiskVolumeSource; awsElasticBlockStore AWSElasticBlockStoreVolumeSource;
            gitRepo GitRepoVolumeSource; secret SecretVolumeSource; nfs NFSVolumeSource; iscsi ISCSIVolumeSource;
            glusterfs GlusterfsVolumeSource; persistentVolumeClaim PersistentVolumeClaimVolumeSource;
            rbd RBDVolumeSource; flexVolume FlexVolumeSource; cinder CinderVolumeSource; cephfs CephFSVolumeSource;
            flocker FlockerVolumeSource; downwardAPI DownwardAPIVolumeSource; fc FCVolumeSource;
            azureFile AzureFileVolumeSource; configMap ConfigMapVolumeSource;
            vsphereVolume VsphereVirtualDiskVolumeSource; quobyte QuobyteVolumeSource; azureDisk AzureDiskVolumeSource;
            photonPersistentDisk PhotonPersistentDiskVolumeSource; projected ProjectedVolumeSource;
            portworxVolume PortworxVolumeSource; scaleIO ScaleIOVolumeSource; storageos StorageOSVolumeSource;
            csi CSIVolumeSource; ephemeral EphemeralVolumeSource
        VolumeDevice:
            name!! string; devicePath!! string
        VolumeMount: Where a volume appears in a container.
            name!! string; readOnly bool; mountPath!! string; subPath string;
            mountPropagation enum(Bidirectional|HostToContainer|None)?; subPathExpr string
        VolumeProjection:
            secret SecretProjection; downwardAPI DownwardAPIProjection; configMap ConfigMapProjection;
            serviceAccountToken ServiceAccountTokenProjection
        VsphereVirtualDiskVolumeSource:
            volumePath! string; fsType string; storagePolicyName string; storagePolicyID string
        WeightedPodAffinityTerm:
            weight! int32; podAffinityTerm! PodAffinityTerm
        WindowsSecurityContextOptions:
            gmsaCredentialSpecName string?; gmsaCredentialSpec string?; runAsUserName string?
        """
}
