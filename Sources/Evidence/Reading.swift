/// What came of asking a source of evidence.
///
/// A source that is down, one that has nothing to say, and a question that is wrong are three different answers, and
/// none of them is a measurement: no evidence is never success and never failure.
package enum Reading<Value: Sendable>: Sendable {
    /// The measurement.
    case value(Value)
    /// The source answered, and its answer holds no measurement: ask again later.
    case insufficient(Insufficiency)
    /// The source did not answer: hold, and ask again.
    case unavailable(Outage)
    /// The question is wrong and stays so until a person changes it.
    case invalid(QueryFault)

    /// The measurement, if there is one.
    package var value: Value? { if case .value(let value) = self { value } else { nil } }

    /// The same answer with its measurement changed.
    package func map<Other>(_ change: (Value) -> Other) -> Reading<Other> { flatMap { .value(change($0)) } }

    /// The same answer with its measurement judged further.
    package func flatMap<Other>(_ next: (Value) -> Reading<Other>) -> Reading<Other> {
        switch self {
        case .value(let value): next(value)
        case .insufficient(let why): .insufficient(why)
        case .unavailable(let outage): .unavailable(outage)
        case .invalid(let fault): .invalid(fault)
        }
    }
}

extension Reading: Equatable where Value: Equatable {}

/// Why an answer holds no measurement.
package struct Insufficiency: Sendable, Equatable, CustomStringConvertible {
    /// A closed set of causes, fit for a metric label.
    package enum Reason: String, Sendable, CaseIterable {
        /// Nothing matches the question.
        case noSeries
        /// Something matches, but it has not been measured in the time asked for.
        case stale
        /// The answer is NaN, infinite or null.
        case notANumber
    }

    /// The cause.
    package var reason: Reason
    /// What is missing, in words.
    package var detail: String

    /// Makes an insufficiency.
    package init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    package var description: String { detail }
}

/// Why a source did not answer, and since when.
package struct Outage: Sendable, Equatable, CustomStringConvertible {
    /// A closed set of causes, fit for a metric label.
    package enum Reason: String, Sendable, CaseIterable {
        /// No connection, or it broke.
        case unreachable
        /// No answer within the time limit.
        case timeout
        /// The source asked to be left alone for a while, or said that it is not ready.
        case overloaded
        /// The source tried and failed to work the answer out.
        case execution
        /// The credentials were refused.
        case unauthorized
        /// The credentials could not be had, as when their Secret does not exist yet.
        case credentials
        /// The answer lacks a part that the source could not get, as when one of several stores is down.
        case partial
        /// What answered is not the source it should be, or its answer cannot be read.
        case unexpectedAnswer
    }

    /// The cause of the last failure.
    package var reason: Reason
    /// When the first of the failures since the last answer happened.
    package var since: SampleTime?
    /// The last failure, in words.
    package var detail: String

    /// Makes an outage.
    package init(_ reason: Reason, since: SampleTime?, _ detail: String) {
        self.reason = reason
        self.since = since
        self.detail = detail
    }

    package var description: String { detail }
}

/// What is wrong with a question.
package struct QueryFault: Sendable, Equatable, CustomStringConvertible {
    /// A closed set of causes, fit for a metric label.
    package enum Reason: String, Sendable, CaseIterable {
        /// The source refuses the query.
        case badQuery
        /// The query's answer is of a kind that cannot be used here.
        case wrongType
        /// One number is needed and the query gives several series.
        case severalSeries
        /// What should count things does not: it is negative or not whole.
        case notACounter
    }

    /// The cause.
    package var reason: Reason
    /// The query as it was sent.
    package var query: String
    /// What is wrong with it, in words.
    package var detail: String

    /// Makes a fault.
    package init(_ reason: Reason, query: String, _ detail: String) {
        self.reason = reason
        self.query = query
        self.detail = detail
    }

    package var description: String { "cannot evaluate \"\(query)\": \(detail)" }
}
