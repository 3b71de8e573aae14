package import Kubernetes

/// Which leadership a write belongs to.
///
/// It grows each time the lease goes to another holder, so that a receiver outside the cluster can refuse what comes from
/// an earlier one.
package struct Epoch: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// `spec.leaseTransitions` of the lease.
    package let transitions: Int
    /// The holder's identity.
    package let holder: String

    package init(transitions: Int, holder: String) {
        self.transitions = transitions
        self.holder = holder
    }

    package static func < (a: Epoch, b: Epoch) -> Bool { a.transitions < b.transitions }
    package var description: String { "\(transitions)/\(holder)" }
}

/// Decides when to take, renew and give up a lease.
///
/// Nobody's clock but the own monotonic one counts: another's lease has run out when it was seen unchanged for its whole
/// duration; the own one is trusted for ``Options/renewDeadline`` from the moment the last successful renewal was *sent*,
/// which is before anybody else can take it, by ``Options/duration`` minus that.
///
/// - SeeAlso: client-go `tools/leaderelection`, which counts the same way but trusts its lease while it is frozen.
package struct LeaseMachine: Sendable {
    /// What can be tuned; defaults as in client-go.
    package struct Options: Sendable, Hashable {
        /// How long others leave the lease alone after a renewal, in whole seconds.
        package var duration: Duration = .seconds(15)
        /// How long the holder goes on without a renewal; must be below ``duration``.
        package var renewDeadline: Duration = .seconds(10)
        /// How often the lease is looked at.
        package var retryPeriod: Duration = .seconds(2)
        /// How much longer than ``retryPeriod`` a candidate waits at most, as a share of it.
        package var jitter = 1.2

        package init() {}
    }

    /// What to do with the lease as it was read.
    package enum Plan: Sendable, Equatable {
        /// There is none: make it.
        case create(LeaseRecord)
        /// Replace it, at the version that was read.
        case replace(LeaseRecord, resourceVersion: String)
        /// Another holds it.
        case leave
    }

    package let identity: String
    package let options: Options
    /// The lease as it was last seen or written, and since when it is unchanged.
    private var seen: (record: LeaseRecord, resourceVersion: String, since: Duration)?
    private var renewedAt: Duration?
    package private(set) var epoch: Epoch?

    /// - Parameter identity: Must differ between any two processes, also between one and its successor in the same pod.
    package init(identity: String, options: Options = Options()) {
        self.identity = identity
        self.options = options
    }

    /// Who held the lease when it was last seen.
    package var holder: String? { seen.map(\.record.holderIdentity) }

    /// Until when the own lease is trusted; nil when it is not held.
    package var trustedUntil: Duration? { renewedAt.map { $0 + options.renewDeadline } }

    /// When others may take the own lease; nil when it is not held.
    package var expiresAt: Duration? { renewedAt.map { $0 + options.duration } }

    /// The epoch, if the own lease can be trusted at this moment.
    package func leadership(now: Duration) -> Epoch? {
        guard let trustedUntil, now < trustedUntil else { return nil }
        return epoch
    }

    /// Takes in a lease that was read.
    ///
    /// - Parameters:
    ///   - record: Nil when there is none.
    ///   - resourceVersion: Its version.
    ///   - now: Monotonic time at which the answer came.
    package mutating func saw(_ record: LeaseRecord?, resourceVersion: String, now: Duration) {
        guard let record else {
            seen = nil
            return
        }
        if seen?.record != record || seen?.resourceVersion != resourceVersion {
            seen = (record, resourceVersion, now)
        }
    }

    /// What to do next.
    ///
    /// - Parameters:
    ///   - now: Monotonic time.
    ///   - wall: The time of day, for what is written.
    package func plan(now: Duration, wall: Timestamp) -> Plan {
        let seconds = Int(options.duration.components.seconds)
        guard let seen else {
            return .create(
                LeaseRecord(
                    holderIdentity: identity,
                    leaseDurationSeconds: seconds,
                    acquireTime: wall,
                    renewTime: wall,
                    leaseTransitions: 0
                )
            )
        }
        var record = seen.record
        let isOwn = record.holderIdentity == identity
        if !isOwn, !record.holderIdentity.isEmpty,
            now < seen.since + .seconds(max(record.leaseDurationSeconds, 1))
        {
            return .leave
        }
        // A lease that is not trusted any more is taken anew even if it still has the own name on it: what an earlier
        // epoch sent may still be on its way.
        if !isOwn || epoch == nil || leadership(now: now) == nil {
            record.leaseTransitions += 1
            record.acquireTime = wall
            record.holderIdentity = identity
        }
        record.renewTime = wall
        record.leaseDurationSeconds = seconds
        return .replace(record, resourceVersion: seen.resourceVersion)
    }

    /// Takes in that the lease was written.
    ///
    /// - Parameter sentAt: Monotonic time before the request was sent: the server may have counted from then.
    package mutating func wrote(_ record: LeaseRecord, resourceVersion: String, sentAt: Duration) {
        seen = (record, resourceVersion, sentAt)
        guard record.holderIdentity == identity else {
            renewedAt = nil
            epoch = nil
            return
        }
        renewedAt = sentAt
        epoch = Epoch(transitions: record.leaseTransitions, holder: identity)
    }

    /// The record that gives the lease back; nil when it is not held or not trusted any more.
    package func release(now: Duration, wall: Timestamp) -> (record: LeaseRecord, resourceVersion: String)? {
        guard leadership(now: now) != nil, let seen, seen.record.holderIdentity == identity else { return nil }
        var record = seen.record
        record.holderIdentity = ""
        record.leaseDurationSeconds = 1
        record.renewTime = wall
        return (record, seen.resourceVersion)
    }

    /// Gives the leadership up, whatever the lease says.
    package mutating func giveUp() {
        renewedAt = nil
        epoch = nil
    }

    /// How long to wait before the next look.
    ///
    /// - Parameter chance: A random number in `0..<1`.
    package func pause(chance: Double) -> Duration {
        // Candidates spread out; the holder must not be late.
        epoch == nil ? options.retryPeriod * (1 + options.jitter * chance) : options.retryPeriod
    }
}
