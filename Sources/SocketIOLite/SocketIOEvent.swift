import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An event, or the answer to one, as it was received: bytes, decoded only when asked.
public struct SocketIOEvent: Sendable, CustomStringConvertible {
  /// Everything behind one reference: an event goes through several hands, and each copy of it costs one count.
  private final class Storage: Sendable {
    let name: String
    let namespace: String
    let ackID: Int?
    let arrival: Arrival
    let attachments: [ByteBuffer]
    let array: ByteBuffer
    let argumentsOffset: Int

    init(_ whole: PacketAssembler.Whole, name: String, argumentsOffset: Int, arrival: Arrival) {
      self.name = name
      namespace = whole.packet.namespace
      ackID = whole.packet.id
      self.arrival = arrival
      attachments = whole.attachments
      array = whole.packet.data
      self.argumentsOffset = argumentsOffset
    }

    init(plain array: ByteBuffer, name: String, argumentsOffset: Int, arrival: Arrival) {
      self.name = name
      namespace = "/"
      ackID = nil
      self.arrival = arrival
      attachments = []
      self.array = array
      self.argumentsOffset = argumentsOffset
    }
  }

  /// When bytes were received, on both clocks.
  package struct Arrival: Sendable {
    package var time: ContinuousClock.Instant
    package var date: Date

    package init(time: ContinuousClock.Instant = .now, date: Date = Date()) {
      (self.time, self.date) = (time, date)
    }
  }

  private let storage: Storage

  /// The event's name; empty for an acknowledgement.
  public var name: String { storage.name }
  /// The namespace it came on, "/" by default.
  public var namespace: String { storage.namespace }
  /// The id that the sender wants acknowledged or, of an acknowledgement, the id that it answers.
  public var ackID: Int? { storage.ackID }
  /// When it was received, on the monotonic clock.
  public var time: ContinuousClock.Instant { storage.arrival.time }
  /// When it was received, on the wall clock.
  public var date: Date { storage.arrival.date }
  /// The attachments in the order of their numbers, sharing the memory that they were received in.
  public var attachmentBuffers: [ByteBuffer] { storage.attachments }

  /// The JSON array as received, with the name in front.
  package var array: ByteBuffer { storage.array }
  /// How many bytes of `array` come before the first argument.
  var argumentsOffset: Int { storage.argumentsOffset }

  /// Cuts the name out of a packet's array; throws `malformedPacket` if there is none.
  ///
  /// `likelyName` is used instead of a new string if the name is the same: most events are called like the one before.
  package init(
    _ whole: PacketAssembler.Whole, arrival: Arrival = .init(), likelyName: String = ""
  ) throws(SocketIOError) {
    let cut = try Self.cutName(whole.packet, likely: likelyName)
    storage = Storage(whole, name: cut.name, argumentsOffset: cut.end, arrival: arrival)
  }

  /// An event of the main namespace that wants no answer and has no attachments, whose name is known already.
  init(_ array: ByteBuffer, name: String, argumentsOffset: Int, arrival: Arrival) {
    storage = Storage(plain: array, name: name, argumentsOffset: argumentsOffset, arrival: arrival)
  }

  /// Whether two events are called alike and are of one namespace, found without a copy of either name.
  func isNamed(like other: SocketIOEvent) -> Bool {
    storage.name == other.storage.name && storage.namespace == other.storage.namespace
  }

  /// An event made by hand, for what is to be tested without a connection; `Data` inside the arguments becomes attachments.
  ///
  /// Throws `encodingFailed` for an argument that cannot be written as JSON.
  public init(
    name: String, namespace: String = "/", arguments: [any Encodable & Sendable], ackID: Int? = nil,
    time: ContinuousClock.Instant = .now, date: Date = Date()
  ) throws(SocketIOError) {
    let encoded = try SocketIOJSON.encode(name: name, arguments)
    let packet = SocketIOPacket(
      kind: encoded.attachments.isEmpty ? .event : .binaryEvent, namespace: namespace, id: ackID,
      attachmentCount: encoded.attachments.count, data: encoded.array)
    try self.init(.init(packet: packet, attachments: encoded.attachments), arrival: Arrival(time: time, date: date))
  }

  /// The arguments as JSON text of one array, without the event's name. Copies; see `withPayload` for reading in place.
  public var payload: [UInt8] {
    [0x5B] + array.readableBytesView.dropFirst(argumentsOffset)
  }

  /// The arguments as the text of a JSON array, without the event's name.
  public var payloadText: String { String(decoding: payload, as: UTF8.self) }

  /// The attachments as byte arrays. Copies; see `attachmentBuffers` for the bytes in place.
  public var attachments: [[UInt8]] { attachmentBuffers.map { Array($0.readableBytesView) } }

  /// The bytes of payload and attachments together.
  public var byteCount: Int {
    attachmentBuffers.reduce(array.readableBytes - argumentsOffset + 1) { $0 + $1.readableBytes }
  }

  /// How many arguments came with the event; throws `decodingFailed` if the payload is not JSON.
  public func argumentCount() throws -> Int { try argumentRanges().count }

  /// Decodes the argument at `index` from 0; binary attachments decode as `Data`. Throws `decodingFailed`.
  public func decode<T: Decodable>(_ type: T.Type = T.self, at index: Int = 0) throws -> T {
    let ranges = try argumentRanges(upTo: index + 1)
    guard ranges.indices.contains(index) else {
      throw failed("has no argument \(index), only \(ranges.count)")
    }
    let range = ranges[index]
    if let value = try? LongStrings.decode(type, from: array, range, attachments: attachmentBuffers) { return value }
    let json = array.withUnsafeReadableBytes { Data($0[range]) }
    do {
      return try SocketIOJSON.decode(type, from: json, with: SocketIOJSON.decoder(attachments: attachmentBuffers))
    } catch {
      throw failed("has an argument \(index) that is not a \(type): \(error)", underlying: error)
    }
  }

  public var description: String {
    let bytes = attachmentBuffers.isEmpty ? "" : " + \(attachmentBuffers.count) attachments"
    let start = String(decoding: array.readableBytesView.dropFirst(argumentsOffset).prefix(80), as: UTF8.self)
    return
      "\(name.isEmpty ? "acknowledgement \(ackID ?? -1)" : name) [\(start)\(start.hasSuffix("]") ? "" : "…")\(bytes)"
  }

  private func argumentRanges(upTo wanted: Int = .max) throws -> [Range<Int>] {
    let skipped = name.isEmpty ? 0 : 1
    let limit = wanted == .max ? .max : wanted + skipped
    guard let all = array.withUnsafeReadableBytes({ JSONScan.elements($0, upTo: limit) }) else {
      throw failed("has a payload that is not a JSON array")
    }
    return Array(all.dropFirst(skipped))
  }

  private func failed(_ what: String, underlying: (any Error)? = nil) -> SocketIOError {
    let who = name.isEmpty ? "the acknowledgement \(ackID ?? -1)" : "event “\(name)”"
    return SocketIOError(.decodingFailed, "\(who) \(what)", evidence: [quoted(array)], underlying: underlying)
  }

  private static func cutName(
    _ packet: SocketIOPacket, likely: String
  ) throws(SocketIOError) -> (name: String, end: Int) {
    guard packet.kind == .event || packet.kind == .binaryEvent else { return ("", 1) }
    guard let cut = packet.data.withUnsafeReadableBytes({ EventName.cut($0, likely: likely) }) else {
      throw SocketIOPacket.malformed("an event must start with its name, a JSON string or number", packet.data)
    }
    return cut
  }
}
