import JSON
import Testing

@testable import ObjectSchema

@Suite("Objects in binary form") struct BinaryObjectTests {
    /// A message's field of text or of a message.
    private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { tag(number, 2) + [UInt8(bytes.count)] + bytes }
    private func field(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
    private func field(_ number: UInt8, _ value: UInt8) -> [UInt8] { tag(number, 0) + [value] }

    /// Numbers from 16 on take a second byte.
    private func tag(_ number: UInt8, _ type: UInt8) -> [UInt8] {
        number < 16 ? [number << 3 | type] : [(number & 15) << 3 | type | 0x80, number >> 4]
    }

    private func object(_ apiVersion: String, _ kind: String, _ content: [UInt8]) -> [UInt8] {
        [0x6b, 0x38, 0x73, 0] + field(1, field(1, apiVersion) + field(2, kind)) + field(2, content)
    }

    @Test("keep what JSON has: lists, maps, bytes, times and zeros that mean something") func reads() throws {
        let metadata =
            field(1, "a") + field(2, "") + field(8, []) + field(9, field(1, 5) + field(2, 0)) + field(10, 0)
            + field(11, field(1, "k") + field(2, "")) + field(14, "x") + field(14, "y")
        let secret = field(1, metadata) + field(2, field(1, "p") + field(2, "hi")) + field(3, "Opaque")
        let json = try BinaryObject.json(object("v1", "Secret", secret))
        #expect(
            json == [
                "kind": "Secret", "apiVersion": "v1",
                "metadata": [
                    "name": "a", "deletionTimestamp": "1970-01-01T00:00:05Z", "deletionGracePeriodSeconds": 0,
                    "labels": ["k": ""], "finalizers": ["x", "y"],
                ],
                "data": ["p": "aGk="], "type": "Opaque",
            ]
        )
    }

    @Test("take the fields of inner messages that belong to the outer one, and numbers or texts") func inner() throws {
        let volume = field(1, "v") + field(2, field(19, field(1, field(1, "settings"))))
        let probe = field(1, field(2, field(1, "/ready") + field(2, field(1, 0) + field(2, 80))))
        let pod = field(2, field(1, volume) + field(2, field(1, "main") + field(11, probe)))
        let spec = try #require(try BinaryObject.json(object("v1", "Pod", pod))["spec"])
        #expect(spec["volumes"] == [["name": "v", "configMap": ["name": "settings"]]])
        #expect(
            spec["containers"] == [
                ["name": "main", "readinessProbe": ["httpGet": ["path": "/ready", "port": 80]]]
            ]
        )
    }

    @Test("leave out fields that nobody knows") func unknown() throws {
        let options = field(15, "later") + field(1, 0) + field(4, "Foreground")
        let json = try BinaryObject.json(object("apps/v1", "DeleteOptions", options))
        #expect(json["gracePeriodSeconds"] == 0)
        #expect(json["propagationPolicy"] == "Foreground")
        #expect(json.object?.count == 4)
    }

    @Test("are refused when they are cut, of another form or of no known kind") func refused() throws {
        let whole = object("v1", "ConfigMap", field(1, field(1, "a")))
        _ = try BinaryObject.json(whole)
        for count in [0, 3, whole.count - 1] {
            #expect(throws: BinaryObjectError.self) { try BinaryObject.json(Array(whole.prefix(count))) }
        }
        #expect(throws: BinaryObjectError("no kind \"Other\" is registered for version \"v1\"")) {
            try BinaryObject.json(object("v1", "Other", []))
        }
        #expect(throws: BinaryObjectError.self) { try BinaryObject.json(object("v1", "ConfigMap", field(1, 7))) }
    }

    @Test("have a form for every built-in kind that clients write") func complete() throws {
        for (apiVersion, package) in BuiltIn.packages where package.hasPrefix("io.k8s.api.") {
            let kinds = BuiltIn.models.filter {
                let fields = $0.value.definition.fields.map(\.name)
                return $0.key.hasPrefix(package + ".") && fields.contains("apiVersion") && fields.contains("metadata")
            }
            for name in kinds.keys.sorted() {
                let kind = String(name.dropFirst(package.count + 1))
                #expect(throws: Never.self, "\(apiVersion) \(kind)") {
                    try BinaryObject.json(object(apiVersion, kind, []))
                }
            }
        }
    }

    @Test("say in which text a fault is") func faults() {
        for text in ["  A:", "package p\nA:\n    one string", "package p\nA:\n    1 one Missing", "    1 one string"] {
            #expect(throws: NotationError.self, "\(text)") { try WireModel.load([text]) }
        }
    }
}
