/// The types of the built-in kinds, in the form of ``Notation``.
package enum TypeTexts {
    /// All of them.
    package static var all: [String] { [meta, core, workloads, policies, extensions] }
}

extension TypeTexts {
    /// Types of all groups: what objects have in common.
    static let meta = """
        package io.k8s.apimachinery.pkg.apis.meta.v1
        Condition: One aspect of an object's state.
            type! string; status! string; observedGeneration int64; lastTransitionTime! time; reason! string;
            message! string
        DeleteOptions: How an object is deleted.
            kind string; apiVersion string; gracePeriodSeconds int64?; preconditions Preconditions;
            orphanDependents bool?; propagationPolicy string?; dryRun [string]
        LabelSelector atomic: Chooses objects by their labels: all its points must fit.
            matchLabels {string}; matchExpressions [LabelSelectorRequirement]
        LabelSelectorRequirement: What a label must be.
            key! string merge(key); operator! string; values [string]
        ManagedFieldsEntry: Which fields somebody has set.
            manager string; operation string; apiVersion string; time time; fieldsType string; fieldsV1 FieldsV1
        ObjectMeta: What all objects have: a name, labels, owners.
            name string "Its name, which no other object of the kind in the namespace has."; generateName string;
            namespace string "The space its name is in."; selfLink string; uid string "Given by the server, once ever.";
            resourceVersion string "Changes with every change of the object.";
            generation int64 "Counts the changes of what is wanted.";
            creationTimestamp time& "When it was made; the server sets it.";
            deletionTimestamp time "When it goes; the server sets it when deletion is asked for.";
            deletionGracePeriodSeconds int64?; labels {string} "Keys and values to choose objects by.";
            annotations {string} "Keys and values for everything else.";
            ownerReferences [OwnerReference] merge(uid) "Objects without which it is deleted.";
            finalizers [string] merge "Names that must be taken away before it can go."; clusterName string;
            managedFields [ManagedFieldsEntry] "Who has set which fields."
        OwnerReference: Names an object without which this one is deleted.
            apiVersion! string; kind! string; name! string; uid! string; controller bool?; blockOwnerDeletion bool?
        Preconditions: What must hold of an object before it is deleted.
            uid string?; resourceVersion string?
        """
}
