import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// How a tap reaches its upstream; a test may have it otherwise.
package protocol TapDialer: AnyObject {
  /// Connects, trying again until the deadline: an upstream may start after its client. `add` puts handlers in the pipeline; `done`
  /// gets the upstream's authority, or why there is none. Nothing more is tried once nobody `isWanted`.
  func connect(
    until deadline: NIODeadline, isWanted: @escaping () -> Bool, add: @escaping (any Channel) throws -> Void,
    done: @escaping (Result<String, SocketIOError>) -> Void)

  /// Sends a request of the tap's own on a connection of its own; `done` gets nil, or why it was not taken.
  func post(_ request: ByteBuffer, done: @escaping (String?) -> Void)
}

/// Connects over TCP, and TLS if the URL asks for it.
final class TapTCPDialer: TapDialer {
  private let environment: TapConnection.Environment
  private let eventLoop: any EventLoop
  private static let pause = TimeAmount.milliseconds(50)

  init(_ environment: TapConnection.Environment, _ eventLoop: any EventLoop) {
    self.environment = environment
    self.eventLoop = eventLoop
  }

  func connect(
    until deadline: NIODeadline, isWanted: @escaping () -> Bool, add: @escaping (any Channel) throws -> Void,
    done: @escaping (Result<String, SocketIOError>) -> Void
  ) {
    attempt(Attempt(deadline: deadline, isWanted: isWanted, add: add, done: done))
  }

  private struct Attempt {
    var deadline: NIODeadline
    var isWanted: () -> Bool
    var add: (any Channel) throws -> Void
    var done: (Result<String, SocketIOError>) -> Void
    var lastError: String?
  }

  private func attempt(_ attempt: Attempt) {
    guard attempt.isWanted() else { return }
    guard eventLoop.now < attempt.deadline else {
      return attempt.done(.failure(SocketIOError(.tapFailed, attempt.lastError ?? "no upstream is set")))
    }
    guard let url = environment.upstream() else { return again(attempt, nil) }
    let endpoint: SocketIOEndpoint
    let tls: NIOSSLContext?
    do throws(SocketIOError) {
      endpoint = try SocketIOEndpoint.parse(url)
      tls = endpoint.isSecure ? try environment.tls.context() : nil
    } catch {
      return attempt.done(.failure(error))
    }
    let bound = NIOLoopBound((self, attempt), eventLoop: eventLoop)
    ClientBootstrap(group: eventLoop)
      .connectTimeout(max(.milliseconds(100), attempt.deadline - eventLoop.now))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelOption(.recvAllocator, value: TapFlow.reads)
      .channelOption(.writeBufferWaterMark, value: TapFlow.waterMark)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            let name = endpoint.isAddress ? nil : endpoint.host
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
          }
          try bound.value.1.add(channel)
        }
      }
      .connect(host: endpoint.host, port: endpoint.port)
      .whenComplete { result in
        let (dialer, attempt) = bound.value
        switch result {
        case .success: attempt.done(.success(endpoint.authority))
        case .failure(let error): dialer.again(attempt, "\(endpoint.authority): \(error)")
        }
      }
  }

  private func again(_ attempt: Attempt, _ lastError: String?) {
    var next = attempt
    next.lastError = lastError
    eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.attempt(next) }
  }

  func post(_ request: ByteBuffer, done: @escaping (String?) -> Void) {
    let handler = TapPostHandler(request, done)
    connect(
      until: eventLoop.now + TimeAmount(environment.connectTimeout), isWanted: { true },
      add: { channel in
        try channel.pipeline.syncOperations.addHandlers(
          handler, ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)), handler.reader)
      },
      done: { result in if case .failure(let error) = result { handler.finish(error.message) } })
  }
}

/// Sends one request and waits for the head of its answer.
final class TapPostHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = Any
  typealias OutboundOut = ByteBuffer

  private let request: ByteBuffer
  private var done: ((String?) -> Void)?
  private(set) lazy var reader = Reader(self)
  /// A server that does not answer must not hold back what follows.
  private static let patience = TimeAmount.seconds(30)
  private var timer: Scheduled<Void>?

  init(_ request: ByteBuffer, _ done: @escaping (String?) -> Void) {
    self.request = request
    self.done = done
  }

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: Self.patience) {
      bound.value.0.finish("no answer within \(Self.patience.nanoseconds / 1_000_000_000) s")
      bound.value.1.close(promise: nil)
    }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    context.fireChannelInactive()
    finish("the connection ended without an answer")
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    finish("\(error)")
    context.close(promise: nil)
  }

  func finish(_ problem: String?) {
    let done = done
    self.done = nil
    timer?.cancel()
    done?(problem)
  }

  final class Reader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    private unowned let handler: TapPostHandler
    init(_ handler: TapPostHandler) { self.handler = handler }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head) where head.status != .ok: handler.finish("the server answered \(head.status.code)")
      case .end:
        handler.finish(nil)
        context.close(promise: nil)
      default: break
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      handler.finish("\(error)")
      context.close(promise: nil)
    }
  }
}
