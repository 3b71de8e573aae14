package import Kubernetes

/// An object of a cache, shared by everyone who reads it.
///
/// `indexed` holds the object's values for each index of the store, in the order of the indexes.
final class CachedObject<Object: KubernetesObject>: Sendable {
    let object: Object
    let indexed: [[String]]

    init(_ object: Object, indexed: [[String]]) {
        self.object = object
        self.indexed = indexed
    }
}

/// What became of one object.
package struct Change<Object: KubernetesObject>: Sendable {
    /// How the cache learned of it.
    package enum Origin: Sendable {
        /// The first list, or a later one that found it.
        case list
        /// The watch: somebody changed it just now.
        case watch
        /// Nothing happened: time to look again.
        case resync
    }

    let oldBox: CachedObject<Object>?
    let newBox: CachedObject<Object>?
    package let origin: Origin

    init(old: CachedObject<Object>?, new: CachedObject<Object>?, origin: Origin) {
        oldBox = old
        newBox = new
        self.origin = origin
    }

    /// A change outside of a cache, as tests need it.
    package init(old: Object?, new: Object?, origin: Origin = .watch) {
        oldBox = old.map { CachedObject($0, indexed: []) }
        newBox = new.map { CachedObject($0, indexed: []) }
        self.origin = origin
    }

    /// The object as it was; nil when it is new to the cache.
    package var old: Object? { oldBox?.object }
    /// The object as it is; nil when it is gone.
    package var new: Object? { newBox?.object }

    /// The object's metadata, of the newest version there is.
    package var metadata: ObjectMeta { newBox?.object.metadata ?? oldBox?.object.metadata ?? ObjectMeta() }
    package var key: ObjectKey { metadata.key }
}
