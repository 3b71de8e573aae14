import ObjectSchema
import Testing

struct SchemaTests {
    @Test("a field is found by its name, and any key of a map leads to the map's values")
    func fields() {
        let text = Schema(Schema.Definition(.string))
        var map = Schema.Definition(.map)
        map.element = text
        var object = Schema.Definition(.object)
        object.fields = [("labels", Schema(map))]
        let schema = Schema(object)
        #expect(schema.names("labels") && !schema.names("other"))
        #expect(schema.field("other") == nil)
        #expect(schema.field("labels")?.field("anything") === text)
    }
}
