import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The client's side of Socket.IO 5 on one connection, without a socket: which namespaces are joined, what packets mean.
package struct SocketIOSession: Sendable {
  package enum Action: Sendable {
    case nothing
    /// Joined. What came of the namespace before is to be had from `takeEarly`.
    case connected(namespace: String)
    /// The answer to a request that was given up: the server must hear that this side leaves.
    case unwanted(namespace: String)
    case rejected(namespace: String, SocketIOError)
    case event(SocketIOEvent)
    case acknowledged(id: Int, SocketIOEvent)
    case left(namespace: String)
  }

  private var assembler: PacketAssembler
  private let limits: SocketIOLimits
  private var joined: [String: Membership] = [:]
  /// Requests that are not answered yet, and whether the answer is still wanted.
  private var asked: [String: Bool] = [:]
  /// Events that came before the answer to CONNECT, as they do from a server whose connect handler sends some.
  private var early: [String: [SocketIOEvent]] = [:]
  private var earlyBytes = 0
  private var nextID = 0
  /// The namespace and the name of the last event: the next one's are most often the same. No name that was written with escapes,
  /// which does not look like what it means.
  private var lastNamespace = ""
  private var lastName = ""
  /// When the bytes came that are being read.
  package var arrival = SocketIOEvent.Arrival()

  /// What a server says to who joins a namespace.
  package struct Membership: Sendable, Hashable, Decodable {
    var sid: String
    /// Names the session to be recovered; servers without connection state recovery give none.
    var pid: String?

    package init(sid: String, pid: String? = nil) {
      (self.sid, self.pid) = (sid, pid)
    }
  }

  package init(limits: SocketIOLimits) {
    self.limits = limits
    assembler = PacketAssembler(limits: limits)
  }

  func isJoined(_ namespace: String) -> Bool { joined[namespace] != nil }
  func membership(in namespace: String) -> Membership? { joined[namespace] }
  package var namespaces: [String] { joined.keys.sorted() }
  /// Whether no other namespace is joined.
  package func isAlone(_ namespace: String) -> Bool { joined.count == (isJoined(namespace) ? 1 : 0) }
  /// This side leaves.
  package mutating func leave(_ namespace: String) { forget(namespace) }

  /// This side asks for a namespace; false if a request that was given up is not answered yet, whose answer will do.
  ///
  /// A second CONNECT would be answered a second time, and neither answer says which request it is of.
  package mutating func ask(for namespace: String) -> Bool { asked.updateValue(true, forKey: namespace) == nil }

  /// The answer to a request is not wanted any more.
  mutating func giveUp(_ namespace: String) {
    if asked[namespace] != nil { asked[namespace] = false }
  }

  /// The events that came before the namespace was joined, in order.
  package mutating func takeEarly(_ namespace: String) -> [SocketIOEvent] {
    let events = early.removeValue(forKey: namespace) ?? []
    earlyBytes -= events.reduce(0) { $0 + $1.byteCount }
    return events
  }

  private mutating func forget(_ namespace: String) {
    joined[namespace] = nil
    asked[namespace] = nil
    _ = takeEarly(namespace)
    if lastNamespace == namespace { lastNamespace = "" }
  }

  /// What the next events most likely are; nil where each message must be read by this session.
  package var plainEvents: PlainEvents? {
    guard lastNamespace == "/", !lastName.isEmpty, !limits.strictJSON, !assembler.isWaiting else { return nil }
    return PlainEvents(name: lastName, arrival: arrival, maxDepth: limits.maxJSONDepth)
  }

  mutating func makeAckID() -> Int {
    defer { nextID += 1 }
    return nextID
  }

  package mutating func receive(text: ByteBuffer) throws(SocketIOError) -> Action {
    guard let whole = try assembler.receive(text: text) else { return .nothing }
    return try act(on: whole)
  }

  mutating func receive(binary: ByteBuffer) throws(SocketIOError) -> Action {
    guard let whole = try assembler.receive(binary: binary) else { return .nothing }
    return try act(on: whole)
  }

  private mutating func act(on whole: PacketAssembler.Whole) throws(SocketIOError) -> Action {
    let packet = whole.packet
    if limits.strictJSON, packet.data.readableBytes > 0 { try JSONGrammar.check(packet.data) }
    switch packet.kind {
    case .event, .binaryEvent:
      let isJoined = packet.namespace == lastNamespace || isJoined(packet.namespace)
      // What was under way from a namespace that this side left, or never asked for, is nobody's.
      guard isJoined || asked[packet.namespace] != nil else { return .nothing }
      try JSONScan.checkDepth(packet.data, limit: limits.maxJSONDepth)
      let event = try SocketIOEvent(whole, arrival: arrival, likelyName: lastName)
      guard isJoined else { return try keep(event) }
      lastNamespace = packet.namespace
      if event.name != lastName {
        lastName = event.name.utf8.contains { $0 == 0x5C || $0 == 0x22 } ? "" : event.name
      }
      return .event(event)
    case .ack, .binaryAck:
      try JSONScan.checkDepth(packet.data, limit: limits.maxJSONDepth)
      return .acknowledged(id: packet.id ?? -1, try SocketIOEvent(whole, arrival: arrival))
    case .connect:
      guard let isWanted = asked[packet.namespace] else { return .nothing }
      let membership = try Self.membership(of: packet)
      asked[packet.namespace] = nil
      guard isWanted else {
        forget(packet.namespace)
        return .unwanted(namespace: packet.namespace)
      }
      joined[packet.namespace] = membership
      return .connected(namespace: packet.namespace)
    case .connectError:
      forget(packet.namespace)
      return .rejected(namespace: packet.namespace, Self.rejection(packet))
    case .disconnect:
      forget(packet.namespace)
      return .left(namespace: packet.namespace)
    }
  }

  /// Keeps an event until its namespace is joined, within the limit of one message.
  private mutating func keep(_ event: SocketIOEvent) throws(SocketIOError) -> Action {
    earlyBytes += event.byteCount
    guard earlyBytes <= limits.maxMessageBytes else {
      throw SocketIOError(
        .limitExceeded, "more than \(limits.maxMessageBytes) bytes of events came before the answer to CONNECT")
    }
    early[event.namespace, default: []].append(event)
    return .nothing
  }

  private static func membership(of packet: SocketIOPacket) throws(SocketIOError) -> Membership {
    guard let membership = try? SocketIOJSON.decode(Membership.self, from: packet.data) else {
      var error = SocketIOError(
        .unsupportedVersion, "the server's CONNECT carries no sid: it speaks Socket.IO 2 (Engine.IO 3)",
        evidence: [quoted(packet.encoded())], next: "use a Socket.IO server of version 3 or newer")
      error.reason = .parseError
      throw error
    }
    return membership
  }

  private static func rejection(_ packet: SocketIOPacket) -> SocketIOError {
    let object = try? SocketIOJSON.decode(JSONValue.self, from: packet.data)
    let message: String? =
      switch object {
      case .object(let fields): fields["message"]?.string
      case .string(let bare): bare
      default: nil
      }
    var error = SocketIOError(
      .connectRejected, "the server refused namespace \(packet.namespace): \(message ?? "it gave no message")",
      evidence: [quoted(packet.data)])
    error.serverMessage = message
    if case .object(let fields) = object, let data = fields["data"] { error.serverData = data.text }
    return error
  }
}
