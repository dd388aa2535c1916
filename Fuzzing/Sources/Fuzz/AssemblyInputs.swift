import Driver
import NIOCore
import NIOEmbedded

@testable import SocketIOLite

/// The assembly of a session's events, without HTTP and without channels, which are most of what an input of `sessions` costs.
extension Inputs {
  /// An input's first byte says which rule there is and how frames are cut; then come steps, between 0x1D, with a letter each:
  ///
  ///     g, p    a polling body to the client, to the server       s, b    a WebSocket message to the client, text or binary
  ///     r       the rules come or go                              c, d    one to the server
  ///     t       time passes                                       S, C    bytes that may be no frames
  ///
  /// What is recorded must not depend on whether bytes pass at once or are held until their event is whole, nor on how they are cut;
  /// without a rule that matches every byte leaves; with one nothing stays behind once all is flushed.
  static func assembly(_ bytes: Bytes) {
    guard let first = bytes.first else { return }
    let steps = bytes.dropFirst().split(separator: 0x1D).prefix(16)
    let passing = Assembly(rule: nil, chunk: .max)
    let holding = Assembly(rule: .init("idle", .drop, event: "\u{1D}"), chunk: Int(first >> 3) + 1)
    let acting = first & 7 == 0 ? nil : Assembly(rule: rules[Int(first & 7) - 1], chunk: Int(first >> 3) + 1)
    for step in steps {
      guard let letter = step.first else { continue }
      let body = ByteBuffer(bytes: step.dropFirst())
      passing.run(letter, body)
      holding.run(letter, body)
      acting?.run(letter, body)
    }
    for assembly in [passing, holding, acting] { assembly?.end() }
    demand(passing.records == holding.records, "what is recorded depends on how it passes")
    for direction in [TapDirection.toServer, .toClient] {
      let counts = (passing.count(direction), holding.count(direction))
      demand(counts.0.got == counts.0.sent, "not every byte passed")
      // What was held while the session polled leaves in other bytes by WebSocket.
      demand(counts.1.got == counts.1.sent || holding.isMixed, "not every byte that was held left")
    }
  }

  private static let rules: [FaultRule] = [
    .init("drop", .drop, event: "a"), .init("late", .delay(.seconds(1)), event: "b"),
    .init("overtaken", .delay(.seconds(2), keepingOrder: false), event: "c"), .init("twice", .duplicate, event: "d"),
    .init("swap", .reorder(atMost: .seconds(3)), event: "e"),
    .init("other", .replace { .init(payload: Array($0.payload.reversed()), attachments: [[1]]) }, event: "f"),
    .init("cut", .disconnect, event: "g"),
  ]
}

private final class Assembly {
  private final class Dialer: TapDialer {
    func connect(
      until deadline: NIODeadline, isWanted: @escaping () -> Bool, add: @escaping (any Channel) throws -> Void,
      done: @escaping (Result<String, SocketIOError>) -> Void
    ) {}
    func post(_ request: ByteBuffer, done: @escaping (String?) -> Void) {}
  }

  /// Bytes, as a count and a sum: their order may differ, because what is no event does not wait behind one.
  struct Count: Equatable {
    var bytes = 0
    var sum = 0

    mutating func add(_ buffer: ByteBuffer) {
      bytes += buffer.readableBytes
      buffer.withUnsafeReadableBytes { for byte in $0 { sum &+= Int(byte) } }
    }
  }

  struct Record: Equatable {
    var direction: TapDirection
    var kind: TapRecord.Kind
    var event: String
    var array: ByteBuffer
    var attachments: [ByteBuffer]
  }

  private let loop = EmbeddedEventLoop()
  private let faults = FaultEngine()
  private let recorder = TapRecorder(maxBytes: 100_000)
  private let rule: FaultRule?
  private let chunk: Int
  private let tap: TapSessions
  private let session: TapSession
  private var toServer: TapFlow
  private var toClient: TapFlow
  private var sent = (server: Count(), client: Count())
  private var got = (server: Count(), client: Count())
  private var ways: Set<String> = []

  init(rule: FaultRule?, chunk: Int) {
    self.rule = rule
    self.chunk = chunk
    faults.set(rule.map { [$0] } ?? [])
    let faults = faults
    tap = TapSessions(
      .init(
        recorder: recorder, faults: faults, limits: Inputs.limits, connectTimeout: .seconds(1), tls: .system,
        upstream: { nil }), loop, Dialer())
    session = TapSession(tap, sid: "s")
    func flow(_ direction: TapDirection) -> TapFlow {
      TapFlow(direction: direction, connection: 1, faults: faults, limits: Inputs.limits)
    }
    (toServer, toClient) = (flow(.toServer), flow(.toClient))
  }

