import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Opens connections to one endpoint: TCP, through a proxy's tunnel if there is one, TLS if the URL wants it.
package final class Dialer: Sendable {
  let endpoint: SocketIOEndpoint
  let proxy: ProxyAddress?
  let timeout: TimeAmount
  private let tls: NIOSSLContext?

  package init(
    endpoint: SocketIOEndpoint, tls: SocketIOTLS, proxy: ProxyAddress?, timeout: TimeAmount
  ) throws(SocketIOError) {
    self.endpoint = endpoint
    self.proxy = proxy
    self.timeout = timeout
    self.tls = endpoint.isSecure ? try tls.context() : nil
  }

  static let reads = AdaptiveRecvByteBufferAllocator(minimum: 1 << 10, initial: 1 << 10, maximum: 256 << 10)

  /// Connects; `addHandlers` runs on the event loop with what is above TLS still to be added.
  func dial(
    on eventLoop: any EventLoop, addHandlers: @escaping @Sendable (any Channel) throws -> Void
  ) -> EventLoopFuture<any Channel> {
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(timeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      // Frames are copied out, so one buffer serves all reads and stays in the cache. It grows only where much is received.
      .channelOption(.maxMessagesPerRead, value: 4)
      .channelOption(.recvAllocator, value: Self.reads)
    guard let proxy else {
      return bootstrap.channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try self.addAll(to: channel, addHandlers) }
      }
      .dial(endpoint.host, endpoint.port).flatMapErrorThrowing { throw self.cannotConnect($0) }
    }
    let opened = eventLoop.makePromise(of: Void.self)
    let dial = bootstrap.channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandlers(
          HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes)),
          ProxyTunnelHandler(proxy, self.endpoint, self.timeout, opened))
      }
    }
    .dial(proxy.host, proxy.port)
    dial.whenFailure { opened.fail(self.cannotConnect($0)) }
    return opened.futureResult.and(dial).flatMap { _, channel in
      self.removeTunnelHandlers(of: channel).flatMapThrowing {
        try self.addAll(to: channel, addHandlers)
        return channel
      }
    }
  }

  private func removeTunnelHandlers(of channel: any Channel) -> EventLoopFuture<Void> {
    let pipeline = channel.pipeline.syncOperations
    do {
      let all = [
        pipeline.removeHandler(context: try pipeline.context(handlerType: ProxyTunnelHandler.self)),
        pipeline.removeHandler(
          context: try pipeline.context(handlerType: ByteToMessageHandler<HTTPResponseDecoder>.self)),
        pipeline.removeHandler(context: try pipeline.context(handlerType: HTTPRequestEncoder.self)),
      ]
      return .andAllSucceed(all, on: channel.eventLoop)
    } catch {
      return channel.eventLoop.makeFailedFuture(error)
    }
  }

  private func addAll(to channel: any Channel, _ addHandlers: (any Channel) throws -> Void) throws {
    if let tls {
      // A certificate names an address as such, not as a host name.
      let name = endpoint.isAddress ? nil : endpoint.host
      try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
    }
    try addHandlers(channel)
  }

  private func cannotConnect(_ error: any Error) -> SocketIOError {
    if let proxy {
      return SocketIOError(
        .proxyFailed, "cannot connect to the proxy \(proxy.host) port \(proxy.port)", evidence: ["\(error)"],
        next: "is it running? proxy: .none goes without", underlying: error)
    }
    return SocketIOError(
      .cannotConnect, "cannot connect to \(endpoint.host) port \(endpoint.port)", evidence: ["\(error)"],
      next: "is the server running and listening on that address?", underlying: error)
  }
}

extension ClientBootstrap {
  /// Connects to a name or an address. An address is not looked up, which NIO does on a thread of its own.
  fileprivate func dial(_ host: String, _ port: Int) -> EventLoopFuture<any Channel> {
    guard let address = try? SocketAddress(ipAddress: host, port: port) else { return connect(host: host, port: port) }
    return connect(to: address)
  }
}

/// Asks a proxy for a tunnel. Source: RFC 9110 §9.3.6.
private final class ProxyTunnelHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let proxy: ProxyAddress
  private let target: String
  private let timeout: TimeAmount
  private let opened: EventLoopPromise<Void>
  private var status: HTTPResponseStatus?
  private var deadline: Scheduled<Void>?
  private var isDone = false

  init(
    _ proxy: ProxyAddress, _ endpoint: SocketIOEndpoint, _ timeout: TimeAmount, _ opened: EventLoopPromise<Void>
  ) {
    self.proxy = proxy
    self.timeout = timeout
    self.opened = opened
    target = "\(endpoint.host.contains(":") ? "[\(endpoint.host)]" : endpoint.host):\(endpoint.port)"
  }

  func channelActive(context: ChannelHandlerContext) {
    var headers = HTTPHeaders([("Host", target)])
    if let authorization = proxy.authorization { headers.add(name: "Proxy-Authorization", value: authorization) }
    let head = HTTPRequestHead(version: .http1_1, method: .CONNECT, uri: target, headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
      self.fail(context, "did not answer within \(Double(self.timeout.nanoseconds) / 1e9) s")
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDone else { return }
    switch unwrapInboundIn(data) {
    case .head(let head): status = head.status
    // NIO's decoder takes whatever follows an answer to CONNECT for the tunnel's.
    case .body: break
    case .end:
      guard let status, (200..<300).contains(status.code) else { return failWithAnswer(context) }
      isDone = true
      deadline?.cancel()
      opened.succeed()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(context, "does not answer like a proxy", evidence: ["\(error)"], underlying: error)
  }

  func channelInactive(context: ChannelHandlerContext) { failWithAnswer(context) }

  private func failWithAnswer(_ context: ChannelHandlerContext) {
    guard let status else { return fail(context, "closed the connection without an answer") }
    fail(
      context, "answered HTTP \(status.code) \(status.reasonPhrase)", status: Int(status.code))
  }

  private func fail(
    _ context: ChannelHandlerContext, _ what: String, evidence: [String] = [], status: Int? = nil,
    underlying: (any Error)? = nil
  ) {
    guard !isDone else { return }
    isDone = true
    deadline?.cancel()
    var error = SocketIOError(
      .proxyFailed, "the proxy \(proxy.host) port \(proxy.port) \(what)", evidence: ["CONNECT \(target)"] + evidence,
      next: "does it allow tunnels to that port? proxy: .none or no_proxy goes without", underlying: underlying)
    error.httpStatus = status
    opened.fail(error)
    context.close(promise: nil)
  }
}
