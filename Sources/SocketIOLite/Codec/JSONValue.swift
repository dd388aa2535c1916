#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Any JSON value, for what must be shown or quoted rather than understood.
enum JSONValue: Sendable, Hashable, Codable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  var string: String? {
    if case .string(let value) = self { return value }
    return nil
  }

  /// The value's JSON text, keys sorted.
  var text: String {
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
    case .bool, .integer, .number, .string: everything ? .string("***") : self
    }
  }
}
