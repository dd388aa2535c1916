import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One TCP connection through a tap, both ends of it on one event loop.
final class TapConnection {
  struct Environment: Sendable {
    var recorder: TapRecorder
    var faults: FaultEngine
    var limits: SocketIOLimits
    /// How long to try to reach the upstream.
    var connectTimeout: Duration
    var tls: SocketIOTLS
    var upstream: @Sendable () -> String?
  }

  enum Mode {
    case http
    /// An upgrade was asked for and not answered yet.
    case upgrading
    case webSocket
    /// Bytes that are not, or no longer, understood.
    case opaque
  }

  struct Exchange {
    var isUpgrade: Bool
    /// Of the polling transport: its bodies are payloads.
    var isPolling: Bool
    /// Fetches packets, rather than posting them.
    var isPoll: Bool
  }

  let id: Int
  let environment: Environment
  let eventLoop: any EventLoop
  var mode = Mode.http
  var client: TapRelayHandler?
  var server: TapRelayHandler?
  var responseObserver: TapResponseObserver?
  private var isConnecting = false
  private var isOver = false
  /// What the client sent before the upstream was there.
  private var early = ByteBuffer()

  var requestGate = HTTPHeadGate()
  var responseGate = HTTPHeadGate()
  var exchanges: [Exchange] = []
  var requestBody = ByteBuffer()
  var responseBody = ByteBuffer()
  var currentRequest: HTTPRequestHead?
  var currentResponseStatus: HTTPResponseStatus?
  /// Bytes that followed an upgrade request before its answer: forwarded already, to be read when the answer is yes.
  var afterUpgradeRequest = ByteBuffer()

  var toServer: TapFlow
  var toClient: TapFlow
  /// Decoders of polling payloads.
  var pollingToServer: TapDecoder
  var pollingToClient: TapDecoder
  private static let maxHeldBytes = 64_000_000

  init(id: Int, environment: Environment, eventLoop: any EventLoop) {
    self.id = id
    self.environment = environment
    self.eventLoop = eventLoop
    func flow(_ direction: TapDirection) -> TapFlow {
      TapFlow(
        direction: direction, connection: id, recorder: environment.recorder, faults: environment.faults,
        limits: environment.limits)
    }
    toServer = flow(.toServer)
    toClient = flow(.toClient)
    pollingToServer = TapDecoder(limits: environment.limits)
    pollingToClient = TapDecoder(limits: environment.limits)
  }

  // MARK: Bytes

  func received(_ bytes: ByteBuffer, _ direction: TapDirection) {
    if direction == .toServer, server == nil {
      early.writeImmutableBuffer(bytes)
      return connectUpstream()
    }
    switch mode {
    case .http, .upgrading: receivedHTTP(bytes, direction)
    case .webSocket: run(direction == .toServer ? toServer.receive(bytes) : toClient.receive(bytes), direction)
    case .opaque: forward(bytes, direction)
    }
  }

  func forward(_ bytes: ByteBuffer, _ direction: TapDirection) {
    guard bytes.readableBytes > 0 else { return }
    (direction == .toServer ? server : client)?.send(bytes)
  }

  func run(_ commands: [TapFlow.Command], _ direction: TapDirection) {
    for command in commands {
      switch command {
      case .send(let bytes): forward(bytes, direction)
      case .disconnect: return end()
      case .wakeAt(let time):
        eventLoop.assumeIsolated().scheduleTask(deadline: time) {
          guard !self.isOver else { return }
          self.run(direction == .toServer ? self.toServer.wake() : self.toClient.wake(), direction)
          self.relay(direction)?.resumeReading()
        }
      }
    }
  }

  /// The relay at which bytes of this direction arrive.
  private func relay(_ direction: TapDirection) -> TapRelayHandler? { direction == .toServer ? client : server }

  // MARK: Back-pressure

  /// Reads follow writes: nothing is read that the other side does not take.
  func mayRead(_ direction: TapDirection) -> Bool {
    switch direction {
    case .toServer:
      if server == nil { return early.readableBytes == 0 }
      return (server?.isWritable ?? false) && toServer.heldBytes < Self.maxHeldBytes
    case .toClient: return (client?.isWritable ?? false) && toClient.heldBytes < Self.maxHeldBytes
    }
  }

  /// The socket at which bytes of `direction` arrive takes bytes again, so the other side may be read.
  func becameWritable(_ direction: TapDirection) {
    (direction == .toServer ? server : client)?.resumeReading()
  }

