#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Any JSON value, or the bytes of a binary attachment that stands in the place of one.
///
/// For arguments whose shape is not known: `try event.decode(JSONValue.self)`, and as an argument of `emit`.
public enum JSONValue: Sendable, Hashable, Codable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number that is whole and fits.
  case integer(Int64)
  /// Any other number.
  case number(Double)
  /// A string.
  case string(String)
  /// An array.
  case array([JSONValue])
  /// An object; its keys have no order.
  case object([String: JSONValue])
  /// An attachment; decoding yields none, since JSON has a placeholder in its place.
  case data(Data)

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    // Most values are strings, and the long ones are.
    if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// Bytes are encoded as `Data`, of which ``SocketIOClient`` makes an attachment.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    case .data(let value): try container.encode(value)
    }
  }

  package var string: String? {
    if case .string(let value) = self { return value }
    return nil
  }

  /// The value's JSON text, keys sorted.
  package var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Encoding fails only for numbers that JSON cannot say, which decoding never yields.
    guard let data = try? encoder.encode(self) else { return "null" }
    return String(decoding: data, as: UTF8.self)
  }

  /// The value with every string longer than `limit` UTF-8 bytes cut, and its length said.
  func shortened(to limit: Int) -> JSONValue {
    switch self {
    case .string(let value) where value.utf8.count > limit: .string(SocketIOLite.shortened(value, to: limit))
    case .array(let values): .array(values.map { $0.shortened(to: limit) })
    case .object(let fields): .object(fields.mapValues { $0.shortened(to: limit) })
    default: self
    }
  }

  /// Parts of names whose values are secrets, in lower case.
  private static let secretNames = [
    "token", "password", "passwd", "secret", "apikey", "api_key", "api-key", "credential", "authorization",
  ]

  static func isSecret(_ name: String) -> Bool {
    let name = name.lowercased()
    return name == "auth" || secretNames.contains { name.contains($0) }
  }

  /// Whether JSON text may name a secret: a quick look, so that a payload is decoded only if need be.
  static func mayNameSecret(_ text: String) -> Bool {
    let text = text.lowercased()
    // A name may be written with \u escapes; then it is decoded as well.
    return text.contains("\\") || text.contains("auth") || secretNames.contains { text.contains($0) }
  }

  /// The value without its secrets: what has such a name is `***`, and with `everything` each string, number and truth value.
  func redacted(everything: Bool = false) -> JSONValue {
    switch self {
    case .null: self
    case .array(let values): .array(values.map { $0.redacted(everything: everything) })
    case .object(let fields):
      .object(
        Dictionary(uniqueKeysWithValues: fields.map { ($0, $1.redacted(everything: everything || Self.isSecret($0))) }))
    case .bool, .integer, .number, .string, .data: everything ? .string("***") : self
    }
  }
}

extension JSONValue {
  /// With attachments in the places of `{"_placeholder": true, "num": n}`; one that there is not stays a placeholder.
  package func filled(_ attachment: (Int) -> Data?) -> JSONValue { changed(attachment) ?? self }

  /// Nil where nothing changes, so that what has no attachment is not built anew.
  private func changed(_ attachment: (Int) -> Data?) -> JSONValue? {
    switch self {
    case .object(let fields):
      if fields["_placeholder"] == .bool(true), case .integer(let number)? = fields["num"] {
        return attachment(Int(number)).map { .data($0) }
      }
      let changed = fields.compactMapValues { $0.changed(attachment) }
      return changed.isEmpty ? nil : .object(fields.merging(changed) { $1 })
    case .array(let values):
      let changed = values.map { $0.changed(attachment) }
      return changed.allSatisfy { $0 == nil } ? nil : .array(zip(values, changed).map { $1 ?? $0 })
    default: return nil
    }
  }
}
