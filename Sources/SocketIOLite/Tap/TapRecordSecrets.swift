#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension TapRecord {
  /// Whatever a client sends to join a namespace may be a secret; of anything else, what its name says to be one.
  func withoutSecrets(_ payload: JSONValue) -> JSONValue {
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
    if showingSecrets || (isEvent && !JSONValue.mayNameSecret("\(event)")) {
      return isEvent ? "\(event)" : "\(kind.rawValue) \(shortened(event.payloadText))"
    }
    let bytes = event.payload
    let payload = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes))
    let text = payload.map { shortened(withoutSecrets($0).text) } ?? "*** (\(bytes.count) bytes that are no JSON)"
    guard isEvent else { return "\(kind.rawValue) \(text)" }
    return "\(event.name.isEmpty ? "acknowledgement \(event.ackID ?? -1)" : event.name) \(text)"
  }
}
