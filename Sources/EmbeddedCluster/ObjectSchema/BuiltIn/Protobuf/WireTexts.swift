/// How the built-in kinds are written in the binary form that Kubernetes clients send, in short.
///
///     package io.k8s.api.core.v1
///     Name:
///         number field type; number field type; …
///
/// - Types: `string`, `bytes`, `int`, `bool`, `double`, `time`, `microTime`, `quantity`, `intOrString`, `raw` (JSON in
///   bytes), `items` (a message around a list of texts), `[element]`, `{value}`, or another type of this package, of
///   `io.k8s.api.core.v1` or of `io.k8s.apimachinery.pkg.apis.meta.v1`; others by their whole name.
/// - `?` after a type: false, 0 and "" are values that stay. Otherwise they are as good as absent.
/// - `*` for a field's name: the fields of the message belong to the one around it.
/// - Several packages may be named: each gets the types.
///
/// The numbers are those of Kubernetes' published `generated.proto` files, which never change their meaning.
enum WireTexts {
    static var all: [String] { [core, groups] }
}
