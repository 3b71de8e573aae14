extension TypeTexts {
    /// Types of custom resource definitions.
    static let extensions = """
        package io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1
        CustomResourceColumnDefinition: A column of tables.
            name!! string; type!! string; format string; description string; priority int32; jsonPath!! string
        CustomResourceConversion:
            strategy! string; webhook WebhookConversion
        CustomResourceDefinition kind: A kind of objects besides the built-in ones.
            metadata ObjectMeta&; spec! CustomResourceDefinitionSpec; status CustomResourceDefinitionStatus&
        CustomResourceDefinitionCondition:
            type! string; status! string; lastTransitionTime time&; reason string; message string
        CustomResourceDefinitionNames: What the kind is called.
            plural!! string; singular string; shortNames [string]; kind!! string; listKind string; categories [string]
        CustomResourceDefinitionSpec: What the kind is called and what its objects look like.
            group!! string; names! CustomResourceDefinitionNames; scope!! enum(Cluster|Namespaced);
            versions!! [CustomResourceDefinitionVersion]; conversion CustomResourceConversion;
            preserveUnknownFields bool
        CustomResourceDefinitionStatus: Whether the kind is served.
            conditions [CustomResourceDefinitionCondition]&; acceptedNames CustomResourceDefinitionNames&;
            storedVersions [string]&
        CustomResourceDefinitionVersion: One version of the kind.
            name!! string; served! bool; storage! bool; deprecated bool; deprecationWarning string?;
            schema CustomResourceValidation; subresources CustomResourceSubresources;
            additionalPrinterColumns [CustomResourceColumnDefinition]
        CustomResourceSubresourceScale:
            specReplicasPath!! string; statusReplicasPath!! string; labelSelectorPath string?
        CustomResourceSubresources:
            status CustomResourceSubresourceStatus; scale CustomResourceSubresourceScale
        CustomResourceValidation:
            openAPIV3Schema JSONSchemaProps
        ExternalDocumentation:
            description string; url string
        JSONSchemaProps: What a value may be.
            id string; $schema string; $ref string?; description string; type string; format string; title string;
            default JSON; maximum double?; exclusiveMaximum bool; minimum double?; exclusiveMinimum bool;
            maxLength int64?; minLength int64?; pattern string; maxItems int64?; minItems int64?; uniqueItems bool;
            multipleOf double?; enum [JSON]; maxProperties int64?; minProperties int64?; required [string];
            items JSONSchemaPropsOrArray; allOf [JSONSchemaProps]; oneOf [JSONSchemaProps]; anyOf [JSONSchemaProps];
            not JSONSchemaProps; properties {JSONSchemaProps}; additionalProperties JSONSchemaPropsOrBool;
            patternProperties {JSONSchemaProps}; dependencies {JSONSchemaPropsOrStringArray};
            additionalItems JSONSchemaPropsOrBool; definitions {JSONSchemaProps}; externalDocs ExternalDocumentation;
            example JSON; nullable bool; x-kubernetes-preserve-unknown-fields bool?;
            x-kubernetes-embedded-resource bool; x-kubernetes-int-or-string bool; x-kubernetes-list-map-keys [string];
            x-kubernetes-list-type string?; x-kubernetes-map-type string?;
            x-kubernetes-validations [ValidationRule] merge(rule) map(rule)
        ServiceReference:
            namespace! string; name! string; path string?; port int32? = 443
        WebhookClientConfig:
            url string?; service ServiceReference; caBundle bytes
        WebhookConversion:
            clientConfig WebhookClientConfig; conversionReviewVersions! [string]
        ValidationRule: A condition in CEL that values must fulfil.
            rule!! string; message string; messageExpression string; reason string?; fieldPath string;
            optionalOldSelf bool?
        """
}
