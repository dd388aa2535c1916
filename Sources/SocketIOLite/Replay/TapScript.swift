#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the lines of a tap's file say was done: the sessions of its clients, to be played again.
package struct TapScript: Sendable {
  struct Step: Sendable {
    /// Since the file's first record.
    var offset: Duration
    var direction: TapDirection
    var kind: TapRecord.Kind
    var namespace: String
    var event: String
    var ack: Int?
    /// What stood in the JSON array behind the name, attachments in their places.
    var arguments: [JSONValue]
  }

  /// The sessions in the order of their beginnings.
  var sessions: [(name: String, steps: [Step])]

  /// How many sessions there are.
  package var sessionCount: Int { sessions.count }

  /// Reads the text of a file; throws `decodingFailed` with the line that cannot be played, and why.
  package init(_ text: String) throws(SocketIOError) {
    var sessions: [(name: String, steps: [Step])] = []
    var start: Date?
    for (index, line) in text.split(separator: "\n").enumerated() {
      func failed(_ what: String, next: String) -> SocketIOError {
        SocketIOError(.decodingFailed, "line \(index + 1) \(what)", evidence: [shortened(String(line))], next: next)
      }
      guard let read = TapRecord.Line(line), let date = read.date else {
        throw failed("is no record of a tap", next: "give a file that siotap --out … --full wrote")
      }
      let first = start ?? date
      start = first
      let attachments = read.attachmentData
      guard attachments.count == read.attachments.count, !read.payload.isShortened || read.direction == .toClient else {
        throw failed("was shortened", next: "record with siotap --full, which writes payloads and attachments whole")
      }
      guard read.direction == .toClient || !read.payload.hasHiddenSecret else {
        throw failed("has a secret that was not written", next: "record with siotap --full --show-secrets")
      }
      guard case .array(let values) = read.payload else {
        throw failed(
          "has a payload that was no JSON", next: "such an event cannot be sent by a client; take the line out")
      }
      let step = Step(
        offset: .seconds(date.timeIntervalSince(first)), direction: read.direction, kind: read.kind,
        namespace: read.namespace, event: read.event ?? "", ack: read.ack,
        arguments: values.map { $0.filled { attachments.indices.contains($0) ? attachments[$0] : nil } })
      let name = read.session ?? "connection \(read.connection)"
      if let known = sessions.firstIndex(where: { $0.name == name }) {
        sessions[known].steps.append(step)
      } else {
        sessions.append((name, [step]))
      }
    }
    guard sessions.contains(where: { $0.steps.contains { $0.direction == .toServer } }) else {
      throw SocketIOError(
        .decodingFailed, "there is nothing that a client said in it",
        next: "give a file that siotap --out … --full wrote")
    }
    self.sessions = sessions
  }
}

extension JSONValue {
  /// Whether a string in it was cut by `shortened`.
  var isShortened: Bool {
    contains { text in
      guard text.hasSuffix(" bytes)"), let open = text.ranges(of: "… (").last else { return false }
      return Int(text[open.upperBound...].dropLast(" bytes)".count)) != nil
    }
  }

  /// Whether something in it was replaced by `redacted`.
  var hasHiddenSecret: Bool { contains { $0 == "***" } }

  private func contains(_ isMeant: (String) -> Bool) -> Bool {
    switch self {
    case .string(let text): isMeant(text)
    case .array(let values): values.contains { $0.contains(isMeant) }
    case .object(let fields): fields.values.contains { $0.contains(isMeant) }
    default: false
    }
  }
}
