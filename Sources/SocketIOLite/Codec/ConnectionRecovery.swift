import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a client must remember so that a server can go on with its session after a lost connection.
///
/// A server that keeps sessions names one by `pid` and ends each event with its offset; who comes back with both gets what
/// it missed. Source: https://socket.io/docs/v4/connection-state-recovery
package struct ConnectionRecovery: Sendable, Equatable {
  private(set) var pid: String?
  package private(set) var offset: String?
  /// Whether the last connection went on with the session of the one before.
  package private(set) var isRecovered = false

  package init() {}

  package mutating func joined(_ membership: SocketIOSession.Membership) {
    isRecovered = pid != nil && pid == membership.pid
    if !isRecovered { offset = nil }
    pid = membership.pid
  }

  /// Remembers the offset of the last of these events that has one.
  package mutating func received(_ events: ArraySlice<SocketIOEvent>) {
    guard pid != nil else { return }
    for event in events.reversed() {
      guard let last = event.lastArgumentString() else { continue }
      offset = last
      return
    }
  }

  /// The payload of CONNECT: pid and offset, with the caller's own fields over them; `auth` that is no object stays as it is.
  package func payload(auth: ByteBuffer?) -> ByteBuffer? {
    guard let pid else { return auth }
    var fields: [String: JSONValue] = ["pid": .string(pid)]
    if let offset { fields["offset"] = .string(offset) }
    if let auth {
      let own = try? SocketIOJSON.decode(JSONValue.self, from: auth)
      guard case .object(let own) = own else { return auth }
      fields.merge(own) { _, mine in mine }
    }
    return ByteBuffer(string: JSONValue.object(fields).text)
  }
}

extension SocketIOEvent {
  /// The last argument if it is a string without escapes, found from the end: an offset behind a megabyte is as near.
  func lastArgumentString() -> String? {
    let bytes = array.readableBytesView.dropFirst(argumentsOffset).dropLast()
    guard let end = bytes.lastIndex(where: { $0 > 0x20 }), bytes[end] == 0x22, end > bytes.startIndex,
      let start = bytes[bytes.startIndex..<end].lastIndex(of: 0x22)
    else { return nil }
    let before = bytes[bytes.startIndex..<start].last { $0 > 0x20 }
    guard before == nil || before == UInt8(ascii: ",") else { return nil }
    let text = bytes[(start + 1)..<end]
    return text.contains(0x5C) ? nil : String(decoding: text, as: UTF8.self)
  }
}
