import Foundation
import Synchronization

extension TapRecord {
  private struct Line: Encodable {
    var time: String
    var connection: Int
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
      connection: connection, direction: direction, kind: kind, namespace: event.namespace,
      event: event.name.isEmpty ? nil : event.name, ack: event.ackID, payload: payload, attachments: attachments,
      faults: faults)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // All fields are strings, integers and JSON that was decoded: encoding them does not fail.
    guard let data = try? encoder.encode(line) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }
}

/// A file of tap records, one JSON line each, complete after every `write`.
public final class TapRecordFile: Sendable {
  // Records may come from several tasks; a line must not be cut by another.
  private let file: Mutex<FileHandle>
  private let limit: Int?
  private let showsSecrets: Bool

  /// Creates or empties the file. `limit` and `showingSecrets` as in `TapRecord.jsonLine`. Throws `tapFailed` if it cannot be written.
  public init(path: String, shorteningTo limit: Int? = 120, showingSecrets: Bool = false) throws {
    guard FileManager.default.createFile(atPath: path, contents: nil), let handle = FileHandle(forWritingAtPath: path)
    else {
      throw SocketIOError(
        .tapFailed, "cannot write records to \(path)", next: "does its folder exist, and may you write there?")
    }
    file = Mutex(handle)
    self.limit = limit
    showsSecrets = showingSecrets
  }

  deinit { file.withLock { try? $0.close() } }

  /// Appends one record; throws what the file system says.
  public func write(_ record: TapRecord) throws {
    let line = Data((record.jsonLine(shorteningTo: limit, showingSecrets: showsSecrets) + "\n").utf8)
    try file.withLock { try $0.write(contentsOf: line) }
  }

  /// Appends many records.
  public func write(_ records: [TapRecord]) throws {
    for record in records { try write(record) }
  }
}
