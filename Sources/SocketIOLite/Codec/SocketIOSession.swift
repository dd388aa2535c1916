import Foundation
import NIOCore

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
  private var joined: [String: String] = [:]
  private var nextID = 0
  /// The namespace and the name of the last event: the next one's are most often the same.
  private var lastNamespace = ""
  private var lastName = ""
  /// When the bytes came that are being read.
  var arrival = SocketIOEvent.Arrival()

  init(limits: SocketIOLimits) { assembler = PacketAssembler(limits: limits) }

  func isJoined(_ namespace: String) -> Bool { joined[namespace] != nil }
  /// The id that the server gave this client in the namespace.
  func sid(in namespace: String) -> String? { joined[namespace] }

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
        throw SocketIOPacket.malformed(
          "an event came on namespace \(packet.namespace), which is not connected", packet.data)
      }
      let event = try SocketIOEvent(whole, arrival: arrival, likelyName: lastName)
      lastNamespace = packet.namespace
      // A name with a backslash in it was written with escapes: it does not look like what it means.
      if event.name != lastName { lastName = event.name.utf8.contains(0x5C) ? "" : event.name }
      return .event(event)
    case .ack, .binaryAck:
      return .acknowledged(id: packet.id ?? -1, try SocketIOEvent(whole, arrival: arrival))
    case .connect:
      joined[packet.namespace] = try Self.sid(of: packet)
      return .connected(namespace: packet.namespace)
    case .connectError:
      leave(packet.namespace)
      return .rejected(namespace: packet.namespace, Self.rejection(packet))
    case .disconnect:
      leave(packet.namespace)
      return .left(namespace: packet.namespace)
    }
  }

  private mutating func leave(_ namespace: String) {
    joined[namespace] = nil
    if lastNamespace == namespace { lastNamespace = "" }
  }

  private static func sid(of packet: SocketIOPacket) throws(SocketIOError) -> String {
    struct Wire: Decodable { var sid: String }
    guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(packet.data.readableBytesView)) else {
      var error = SocketIOError(
        .unsupportedVersion, "the server's CONNECT carries no sid: it speaks Socket.IO 2 (Engine.IO 3)",
        evidence: [quoted(packet.encoded())], next: "use a Socket.IO server of version 3 or newer")
      error.reason = .parseError
      throw error
    }
    return wire.sid
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
