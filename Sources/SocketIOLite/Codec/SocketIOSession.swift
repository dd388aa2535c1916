import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The client's side of Socket.IO 5 on one connection, without a socket: which namespaces are joined, what packets mean.
struct SocketIOSession: Sendable {
  enum Action: Sendable {
    case nothing
    case connected(namespace: String)
    case rejected(namespace: String, SocketIOError)
    case event(SocketIOEvent)
    case acknowledged(id: Int, SocketIOEvent)
    case left(namespace: String)
  }

  private var assembler: PacketAssembler
  private let limits: SocketIOLimits
  private var joined: [String: Membership] = [:]
  /// Namespaces that this side left: what was under way from them is not an error.
  private var departed: Set<String> = []
  private var nextID = 0
  /// The namespace and the name of the last event: the next one's are most often the same.
  private var lastNamespace = ""
  private var lastName = ""
  /// When the bytes came that are being read.
  var arrival = SocketIOEvent.Arrival()

  /// What a server says to who joins a namespace.
  struct Membership: Sendable, Hashable, Decodable {
    var sid: String
    /// Names the session to be recovered; servers without connection state recovery give none.
    var pid: String?
  }

  init(limits: SocketIOLimits) {
    self.limits = limits
    assembler = PacketAssembler(limits: limits)
  }

  func isJoined(_ namespace: String) -> Bool { joined[namespace] != nil }
  func membership(in namespace: String) -> Membership? { joined[namespace] }
  var namespaces: [String] { joined.keys.sorted() }
  var isIdle: Bool { joined.isEmpty }
  func isLast(_ namespace: String) -> Bool { joined.count == 1 && isJoined(namespace) }
  /// This side leaves.
  mutating func leave(_ namespace: String) {
    forget(namespace)
    departed.insert(namespace)
  }

  private mutating func forget(_ namespace: String) {
    joined[namespace] = nil
    if lastNamespace == namespace { lastNamespace = "" }
  }

  mutating func makeAckID() -> Int {
    defer { nextID += 1 }
    return nextID
  }

  mutating func receive(text: ByteBuffer) throws(SocketIOError) -> Action {
    guard let whole = try assembler.receive(text: text) else { return .nothing }
    return try act(on: whole)
  }

  mutating func receive(binary: ByteBuffer) throws(SocketIOError) -> Action {
    guard let whole = try assembler.receive(binary: binary) else { return .nothing }
    return try act(on: whole)
  }

  private mutating func act(on whole: PacketAssembler.Whole) throws(SocketIOError) -> Action {
    let packet = whole.packet
    switch packet.kind {
    case .event, .binaryEvent:
      // Before its CONNECT a server may not send events; one that does is told apart from a lost packet.
      guard packet.namespace == lastNamespace || isJoined(packet.namespace) else {
        if departed.contains(packet.namespace) { return .nothing }
        throw SocketIOPacket.malformed(
          "an event came on namespace \(packet.namespace), which is not connected", packet.data)
      }
      try JSONScan.checkDepth(packet.data, limit: limits.maxJSONDepth)
      let event = try SocketIOEvent(whole, arrival: arrival, likelyName: lastName)
      lastNamespace = packet.namespace
      // A name with a backslash in it was written with escapes: it does not look like what it means.
      if event.name != lastName { lastName = event.name.utf8.contains(0x5C) ? "" : event.name }
      return .event(event)
    case .ack, .binaryAck:
      try JSONScan.checkDepth(packet.data, limit: limits.maxJSONDepth)
      return .acknowledged(id: packet.id ?? -1, try SocketIOEvent(whole, arrival: arrival))
    case .connect:
      joined[packet.namespace] = try Self.membership(of: packet)
      departed.remove(packet.namespace)
      return .connected(namespace: packet.namespace)
    case .connectError:
      forget(packet.namespace)
      return .rejected(namespace: packet.namespace, Self.rejection(packet))
    case .disconnect:
      forget(packet.namespace)
      return .left(namespace: packet.namespace)
    }
  }

  private static func membership(of packet: SocketIOPacket) throws(SocketIOError) -> Membership {
    guard let membership = try? JSONDecoder().decode(Membership.self, from: Data(packet.data.readableBytesView)) else {
      var error = SocketIOError(
        .unsupportedVersion, "the server's CONNECT carries no sid: it speaks Socket.IO 2 (Engine.IO 3)",
        evidence: [quoted(packet.encoded())], next: "use a Socket.IO server of version 3 or newer")
      error.reason = .parseError
      throw error
    }
    return membership
  }

  private static func rejection(_ packet: SocketIOPacket) -> SocketIOError {
    let text = String(decoding: packet.data.readableBytesView, as: UTF8.self)
    let object = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
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