  var isMixed: Bool { ways.count > 1 }

  func count(_ direction: TapDirection) -> (sent: Count, got: Count) {
    direction == .toServer ? (sent.server, got.server) : (sent.client, got.client)
  }

  var records: [Record] {
    recorder.records.map {
      Record(
        direction: $0.direction, kind: $0.kind, event: "\($0.event.namespace) \($0.event.ackID ?? -1) \($0.event.name)",
        array: $0.event.array, attachments: $0.event.attachmentBuffers)
    }
  }

  func run(_ letter: UInt8, _ body: ByteBuffer) {
    switch letter {
    case UInt8(ascii: "g"): poll(body, .toClient)
    case UInt8(ascii: "p"): poll(body, .toServer)
    case UInt8(ascii: "s"): frame(1, body, .toClient)
    case UInt8(ascii: "b"): frame(2, body, .toClient)
    case UInt8(ascii: "S"): stream(body, .toClient)
    case UInt8(ascii: "c"): frame(1, body, .toServer)
    case UInt8(ascii: "d"): frame(2, body, .toServer)
    case UInt8(ascii: "C"): stream(body, .toServer)
    case UInt8(ascii: "t"): loop.advanceTime(by: .milliseconds(500))
    case UInt8(ascii: "r"):
      guard let rule else { break }
      faults.set(faults.isActive ? [] : [rule])
    default: break
    }
    demand(session.toServer.heldBytes >= 0 && session.toClient.heldBytes >= 0)
  }

  private func note(_ bytes: ByteBuffer, _ direction: TapDirection, in count: inout (server: Count, client: Count)) {
    if direction == .toServer { count.server.add(bytes) } else { count.client.add(bytes) }
  }

  private func poll(_ body: ByteBuffer, _ direction: TapDirection) {
    ways.insert("polling")
    for packet in TapPayload.split(body) { note(packet, direction, in: &sent) }
    // As `mustHold` decides.
    let isHolding = direction == .toServer ? session.toServer.isHolding : session.toClient.isHolding
    let isSent = !faults.isActive && !isHolding
    let packets = session.read(body, direction, on: nil, isSent: isSent)
    for packet in isSent ? TapPayload.split(body) : packets { note(packet, direction, in: &got) }
  }

  private func frame(_ opcode: UInt8, _ body: ByteBuffer, _ direction: TapDirection) {
    stream(WebSocketFrameScanner.frame(opcode: opcode, body, masked: false), direction)
  }

  private func stream(_ bytes: ByteBuffer, _ direction: TapDirection) {
    ways.insert("socket")
    note(bytes, direction, in: &sent)
    var rest = bytes
    while rest.readableBytes > 0, let part = rest.readSlice(length: min(chunk, rest.readableBytes)) {
      run(
        direction == .toServer
          ? toServer.receive(part, into: &session.toServer, now: loop.now)
          : toClient.receive(part, into: &session.toClient, now: loop.now), direction)
    }
  }

  private func run(_ commands: [TapFlow.Command], _ direction: TapDirection) {
    for command in commands {
      switch command {
      case .send(let bytes): note(bytes, direction, in: &got)
      case .step(let step): session.wants(step, direction, on: nil)
      }
    }
  }

  func end() {
    loop.advanceTime(by: .seconds(60))
    let left = (
      session.toServer.flush() + session.toServer.giveUpEvent(),
      session.toClient.flush() + session.toClient.giveUpEvent()
    )
    // What came by polling leaves as it came.
    for case .send(.packet(let bytes)) in left.0 { note(bytes, .toServer, in: &got) }
    for case .send(.packet(let bytes)) in left.1 { note(bytes, .toClient, in: &got) }
    run(toServer.commands(left.0.filter { !$0.isPacket }), .toServer)
    run(toClient.commands(left.1.filter { !$0.isPacket }), .toClient)
    run(toServer.end(of: &session.toServer), .toServer)
    run(toClient.end(of: &session.toClient), .toClient)
    demand(session.toServer.heldCount == 0 && session.toServer.heldBytes == 0, "something stays held")
    demand(session.toClient.heldCount == 0 && session.toClient.heldBytes == 0, "something stays held")
    tap.close()
  }
}

extension TapStream.Step {
  fileprivate var isPacket: Bool { if case .send(.packet) = self { true } else { false } }
}
