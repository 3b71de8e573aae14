/// Why a ``RateComparison`` could not be made, fed or restored.
package struct RateComparisonError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller can act on.
    package enum Reason: String, Sendable, CaseIterable {
        /// A field of the configuration is out of its range: a person must change it.
        case invalidConfiguration
        /// A count is negative or too large to add: the window was not added.
        case invalidCounts
        /// The stored text is not a state that this type wrote: start anew.
        case malformedState
        /// The stored text was written by another version of the format: start anew.
        case otherVersion
        /// The stored evidence belongs to another margin, tolerance, alpha or sample minimum: start anew.
        case otherConfiguration
    }

    /// What a caller can act on.
    package var reason: Reason
    /// What is wrong, with the offending value.
    package var detail: String

    package var description: String {
        switch reason {
        case .invalidConfiguration: detail
        case .invalidCounts: "cannot add a window of counts: \(detail)"
        case .malformedState, .otherVersion, .otherConfiguration: "cannot restore the comparison: \(detail)"
        }
    }
}
