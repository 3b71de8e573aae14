import EmbeddedAPI
import JSON
import Testing

struct APIStatusTests {
    @Test("a refusal is sent as a Status with its details, and without those that say nothing")
    func object() {
        let status = APIStatus(code: 404, reason: "NotFound", message: "pods \"a\" not found", name: "a", kind: "pods")
        #expect(
            status.object == [
                "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
                "message": "pods \"a\" not found", "reason": "NotFound", "details": ["name": "a", "kind": "pods"],
                "code": 404,
            ]
        )
    }
}
