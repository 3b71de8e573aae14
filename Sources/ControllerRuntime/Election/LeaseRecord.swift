package import JSON
package import Kubernetes

/// What a Lease says of a leader, as `coordination.k8s.io/v1` spells it.
package struct LeaseRecord: Sendable, Hashable {
    /// Empty when nobody holds the lease.
    package var holderIdentity: String
    /// For how long the holder may count on the lease after it renewed it.
    package var leaseDurationSeconds: Int
    package var acquireTime: Timestamp
    package var renewTime: Timestamp
    /// How often the lease went from one holder to another.
    package var leaseTransitions: Int

    package init(
        holderIdentity: String,
        leaseDurationSeconds: Int,
        acquireTime: Timestamp,
        renewTime: Timestamp,
        leaseTransitions: Int
    ) {
        self.holderIdentity = holderIdentity
        self.leaseDurationSeconds = leaseDurationSeconds
        self.acquireTime = acquireTime
        self.renewTime = renewTime
        self.leaseTransitions = leaseTransitions
    }

    /// Reads a Lease's `spec`; what is missing is empty.
    package init(spec: JSONValue?) {
        func time(_ name: String) -> Timestamp {
            spec?[name]?.string.flatMap { Timestamp($0) } ?? Timestamp(microseconds: 0)
        }
        self.init(
            holderIdentity: spec?["holderIdentity"]?.string ?? "",
            leaseDurationSeconds: spec?["leaseDurationSeconds"]?.integer ?? 0,
            acquireTime: time("acquireTime"),
            renewTime: time("renewTime"),
            leaseTransitions: spec?["leaseTransitions"]?.integer ?? 0
        )
    }

    /// The Lease's `spec`.
    package var spec: JSONValue {
        [
            "holderIdentity": .string(holderIdentity), "leaseDurationSeconds": .integer(leaseDurationSeconds),
            "acquireTime": .string(acquireTime.microTime), "renewTime": .string(renewTime.microTime),
            "leaseTransitions": .integer(leaseTransitions),
        ]
    }
}
