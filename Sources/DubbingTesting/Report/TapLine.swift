import Foundation
import SocketIOLite

/// One line of a stream's `events.jsonl`, as the page shows it: in whose words the two services talk does not matter.
struct TapLine: Sendable, Equatable {
  /// What an event carries to be heard.
  struct Sound: Sendable, Equatable {
    /// Samples, or a whole media file.
    var bytes: Data
    /// As it was declared beside it; 16 kHz and one channel where nothing was.
    var sampleRate = 16000
    var channels = 1

    /// Whether it begins as MP4, ADTS, Ogg, RIFF, Matroska or MP3 files do; what does not is taken for samples of 16 bits.
    var isFile: Bool {
      let start = [UInt8](bytes.prefix(8))
      guard start.count == 8 else { return false }
      if start[4...7].elementsEqual("ftyp".utf8) || (start[0] == 0xFF && start[1] & 0xF6 == 0xF0) { return true }
      return ["OggS", "RIFF", "ID3", "\u{1A}E"].contains { start.starts(with: $0.utf8) }
    }
  }

  var date: Date
  var isFromWorker: Bool
  /// The event's name, or what happened to the connection.
  var name: String
  /// Its short fields.
  var said: String
  /// The fragment that it is about, where a number says so.
  var sequence: Int?
  /// What its `status` says.
  var status: String?
  /// The tap's rules that acted on it.
  var faults: [String]
  var sound: Sound?
}

extension TapLine {
  /// Reads a tap's record; a line that is none is left out, since the page is worth more than the line.
  static func lines(of record: String) -> [TapLine] {
    record.split(separator: "\n").compactMap { TapRecord.Line($0).flatMap(TapLine.init) }
  }

  private init?(_ line: TapRecord.Line) {
    guard let date = line.date else { return nil }
    self.date = date
    isFromWorker = line.direction == .toServer
    name = line.kind == .event ? line.event ?? "" : "(\(line.kind))"
    faults = line.faults
    var fields = Fields()
    // What was no JSON is one string.
    if case .array(let arguments) = line.payload {
      for argument in arguments { fields.read(argument, key: "") }
    } else {
      fields.read(line.payload, key: "")
    }
    let words = fields.short.joined(separator: ", ")
    said = words.count > 160 ? words.prefix(160) + "…" : words
    (sequence, status) = (fields.sequence, fields.status)
    if let bytes = (line.attachmentData + fields.blobs).max(by: { $0.count < $1.count }), bytes.count > 1024 {
      sound = Sound(bytes: bytes, sampleRate: fields.sampleRate ?? 16000, channels: fields.channels ?? 1)
    }
  }

  /// What is worth a line of a payload, whatever its shape.
  private struct Fields {
    var short: [String] = []
    var blobs: [Data] = []
    var sequence: Int?
    var status: String?
    var sampleRate: Int?
    var channels: Int?

    mutating func read(_ value: JSONValue, key: String) {
      switch value {
      case .object(let fields):
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) { read(value, key: key) }
      case .array(let values) where values.count < 8:
        for value in values { read(value, key: key) }
      case .string(let text) where text.count > 1024:
        if let blob = Data(base64Encoded: text) { blobs.append(blob) }
        note(key, "of \(text.count / 1024) KiB")
      case .string(let text):
        if key == "status" { status = text }
        // A fragment's id ends with its number where there is no other.
        if sequence == nil, key.hasSuffix("id"), text.contains(where: \.isNumber),
          let last = text.split(whereSeparator: { "-.".contains($0) }).last
        {
          sequence = text.count > 12 && last.count < 4 ? Int(last) : nil
        }
        guard !key.hasSuffix("id"), key != "session", !text.isEmpty else { return }
        note(key, text.count > 60 ? text.prefix(60) + "…" : text)
      case .integer(let number): read(number: Int(number), "\(number)", key: key)
      case .number(let number): read(number: Int(exactly: number.rounded()) ?? 0, number.short, key: key)
      case .bool(let isSo): note(key, "\(isSo)")
      default: break
      }
    }

    private mutating func read(number: Int, _ text: String, key: String) {
      if ["sequence_number", "sequence", "index", "seq"].contains(key) { sequence = number }
      if ["sample_rate_hz", "sample_rate", "rate"].contains(key) { sampleRate = number }
      if key == "channels" { channels = number }
      guard !["timestamp", "pts", "channels", "rate"].contains(where: key.contains) else { return }
      note(key, text)
    }

    private mutating func note(_ key: String, _ text: String) { short.append(key.isEmpty ? text : "\(key) \(text)") }
  }
}
