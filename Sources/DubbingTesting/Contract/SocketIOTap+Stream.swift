import Foundation
import SocketIOLite

extension SocketIOTap {
  /// Everything recorded so far on the connections that opened the stream.
  ///
  /// A worker may carry several streams over one connection: `StreamEvents` then picks the stream's own events.
  func records(of stream: String, contract: Contract) -> [TapRecord] {
    let all = records().filter { $0.kind == .event }
    // Where there is no opening that names the stream, whatever the worker says may.
    let opening = contract.has(.streamID, in: .streamInit) ? contract.name(of: .streamInit) : nil
    let sessions = Set(
      all.filter { record in
        guard record.direction == .toServer, contract.reader != nil || opening == nil || record.event.name == opening
        else { return false }
        return ObservedEvent(record, contract: contract).streamID == stream
      }.map(\.sessionKey))
    return all.filter { sessions.contains($0.sessionKey) }
  }

  /// When the first of the connections was made that these records are of.
  func connectionDate(of records: [TapRecord]) -> Date? {
    let sessions = Set(records.map(\.sessionKey))
    var first: Date?
    forEachRecord { record in
      if first == nil, sessions.contains(record.sessionKey) { first = record.date }
    }
    return first
  }

  /// The ids of the stream's fragments so far.
  func fragmentIDs(of stream: String, contract: Contract) -> [String] {
    contract.observed(records(of: stream, contract: contract)).compactMap { event in
      guard case .fragmentData(let fragment) = event.content, fragment.streamID == stream else { return nil }
      return fragment.fragmentID
    }
  }
}

extension TapRecord {
  /// The Engine.IO session, which may have many connections, or the connection where that is not known.
  var sessionKey: String { session ?? "#\(connection)" }
}
