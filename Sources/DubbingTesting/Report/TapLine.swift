import Foundation

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
    record.split(separator: "\n").compactMap { line in
      (try? JSONSerialization.jsonObject(with: Data(line.utf8))).flatMap {
        ($0 as? [String: Any]).flatMap(TapLine.init)
      }
    }
  }

  private init?(_ line: [String: Any]) {
    guard let date = (line["time"] as? String).flatMap(Self.date), let kind = line["kind"] as? String else {
      return nil
    }
    self.date = date
    isFromWorker = line["direction"] as? String == "toServer"
    let event = line["event"] as? String ?? ""
    name = kind == "event" || event.isEmpty && kind.isEmpty ? event : "(\(kind))"
    faults = line["faults"] as? [String] ?? []
    var fields = Fields()
    for payload in line["payload"] as? [Any] ?? [] { fields.read(payload, key: "") }
    let words = fields.short.joined(separator: ", ")
    said = words.count > 160 ? words.prefix(160) + "…" : words
    (sequence, status) = (fields.sequence, fields.status)
    let attached = (line["attachments"] as? [String] ?? []).compactMap { Data(base64Encoded: $0) }
    if let bytes = (attached + fields.blobs).max(by: { $0.count < $1.count }), bytes.count > 1024 {
      sound = Sound(bytes: bytes, sampleRate: fields.sampleRate ?? 16000, channels: fields.channels ?? 1)
    }
  }

  private static func date(_ text: String) -> Date? {
    try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }

  /// What is worth a line of a payload, whatever its shape.
  private struct Fields {
    var short: [String] = []
    var blobs: [Data] = []
    var sequence: Int?
    var status: String?
    var sampleRate: Int?
    var channels: Int?

    mutating func read(_ value: Any, key: String) {
      switch value {
      case let object as [String: Any]:
        for key in object.keys.sorted() { read(object[key] ?? "", key: key) }
      case let list as [Any] where list.count < 8:
        for value in list { read(value, key: key) }
      case let text as String where text.count > 1024:
        if let blob = Data(base64Encoded: text) { blobs.append(blob) }
        short.append("\(key) of \(text.count / 1024) KiB")
      case let text as String:
        if key == "status" { status = text }
        // A fragment's id ends with its number where there is no other.
        if sequence == nil, key.hasSuffix("id"), text.contains(where: \.isNumber),
          let last = text.split(whereSeparator: { "-.".contains($0) }).last
        {
          sequence = text.count > 12 && last.count < 4 ? Int(last) : nil
        }
        guard !key.hasSuffix("id"), key != "session", !text.isEmpty else { return }
        short.append("\(key) \(text.count > 60 ? text.prefix(60) + "…" : text)")
      case let number as NSNumber:
        if ["sequence_number", "sequence", "index", "seq"].contains(key) { sequence = number.intValue }
        if ["sample_rate_hz", "sample_rate", "rate"].contains(key) { sampleRate = number.intValue }
        if key == "channels" { channels = number.intValue }
        guard !["timestamp", "pts", "channels", "rate"].contains(where: key.contains) else { return }
        short.append("\(key) \(number)")
      default: break
      }
    }
  }
}
