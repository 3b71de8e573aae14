extension TypeTexts {
    /// Types of the groups that run and scale pods.
    static let workloads = """
        package io.k8s.api.apps.v1
        Deployment kind: Keeps identical pods running, and replaces them step by step when their template changes.
            metadata ObjectMeta&; spec DeploymentSpec&; status DeploymentStatus&
        DeploymentCondition: One aspect of a deployment's state.
            type! string; status! string; lastUpdateTime time&; lastTransitionTime time&; reason string; message string
        DeploymentSpec: How many pods are wanted, of what kind, and how they are replaced.
            replicas int32? = 1 "How many pods are wanted.";
            selector!! LabelSelector "Which pods belong to the deployment. It cannot be changed.";
            template! PodTemplateSpec "What the pods are made of.";
            strategy DeploymentStrategy& retain "How pods of an old template are replaced by those of the new one.";
            minReadySeconds int32 "Seconds that a pod must be ready before it counts as available.";
            revisionHistoryLimit int32? = 10 "How many old replica sets are kept for rolling back.";
            paused bool "Whether changes of the template wait.";
            progressDeadlineSeconds int32? = 600 "Seconds without progress after which the rollout counts as failed."
        DeploymentStatus: What was observed last of a deployment.
            observedGeneration int64; replicas int32; updatedReplicas int32; readyReplicas int32;
            availableReplicas int32; unavailableReplicas int32; conditions [DeploymentCondition] merge(type);
            collisionCount int32?
        DeploymentStrategy: How pods are replaced.
            type enum(Recreate|RollingUpdate) = RollingUpdate; rollingUpdate RollingUpdateDeployment
        ReplicaSet kind: Keeps a number of identical pods running.
            metadata ObjectMeta&; spec ReplicaSetSpec&; status ReplicaSetStatus&
        ReplicaSetCondition:
            type! string; status! string; lastTransitionTime time&; reason string; message string
        ReplicaSetSpec: How many pods are wanted and of what kind.
            replicas int32? = 1 "How many pods are wanted."; minReadySeconds int32; selector!! LabelSelector;
            template PodTemplateSpec&
        ReplicaSetStatus: What was observed last of a replica set.
            replicas! int32; fullyLabeledReplicas int32; readyReplicas int32; availableReplicas int32;
            observedGeneration int64; conditions [ReplicaSetCondition] merge(type)
        RollingUpdateDeployment: How far a rolling update may go from the wanted number of pods.
            maxUnavailable intOrString = "25%" "How many pods may be missing, a number or a percentage.";
            maxSurge intOrString = "25%" "How many pods there may be besides, a number or a percentage."
        RollingUpdateStatefulSetStrategy:
            partition int32? = 0
        StatefulSet kind: Keeps pods with fixed names and storage of their own.
            metadata ObjectMeta&; spec StatefulSetSpec&; status StatefulSetStatus&
        StatefulSetCondition:
            type! string; status! string; lastTransitionTime time&; reason string; message string
        StatefulSetSpec: How many pods are wanted, of what kind, and with what storage.
            replicas int32? = 1; selector!! LabelSelector; template! PodTemplateSpec;
            volumeClaimTemplates [PersistentVolumeClaim]; serviceName! string;
            podManagementPolicy string = OrderedReady; updateStrategy StatefulSetUpdateStrategy&;
            revisionHistoryLimit int32? = 10
        StatefulSetStatus: What was observed last of a stateful set.
            observedGeneration int64; replicas! int32; readyReplicas int32; currentReplicas int32;
            updatedReplicas int32; currentRevision string; updateRevision string; collisionCount int32?;
            conditions [StatefulSetCondition] merge(type)
        StatefulSetUpdateStrategy:
            type string = RollingUpdate; rollingUpdate RollingUpdateStatefulSetStrategy
        package io.k8s.api.batch.v1
        Job kind: Runs pods until enough of them have succeeded.
            metadata ObjectMeta&; spec JobSpec&; status JobStatus&
        JobCondition: One aspect of a job's state.
            type! string; status! string; lastProbeTime time&; lastTransitionTime time&; reason string; message string
        JobSpec: How often and how many at a time.
            parallelism int32? "How many pods run at the same time.";
            completions int32? "How many pods must succeed."; activeDeadlineSeconds int64?;
            backoffLimit int32? "How many failures make the job fail."; selector LabelSelector;
            manualSelector bool?; template! PodTemplateSpec; ttlSecondsAfterFinished int32?
        JobStatus: What was observed last of a job.
            conditions [JobCondition] merge(type); startTime time; completionTime time; active int32; succeeded int32;
            failed int32
        package io.k8s.api.batch.v1beta1 io.k8s.api.batch.v1
        CronJob kind: Starts jobs at set times.
            metadata ObjectMeta&; spec CronJobSpec&; status CronJobStatus&
        CronJobSpec: When jobs start and what they are made of.
            schedule!! string; timeZone string? "When jobs start, in the form of cron."; startingDeadlineSeconds int64?;
            concurrencyPolicy enum(Allow|Forbid|Replace) = Allow; suspend bool? = false; jobTemplate! JobTemplateSpec;
            successfulJobsHistoryLimit int32? = 3; failedJobsHistoryLimit int32? = 1
        CronJobStatus: What was observed last of a cron job.
            active [ObjectReference]; lastScheduleTime time; lastSuccessfulTime time
        JobTemplateSpec: What a job is made of.
            metadata ObjectMeta&; spec io.k8s.api.batch.v1.JobSpec&
        package io.k8s.api.autoscaling.v1
        CrossVersionObjectReference: Names an object of any kind in the same namespace.
            kind!! string; name!! string; apiVersion string
        HorizontalPodAutoscaler kind: Changes the number of a workload's pods with its load.
            metadata ObjectMeta&; spec HorizontalPodAutoscalerSpec&; status HorizontalPodAutoscalerStatus&
        HorizontalPodAutoscalerSpec: What is scaled, between which numbers, by what.
            scaleTargetRef! CrossVersionObjectReference; minReplicas int32? = 1; maxReplicas! int32;
            targetCPUUtilizationPercentage int32?
        HorizontalPodAutoscalerStatus: What the autoscaler saw and did last.
            observedGeneration int64?; lastScaleTime time; currentReplicas! int32; desiredReplicas! int32;
            currentCPUUtilizationPercentage int32?
        Scale kind: The number of pods of something that can be scaled.
            metadata ObjectMeta&; spec ScaleSpec&; status ScaleStatus&
        ScaleSpec: The number that is wanted.
            replicas int32
        ScaleStatus: The number that there is.
            replicas! int32; selector string
        package io.k8s.api.autoscaling.v2beta2 io.k8s.api.autoscaling.v2
        ContainerResourceMetricSource:
            name! string; target! MetricTarget; container! string
        ContainerResourceMetricStatus:
            name! string; current! MetricValueStatus; container! string
        CrossVersionObjectReference: Names an object of any kind in the same namespace.
            kind!! string; name!! string; apiVersion string
        ExternalMetricSource:
            metric! MetricIdentifier; target! MetricTarget
        ExternalMetricStatus:
            metric! MetricIdentifier; current! MetricValueStatus
        HPAScalingPolicy:
            type! string; value! int32; periodSeconds! int32
        HPAScalingRules:
            stabilizationWindowSeconds int32?; selectPolicy string?; policies [HPAScalingPolicy]
        HorizontalPodAutoscaler kind: Changes the number of a workload's pods with its load.
            metadata ObjectMeta&; spec HorizontalPodAutoscalerSpec&; status HorizontalPodAutoscalerStatus&
        HorizontalPodAutoscalerBehavior:
            scaleUp HPAScalingRules; scaleDown HPAScalingRules
        HorizontalPodAutoscalerCondition:
            type! string; status! string; lastTransitionTime time&; reason string; message string
        HorizontalPodAutoscalerSpec: What is scaled, between which numbers, by what.
            scaleTargetRef! CrossVersionObjectReference; minReplicas int32? = 1; maxReplicas! int32;
            metrics [MetricSpec]; behavior HorizontalPodAutoscalerBehavior
        HorizontalPodAutoscalerStatus: What the autoscaler saw and did last.
            observedGeneration int64?; lastScaleTime time; currentReplicas! int32; desiredReplicas! int32;
            currentMetrics [MetricStatus]&; conditions! [HorizontalPodAutoscalerCondition] merge(type) map(type)
        MetricIdentifier: Names a measure.
            name! string; selector LabelSelector
        MetricSpec: One measure to scale by.
            type! string; object ObjectMetricSource; pods PodsMetricSource; resource ResourceMetricSource;
            containerResource ContainerResourceMetricSource; external ExternalMetricSource
        MetricStatus:
            type! string; object ObjectMetricStatus; pods PodsMetricStatus; resource ResourceMetricStatus;
            containerResource ContainerResourceMetricStatus; external ExternalMetricStatus
        MetricTarget: The value that a measure shall have.
            type! string; value quantity; averageValue quantity; averageUtilization int32?
        MetricValueStatus:
            value quantity; averageValue quantity; averageUtilization int32?
        ObjectMetricSource:
            describedObject! CrossVersionObjectReference; target! MetricTarget; metric! MetricIdentifier
        ObjectMetricStatus:
            metric! MetricIdentifier; current! MetricValueStatus; describedObject! CrossVersionObjectReference
        PodsMetricSource:
            metric! MetricIdentifier; target! MetricTarget
        PodsMetricStatus:
            metric! MetricIdentifier; current! MetricValueStatus
        ResourceMetricSource:
            name! string; target! MetricTarget
        ResourceMetricStatus:
            name! string; current! MetricValueStatus
        """
}
