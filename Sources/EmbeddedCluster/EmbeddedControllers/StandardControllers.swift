/// The controllers of a small cluster.
package enum StandardControllers {
    /// All that need nothing but the API, in the order in which they take their turns.
    package static var all: [any ClusterController] {
        [
            DeploymentController(), ReplicaSetController(), JobController(), Scheduler(), EndpointsController(),
            EndpointSliceController(), DisruptionController(), GarbageCollector(), NamespaceController(),
        ]
    }

    /// The same, with service accounts and their tokens.
    ///
    /// - Parameters:
    ///   - authority: The certificate, in PEM, by which clients know the API server.
    ///   - sign: Makes the token of a service account, as a signed JWT.
    package static func all(
        authority: String,
        sign: @escaping @Sendable (TokenController.Claims) -> String
    ) -> [any ClusterController] {
        all + [ServiceAccountController(authority: authority), TokenController(authority: authority, sign: sign)]
    }
}
