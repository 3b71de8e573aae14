import JSON
import Kubernetes
import Testing

@testable import EmbeddedAPI

@Suite("Selectors")
struct SelectorTests {
    @Test(
        "a label selector selects by all its requirements",
        arguments: [
            ("", true), ("app=web", true), ("app==web", true), ("app!=web", false), ("app in (api, web)", true),
            ("app notin (web)", false), ("tier", false), ("!tier", true), ("app=web,!tier", true),
            ("app=web,tier", false), ("size>3", true), ("size<3", false), ("size in ()", false), ("none!=x", true),
        ]
    )
    func labels(_ text: String, _ isMatch: Bool) throws {
        let selector = try LabelSelector(parsing: text)
        #expect(selector.matches(["app": "web", "size": "5"]) == isMatch)
    }

    @Test(
        "what is no label selector is refused in the server's words",
        arguments: [
            ("a b", "unable to parse requirement: found 'b', expected: '=', '!=', '==', 'in', notin'"),
            ("a in x", "unable to parse requirement: found 'x' expected: '('"),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
            (",", "found ',', expected: !, identifier, or 'end of string'"),
            ("a>x", "unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer"),
            ("a!b", "unable to parse requirement: found '!', expected: '=', '!=', '==', 'in', notin'"),
        ]
    )
    func broken(_ text: String, _ message: String) {
        let status = refusal { () throws(APIStatus) in _ = try LabelSelector(parsing: text) }
        #expect(status.code == 400 && status.message == message)
    }

    @Test("a selector object selects by labels and expressions, and its absence selects nothing")
    func objects() throws {
        let selector = try LabelSelector(object: [
            "matchLabels": ["a": "b"], "matchExpressions": [["key": "c", "operator": "In", "values": ["d", "e"]]],
        ])
        #expect(selector.matches(["a": "b", "c": "e"]))
        #expect(!selector.matches(["a": "b"]))
        #expect(selector.description == "a=b,c in (d,e)")
        #expect(!(try LabelSelector(object: nil).matches([:])))
        #expect(try LabelSelector(object: [:]).matches([:]))
    }

    @Test("pods are selected by their node and phase")
    func fields() throws {
        let cluster = try CoreFixture()
        for (name, node) in [("a", "n1"), ("b", "n2")] {
            try cluster.create(
                .pod,
                name,
                ["spec": ["nodeName": .string(node), "containers": [["name": "c", "image": "x"]]]]
            )
        }
        func select(_ text: String) throws -> [String] {
            cluster.names(try cluster.call(.list, .pod) { $0.fieldSelector = text })
        }
        #expect(try select("spec.nodeName=n1") == ["a"])
        #expect(try select("spec.nodeName!=n1,status.phase=Pending") == ["b"])
        #expect(try select("metadata.name=b") == ["b"])
        #expect(try select("metadata.namespace=other") == [])
    }

    @Test("events are selected by what they are about, in both of their groups")
    func events() throws {
        let cluster = try CoreFixture()
        let core = try cluster.type("events")
        for name in ["a", "b"] {
            try cluster.create(
                core,
                "e-\(name)",
                [
                    "involvedObject": ["kind": "Pod", "name": .string(name), "namespace": "default"],
                    "source": ["component": .string("c-\(name)")],
                ]
            )
        }
        #expect(cluster.names(try cluster.call(.list, core) { $0.fieldSelector = "involvedObject.name=a" }) == ["e-a"])
        #expect(cluster.names(try cluster.call(.list, core) { $0.fieldSelector = "source=c-b" }) == ["e-b"])
        #expect(cluster.names(try cluster.call(.list, .event) { $0.fieldSelector = "regarding.name=b" }) == ["e-b"])
    }

    @Test(
        "fields that objects are not selected by are refused",
        arguments: [
            (
                "configmaps", "", "foo",
                "\"foo\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            ),
            ("pods", "", "spec.foo", "field label not supported: spec.foo"),
            ("jobs", "batch", "foo", "field label \"foo\" not supported for batchv1.Job"),
        ]
    )
    func unknownFields(_ plural: String, _ group: String, _ field: String, _ message: String) throws {
        let cluster = try CoreFixture()
        let type = try cluster.type(plural, group)
        let status = refusal { () throws(APIStatus) in
            try cluster.call(.list, type) { $0.fieldSelector = "\(field)=x" }
        }
        #expect(status.code == 400 && status.message == message)
    }
}
