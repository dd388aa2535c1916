import Foundation

/// A key of a JSON document that nothing reads. Passed over in silence, a misspelt one would leave a default in place.
struct UnknownKey {
  /// Its path, such as `ports.hls.healthpath`.
  var place: String
  /// The keys that may stand there, sorted.
  var known: [String]

  /// The first in the order of the keys; nil: there is none.
  ///
  /// - Parameters:
  ///   - value: what JSONSerialization makes of the document. Elements of a list lie where the list does.
  ///   - path: the place of `value` in it.
  ///   - keys: those that an object at a place may have; nil: any.
  init?(in value: Any, at path: [String] = [], keys: ([String]) -> [String]?) {
    for element in value as? [Any] ?? [] {
      if let unknown = UnknownKey(in: element, at: path, keys: keys) {
        self = unknown
        return
      }
    }
    guard let object = value as? [String: Any] else { return nil }
    let known = keys(path)
    for (key, child) in object.sorted(by: { $0.key < $1.key }) {
      if let known, !known.contains(key) {
        self.init(place: (path + [key]).joined(separator: "."), known: known.sorted())
        return
      }
      if let unknown = UnknownKey(in: child, at: path + [key], keys: keys) {
        self = unknown
        return
      }
    }
    return nil
  }

  private init(place: String, known: [String]) {
    self.place = place
    self.known = known
  }
}
