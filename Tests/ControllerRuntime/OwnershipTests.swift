import Kubernetes
import Testing

@testable import ControllerRuntime

@Suite("Ownership") struct OwnershipTests {
    private let parent = ResourceType(group: "example.com", version: "v1", kind: "Parent", plural: "parents")

    private func owner(_ name: String, namespace: String = "shop", uid: String? = nil) -> ObjectMeta {
        var metadata = ObjectMeta(name: name, namespace: namespace)
        metadata.uid = uid ?? "uid-\(name)"
        return metadata
    }

    @Test("an object has one controller; setting it again changes nothing") func controller() throws {
        var child = ObjectMeta(name: "child", namespace: "shop")
        try child.setController(owner("a"), parent)
        try child.setController(owner("a"), parent)
        #expect(child.ownerReferences.count == 1 && child.controller?.uid == "uid-a")
        #expect(child.owners(of: parent) == [.shop("a")])
    }

    @Test("what the garbage collector would punish is refused") func refused() throws {
        var child = ObjectMeta(name: "child", namespace: "shop")
        #expect(throws: OwnershipError.self) { try child.setController(owner("a", namespace: "other"), parent) }
        #expect(throws: OwnershipError.self) { try child.setController(owner("a", uid: ""), parent) }
        try child.setController(owner("a"), parent)
        #expect(throws: OwnershipError.self) { try child.setController(owner("b"), parent) }
        #expect(child.controller?.name == "a")
    }

    @Test("a manager's name says program and concern, as long as the API server takes it") func fieldManager() {
        #expect(FieldManager("homeostat", concern: "traffic").name == "homeostat/traffic")
        #expect(FieldManager("x", concern: String(repeating: "y", count: 300)).name.utf8.count == 128)
    }
}
