import Driver
import Foundation
import NIOCore
import NIOEmbedded

@testable import SocketIOLite

/// What is done with an input, and what must hold whatever it is: a broken promise traps, which libFuzzer reports as a crash.
enum Inputs {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  static let limits = SocketIOLimits(maxMessageBytes: 100_000, maxAttachments: 8)

  /// Splits an input into messages at 0x1E; one that starts with `b` is binary.
  static func messages(_ bytes: Bytes) -> [(isText: Bool, bytes: ByteBuffer)] {
    bytes.split(separator: 0x1E, omittingEmptySubsequences: false).map { part in
      let isText = part.first != UInt8(ascii: "b")
      return (isText, ByteBuffer(bytes: isText ? part : part.dropFirst()))
    }
  }

  /// A session of Engine.IO. What was parsed and is written again is what came.
  static func engineIO(_ bytes: Bytes) {
    var session = EngineIOSession()
    for message in messages(bytes) {
      if message.isText, let packet = try? EngineIOPacket.parse(message.bytes) {
        demand(packet.encoded() == message.bytes, "an Engine.IO packet changed")
      }
      _ = message.isText ? try? session.receive(text: message.bytes) : try? session.receive(binary: message.bytes)
    }
    demand(session.patience >= .zero)
  }

  /// A session of Socket.IO, its events read in every way. A packet that is written again means the same.
  static func socketIO(_ bytes: Bytes) {
    var session = SocketIOSession(limits: limits)
    for message in messages(bytes) {
      if message.isText, let packet = try? SocketIOPacket.parse(message.bytes, limits: limits) {
        check(packet)
        // Else nothing would be of a namespace that was asked for.
        if packet.kind == .connect { _ = session.ask(for: packet.namespace) }
      }
      let action =
        message.isText ? try? session.receive(text: message.bytes) : try? session.receive(binary: message.bytes)
      switch action {
      case .event(let event): read(event)
      case .acknowledged(_, let answer): read(answer)
      default: break
      }
    }
  }

  private static func check(_ packet: SocketIOPacket) {
    guard let again = try? SocketIOPacket.parse(packet.encoded(), limits: limits) else {
      // A namespace that is not UTF-8, or has a comma's place taken, cannot be written; it must still be told apart.
      return demand(packet.namespace != "/", "a packet cannot be read again: \(packet)")
    }
    demand(again.kind == packet.kind && again.attachmentCount == packet.attachmentCount)
    demand(packet.namespace != "/" || again.data == packet.data, "a packet's payload changed: \(packet)")
  }

  private static func read(_ event: SocketIOEvent) {
    _ = event.description
    demand(event.payload.first == UInt8(ascii: "["))
    demand(event.byteCount >= event.payload.count)
    guard let count = try? event.argumentCount() else { return }
    for index in 0..<min(count, 4) {
      _ = try? event.decode(JSONValue.self, at: index)
      _ = try? event.decode(Data.self, at: index)
      _ = try? event.decode([String: Data].self, at: index)
    }
  }

  /// Long strings, which are read past the decoder: as data, as text and mixed they are what Foundation alone makes of them.
  ///
  /// An input's parts, cut at 0x1E, are repeated until they are long enough for that; what is behind 0x1F stays as it is.
  static func longStrings(_ bytes: Bytes) {
    var json = ByteBuffer(string: "[")
    for (index, part) in bytes.split(separator: 0x1E, omittingEmptySubsequences: false).enumerated() {
      let halves = part.split(separator: 0x1F, maxSplits: 1, omittingEmptySubsequences: false)
      guard let repeated = halves.first else { continue }
      json.writeString(index == 0 ? "\"" : ",\"")
      let count = repeated.isEmpty ? 0 : LongStrings.minimumLength / repeated.count + 1
      for _ in 0..<count { json.writeBytes(repeated) }
      for rest in halves.dropFirst() { json.writeBytes(rest) }
      json.writeString("\"")
    }
    json.writeString("]")
    let packet = SocketIOPacket(kind: .ack, id: 1, data: ByteBuffer(bytes: [0x5B] + json.readableBytesView + [0x5D]))
    guard let event = try? SocketIOEvent(.init(packet: packet, attachments: [])) else { return }
    let plain = JSONDecoder()
    let text = Data(json.readableBytesView)
    // An event's brackets are followed, not judged: behind a quote or a backslash of the input anything may be an argument.
    _ = try? event.decode([Data].self)
    guard (try? plain.decode(JSONValue.self, from: text)) != nil else { return }
    demand((try? event.decode([Data].self)) == (try? plain.decode([Data].self, from: text)), "data differs")
    demand((try? event.decode([String].self)) == (try? plain.decode([String].self, from: text)), "text differs")
    demand(
      (try? event.decode([Mixed].self)) == (try? plain.decode([Mixed].self, from: text)), "a mixture differs")
  }

