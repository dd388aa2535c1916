import Foundation
public import SocketIOLite

/// The arguments of one event as a tree of JSON values, addressed by dotted paths.
public struct EventPayload: Sendable, Hashable {
  /// The event's arguments, without its name.
  package var arguments: [JSONValue]

  /// A payload of these arguments.
  package init(arguments: [JSONValue] = []) { self.arguments = arguments }

  /// Reads what a client or a tap received, attachments included.
  ///
  /// - Throws: `SocketIOError` when the arguments are no JSON.
  public init(_ event: SocketIOEvent) throws {
    let attachments = event.attachmentBuffers
    arguments = try (0..<event.argumentCount()).map { index in
      let value = try event.decode(JSONValue.self, at: index)
      return attachments.isEmpty
        ? value
        : value.filled { number in
          attachments.indices.contains(number) ? Data(attachments[number].readableBytesView) : nil
        }
    }
  }

  /// Reads what a tap's rule is given; nil when it is no JSON array.
  package init?(_ payload: FaultPayload) {
    guard let values = try? JSONDecoder().decode([JSONValue].self, from: Data(payload.payload)) else { return nil }
    arguments = values.map { value in
      value.filled { payload.attachments.indices.contains($0) ? Data(payload.attachments[$0]) : nil }
    }
  }

  /// The payload as a tap's rule hands it on; nil for a number that JSON cannot say.
  package var faultPayload: FaultPayload? {
    var attachments: [Data] = []
    let values = arguments.map { $0.emptied(into: &attachments) }
    guard let text = try? JSONEncoder().encode(values) else { return nil }
    return FaultPayload(payload: [UInt8](text), attachments: attachments.map { [UInt8]($0) })
  }

  /// The value at a dotted path of the first argument, such as `audio.format`; nil where there is none, or null.
  ///
  /// A path that begins with `$1`, `$2`, … is one of the second, third, … argument; a number picks from an array. Setting nil removes the value,
  /// and the objects that are empty then; setting a value makes the objects on the way to it.
  public subscript(path: String) -> JSONValue? {
    get {
      let place = Place(path)
      guard arguments.indices.contains(place.argument) else { return nil }
      let value = arguments[place.argument].value(at: place.keys)
      return value == .null ? nil : value
    }
    set {
      let place = Place(path)
      while newValue != nil, arguments.count <= place.argument { arguments.append(.object([:])) }
      guard arguments.indices.contains(place.argument) else { return }
      if place.keys.isEmpty {
        arguments[place.argument] = newValue ?? .null
      } else {
        arguments[place.argument].set(newValue, at: place.keys)
      }
    }
  }

  private struct Place {
    var argument = 0
    var keys: ArraySlice<Substring>

    init(_ path: String) {
      keys = path.split(separator: ".")[...]
      guard let first = keys.first, first.hasPrefix("$"), let number = Int(first.dropFirst()), number >= 0 else {
        return
      }
      argument = number
      keys = keys.dropFirst()
    }
  }
}

extension JSONValue {
  /// How the value would be called in a sentence.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a truth value"
    case .integer: "an integer"
    case .number: "a number with a fraction"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    case .data: "an attachment"
    }
  }

  /// A string, number or truth value as text, by which a contract's `values` know it.
  var scalar: String? {
    switch self {
    case .string(let value): value
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .bool(let value): "\(value)"
    default: nil
    }
  }

  fileprivate func value(at keys: ArraySlice<Substring>) -> Self? {
    guard let key = keys.first else { return self }
    switch self {
    case .object(let fields): return fields[String(key)]?.value(at: keys.dropFirst())
    case .array(let values):
      guard let index = Int(key), values.indices.contains(index) else { return nil }
      return values[index].value(at: keys.dropFirst())
    default: return nil
    }
  }

  fileprivate mutating func set(_ value: Self?, at keys: ArraySlice<Substring>) {
    guard let key = keys.first else { return }
    let rest = keys.dropFirst()
    if case .array(var values) = self, let index = Int(key), values.indices.contains(index) {
      if rest.isEmpty { values[index] = value ?? .null } else { values[index].set(value, at: rest) }
      self = .array(values)
      return
    }
    var fields: [String: Self] = if case .object(let known) = self { known } else { [:] }
    if rest.isEmpty {
      fields[String(key)] = value
    } else if value != nil || fields[String(key)] != nil {
      var child = fields[String(key)] ?? .object([:])
      child.set(value, at: rest)
      fields[String(key)] = value == nil && child == .object([:]) ? nil : child
    }
    self = .object(fields)
  }

  /// With placeholders for its attachments, which are appended to a list.
  fileprivate func emptied(into attachments: inout [Data]) -> Self {
    switch self {
    case .data(let data):
      attachments.append(data)
      return .object(["_placeholder": .bool(true), "num": .integer(Int64(attachments.count - 1))])
    case .array(let values): return .array(values.map { $0.emptied(into: &attachments) })
    case .object(let fields):
      var changed = fields
      for key in fields.keys.sorted() { changed[key] = fields[key]?.emptied(into: &attachments) }
      return .object(changed)
    default: return self
    }
  }
}
