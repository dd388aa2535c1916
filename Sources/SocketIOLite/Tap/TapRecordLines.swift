#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension TapRecord {
  private struct Line: Encodable {
    var time: String
    var connection: Int
    var session: String?
    var direction: TapDirection
    var kind: Kind
    var namespace: String
    var event: String?
    var ack: Int?
    var payload: JSONValue
    var attachments: [JSONValue]
    var faults: [String]
  }

  /// The record as one line of JSON, without the newline: a table's row for `jq` and friends.
  ///
  /// Strings of the payload longer than `limit` UTF-8 bytes are cut and their length is said; attachments are their lengths. With
  /// `limit` nil everything is written, attachments in base64. A payload that is not JSON is written as a string.
  /// Secrets are written as `***` unless `showingSecrets`: what a client sends to join a namespace (`auth`), and values whose names
  /// say so, such as `token` or `password`.
  public func jsonLine(shorteningTo limit: Int? = 120, showingSecrets: Bool = false) -> String {
    let bytes = event.payload
    let decoded = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes))
    var payload = decoded ?? .string(String(decoding: bytes, as: UTF8.self))
    if !showingSecrets {
      // Where the names and values of what is no JSON lie is not known.
      let isOpaque = decoded == nil && JSONValue.mayNameSecret(payload.string ?? "")
      payload = isOpaque ? .string("***") : withoutSecrets(payload)
    }
    if let limit { payload = payload.shortened(to: limit) }
    let attachments = event.attachmentBuffers.map { buffer -> JSONValue in
      limit == nil
        ? .string(Data(buffer.readableBytesView).base64EncodedString()) : .integer(Int64(buffer.readableBytes))
    }
    let line = Line(
      time: date.formatted(
        .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted)),
      connection: connection, session: session, direction: direction, kind: kind, namespace: event.namespace,
      event: event.name.isEmpty ? nil : event.name, ack: event.ackID, payload: payload, attachments: attachments,
      faults: faults)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // All fields are strings, integers and JSON that was decoded: encoding them does not fail.
    guard let data = try? encoder.encode(line) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }
}
