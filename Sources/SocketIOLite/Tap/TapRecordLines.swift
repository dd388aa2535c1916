#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension TapRecord {
  /// A record in a file, as ``jsonLine(shorteningTo:showingSecrets:)`` writes it.
  package struct Line: Codable, Sendable {
    /// ISO 8601; see ``date``.
    var time: String
    var connection: Int
    var session: String?
    package var direction: TapDirection
    package var kind: Kind
    var namespace: String
    package var event: String?
    var ack: Int?
    package var payload: JSONValue
    /// Base64, or their lengths where they were left out.
    var attachments: [JSONValue]
    package var faults: [String]

    /// Reads one line; nil when it has not what a record has. Whether ``date`` is one is for the caller to see, who wants it anyway.
    package init?(_ line: some StringProtocol) {
      guard let read = try? JSONDecoder().decode(Line.self, from: Data(line.utf8)) else { return nil }
      self = read
    }

    fileprivate init(_ record: TapRecord, payload: JSONValue, attachments: [JSONValue]) {
      time = record.date.formatted(Self.times)
      (connection, session, direction, kind) = (record.connection, record.session, record.direction, record.kind)
      (namespace, ack) = (record.event.namespace, record.event.ackID)
      event = record.event.name.isEmpty ? nil : record.event.name
      (self.payload, self.attachments, faults) = (payload, attachments, record.faults)
    }

    /// When it was recorded; nil when ``time`` is none.
    package var date: Date? { try? Date(time, strategy: Self.times) }

    /// The attachments, as far as they were written.
    package var attachmentData: [Data] { attachments.compactMap(\.string).compactMap { Data(base64Encoded: $0) } }

    private static let times = Date.ISO8601FormatStyle(timeZoneSeparator: .omitted, includingFractionalSeconds: true)
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
    let line = Line(self, payload: payload, attachments: attachments)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // All fields are strings, integers and JSON that was decoded: encoding them does not fail.
    guard let data = try? encoder.encode(line) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }
}