  /// Data where that is possible, else text.
  private struct Mixed: Decodable, Equatable {
    var data: Data?
    var text: String?

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      data = try? container.decode(Data.self)
      if data == nil { text = try container.decode(String.self) }
    }
  }

  /// A body of the polling transport. What was parsed, written and parsed again is the same.
  static func polling(_ bytes: Bytes) {
    guard let parts = try? EngineIOPayload.parse(ByteBuffer(bytes: bytes)) else { return }
    guard let again = try? EngineIOPayload.parse(EngineIOPayload.encode(parts)) else {
      fatalError("a payload cannot be read again")
    }
    demand(again.map(content) == parts.map(content), "a payload changed")
  }

  private static func content(_ part: EngineIOPayload.Part) -> ByteBuffer {
    switch part {
    case .text(let text): text
    case .binary(let bytes): bytes
    }
  }

  /// What frames and messages a server's bytes are must not depend on how they are cut.
  static func frames(_ bytes: Bytes) {
    guard let first = bytes.first else { return }
    let stream = Bytes(rebasing: bytes.dropFirst())
    let whole = readFrames(stream, chunk: max(stream.count, 1))
    let parts = readFrames(stream, chunk: Int(first % 16) + 1)
    demand(whole == parts, "frames depend on how their bytes were cut")
  }

  private static func readFrames(_ stream: Bytes, chunk: Int) -> [ByteBuffer] {
    var reader = WebSocketFrameReader(maxPayloadBytes: limits.maxMessageBytes)
    var assembler = WebSocketMessageAssembler(maxMessageBytes: limits.maxMessageBytes)
    var found: [ByteBuffer] = []
    do throws(SocketIOError) {
      for start in stride(from: 0, to: stream.count, by: chunk) {
        var input = ByteBuffer(bytes: stream[start..<min(start + chunk, stream.count)])
        while let frame = try reader.next(&input) {
          found.append(frame.payload)
          guard !frame.isControl else { continue }
          switch try assembler.receive(frame) {
          case .text(let text): found.append(text)
          case .binary(let bytes): found.append(bytes)
          case nil: break
          }
        }
        demand(input.readableBytes == 0, "bytes were left unread")
      }
    } catch {
      found.append(ByteBuffer(string: "\(error.code)"))
    }
    return found
  }

  /// A tap without rules passes on every byte, in order, whatever they are and however they are cut.
  static func tap(_ bytes: Bytes) {
    guard let first = bytes.first else { return }
    let stream = Bytes(rebasing: bytes.dropFirst())
    let chunk = Int(first % 32) + 1
    let direction: TapDirection = first & 0x80 == 0 ? .toServer : .toClient
    let faults = FaultEngine()
    var flow = TapFlow(direction: direction, connection: 1, faults: faults, limits: limits)
    var session = TapStream(
      direction: direction, recorder: TapRecorder(maxBytes: 0), faults: faults, limits: limits)
    var sent = ByteBuffer()
    var commands: [TapFlow.Command] = []
    for start in stride(from: 0, to: stream.count, by: chunk) {
      commands += flow.receive(
        ByteBuffer(bytes: stream[start..<min(start + chunk, stream.count)]), into: &session, now: .uptimeNanoseconds(0))
    }
    for case .send(let part) in commands + flow.commands(session.flush()) { sent.writeImmutableBuffer(part) }
    demand(sent == ByteBuffer(bytes: stream), "the tap changed what passed")
  }

  /// A whole client connection behind the upgrade: handshake, frames, packets, events. It ends at most once, with a reason.
  static func connection(_ bytes: Bytes) {
    let loop = EmbeddedEventLoop()
    let channel = EmbeddedChannel(loop: loop)
    let joins = ["/", "/a"].map {
      ClientConnectionHandler.Join(namespace: $0, done: loop.makePromise(of: SocketIOSession.Membership.self))
    }
    let wishes = ClientConnectionHandler.Wishes(
      limits: limits, joins: joins, deliver: { _ = "\($0)" }, joined: { _, _ in }, left: { _, _ in })
    let handler = ClientConnectionHandler(
      wishes: wishes, on: loop, ended: loop.makePromise(of: SocketIOError.self), closed: loop.makePromise(of: Void.self)
    )
    defer {
      _ = try? channel.finish(acceptAlreadyClosed: true)
      loop.run()
    }
    guard (try? channel.pipeline.syncOperations.addHandler(handler)) != nil,
      (try? channel.connect(to: .init(unixDomainSocketPath: "/fuzz")).wait()) != nil
    else { return }
    for message in messages(bytes) {
      let opcode: UInt8 = message.isText ? 1 : 2
      let frame = WebSocketFrameScanner.frame(opcode: opcode, message.bytes, masked: false)
      _ = try? channel.writeInbound(frame)
    }
    loop.run()
  }

  /// An answer to the upgrade request, which is no upgrade: the key is random, so that no input can accept it.
  static func upgrade(_ bytes: Bytes) {
    let loop = EmbeddedEventLoop()
    let channel = EmbeddedChannel(loop: loop)
    let failures = NIOLoopBoundBox(0, eventLoop: loop)
    guard let endpoint = try? SocketIOEndpoint.parse("http://h"),
      let dialer = try? Dialer(endpoint: endpoint, tls: .system, proxy: nil, timeout: .seconds(1))
    else { preconditionFailure("a plain URL is refused") }
    let request = ClientRequest(
      dialer: dialer, transports: [.webSocket], extraHeaders: [], cookies: CookieJar(), limits: limits)
    guard
      (try? WebSocketConnector.addHandlers(
        to: channel, request, target: "/", upgraded: { _ in fatalError("an input passed for an upgrade") },
        failed: { _ in failures.value += 1 })) != nil,
      (try? channel.connect(to: .init(unixDomainSocketPath: "/fuzz")).wait()) != nil
    else { return }
    _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
    _ = try? channel.finish(acceptAlreadyClosed: true)
    loop.run()
    demand(failures.value == 1, "a failed upgrade was told \(failures.value) times")
  }
}