  // MARK: Upstream

  private func connectUpstream() {
    guard !isConnecting else { return }
    isConnecting = true
    tryUpstream(until: .now() + TimeAmount(environment.connectTimeout), lastError: nil)
  }

  private func tryUpstream(until deadline: NIODeadline, lastError: String?) {
    guard !isOver else { return }
    guard NIODeadline.now() < deadline else { return refuse(lastError ?? "no upstream is set") }
    guard let url = environment.upstream() else { return retryUpstream(until: deadline, lastError: nil) }
    let endpoint: SocketIOEndpoint
    let tls: NIOSSLContext?
    do {
      endpoint = try SocketIOEndpoint.parse(url)
      tls = endpoint.isSecure ? try environment.tls.context() : nil
    } catch {
      return refuse(error.message)
    }
    let this = NIOLoopBound(self, eventLoop: eventLoop)
    ClientBootstrap(group: eventLoop)
      .connectTimeout(max(.milliseconds(100), deadline - .now()))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try this.value.addServerHandlers(channel, tls, endpoint) }
      }
      .connect(host: endpoint.host, port: endpoint.port)
      .whenComplete { result in
        switch result {
        case .success: this.value.upstreamConnected()
        case .failure(let error):
          this.value.retryUpstream(until: deadline, lastError: "\(endpoint.authority): \(error)")
        }
      }
  }

  private func retryUpstream(until deadline: NIODeadline, lastError: String?) {
    server = nil
    eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) {
      self.tryUpstream(until: deadline, lastError: lastError)
    }
  }

  private func addServerHandlers(_ channel: any Channel, _ tls: NIOSSLContext?, _ endpoint: SocketIOEndpoint) throws {
    if let tls {
      let name = endpoint.isAddress ? nil : endpoint.host
      try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
    }
    let relay = TapRelayHandler(.toClient, self)
    let observer = TapResponseObserver(self)
    try channel.pipeline.syncOperations.addHandlers(
      relay, ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)), observer)
    pendingServer = (relay, observer)
  }

  private var pendingServer: (TapRelayHandler, TapResponseObserver)?

  private func upstreamConnected() {
    guard let (relay, observer) = pendingServer else { return }
    guard !isOver else { return relay.close(.all) }
    (server, responseObserver) = (relay, observer)
    let bytes = early
    early = ByteBuffer()
    received(bytes, .toServer)
    client?.resumeReading()
    relay.resumeReading()
    if isClientDone { inputClosed(.toServer) }
  }

  private func refuse(_ why: String) {
    let text = "siotap: no upstream to forward to within \(environment.connectTimeout): \(why)\n"
    environment.recorder.anomaly(
      id, .toServer, "answered 502: no upstream within \(environment.connectTimeout)", evidence: [why])
    let head =
      "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n"
    client?.send(ByteBuffer(string: head + text))
    client?.close(.all)
  }

  // MARK: End

  private var isClientDone = false

  /// One side will send no more: what it sent is delivered, then the other side hears of it.
  func inputClosed(_ direction: TapDirection) {
    if direction == .toServer {
      isClientDone = true
      // Without an upstream yet the answer is still on its way.
      guard server != nil else { return isConnecting ? () : end() }
      run(toServer.flush(), .toServer)
      server?.close(.output)
    } else {
      run(toClient.flush(), .toClient)
      client?.close(.output)
    }
  }

  func closed(_ direction: TapDirection) {
    guard !isOver else { return }
    run(direction == .toServer ? toServer.flush() : toClient.flush(), direction)
    end()
  }

  /// A relay left its pipeline: the two no longer hold each other.
  func detached(_ direction: TapDirection) {
    if direction == .toServer {
      client = nil
    } else if isOver {
      (server, pendingServer, responseObserver) = (nil, nil, nil)
    }
  }

  func failed(_ direction: TapDirection, _ error: any Error) {
    // A reset is how many clients say goodbye; anything else is worth a line.
    if case .uncleanShutdown? = error as? NIOSSLError { return closed(direction) }
    if (error as? IOError)?.errnoCode != ECONNRESET {
      environment.recorder.anomaly(id, direction, "the connection failed", evidence: ["\(error)"])
    }
    end()
  }

  func end() {
    guard !isOver else { return }
    isOver = true
    client?.close(.all)
    server?.close(.all)
  }
}
