import JSON
import Kubernetes
import ObjectSchema

/// What a CustomResourceDefinition object has the server serve.
enum CustomResources {
    /// One definition per served version; none when the object is not established.
    static func definitions(of object: JSONValue) -> [ResourceDefinition] { [] }
}
