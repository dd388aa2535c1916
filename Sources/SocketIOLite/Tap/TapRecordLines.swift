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
    var payload =
      (try? JSONDecoder().decode(JSONValue.self, from: Data(bytes))) ?? .string(String(decoding: bytes, as: UTF8.self))
    if !showingSecrets { payload = withoutSecrets(payload) }
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

extension TapRecord {
  /// Whatever a client sends to join a namespace may be a secret; of anything else, what its name says to be one.
  private func withoutSecrets(_ payload: JSONValue) -> JSONValue {
    payload.redacted(everything: kind == .connect && direction == .toServer)
  }

  /// The record in a line, as `description` has it, which leaves secrets out.
  public func line(showingSecrets: Bool) -> String {
    let arrow = direction == .toServer ? "→" : "←"
    let faults = faults.isEmpty ? "" : "  ⚡ \(faults.joined(separator: ", "))"
    let space = event.namespace == "/" ? "" : " \(event.namespace)"
    return "#\(connection) \(arrow)\(space) \(what(showingSecrets: showingSecrets))\(faults)"
  }

  private func what(showingSecrets: Bool) -> String {
    let isEvent = [.event, .acknowledgement].contains(kind)
    // A name comes before its value, so that what names no secret shows none.
    guard !showingSecrets, !isEvent || JSONValue.mayNameSecret("\(event)"),
      let payload = try? JSONDecoder().decode(JSONValue.self, from: Data(event.payload))
    else { return isEvent ? "\(event)" : "\(kind.rawValue) \(shortened(event.payloadText))" }
    let text = shortened(withoutSecrets(payload).text)
    let name = event.name.isEmpty ? "acknowledgement \(event.ackID ?? -1)" : event.name
    return isEvent ? "\(name) \(text)" : "\(kind.rawValue) \(text)"
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
