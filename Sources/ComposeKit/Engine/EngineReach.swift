import NIOCore
import NIOPosix

/// Whether an engine on another machine can connect to this one.
package enum EngineReach: Sendable, Hashable {
  /// It has, from this address.
  case connected(from: String)
  /// It could not; what it says of that.
  case failed(String)
  /// That was not to be found out, as with an engine that goes through a proxy.
  case unknown(String)

  /// What a failed import of an address says (pure).
  package init(said: String, runner: String) {
    let words = said.trimmed.outputLines.last ?? ""
    // "dial tcp 10.0.0.1:4021: connect: no route to host"; IPv6 has brackets.
    let couldNot = said.holds("dial tcp \(runner):") || said.holds("dial tcp [\(runner)]:")
    self = couldNot ? .failed(words) : .unknown(words)
  }
}

extension ComposeEngine {
  /// Has the engine connect to this machine, which its containers are going to.
  ///
  /// `docker import URL` is fetched by the engine, not by the program that asks it to: it needs no image and no container. It gets a 404,
  /// so that nothing is imported. The name that it asks for is known to nobody else, so that who comes is the engine.
  ///
  /// - Parameter runner: an address of this machine.
  /// - Throws: ``ComposeError`` if this machine cannot listen there, or the engine does not answer; `CancellationError`.
  package func reach(_ runner: String) async throws -> EngineReach {
    guard access.family == .docker else { return .unknown("only docker's engine fetches what it imports") }
    let token = "composekit-" + String(UInt64.random(in: 0 ..< .max), radix: 36)
    let (peers, input) = AsyncStream<String>.makeStream()
    let listener: any Channel
    do {
      listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(Doorkeeper(token: token) { input.yield($0) })
          }
        }
        .bind(host: runner, port: 0).get()
    } catch {
      throw ComposeError(
        .commandFailed, "this machine cannot listen on its own address \(runner): \(error)", underlying: error)
    }
    let said: String
    do {
      let port = listener.localAddress?.port ?? 0
      let host = runner.contains(":") ? "[\(runner)]" : runner
      let command = access.command(["import", "http://\(host):\(port)/\(token)"], deadline: .seconds(15))
      said = try await command.run().standardError
    } catch let error as ComposeError where error.code == .timedOut {
      said = "dial tcp \(runner): the engine has not connected within 15 s"
    } catch {
      try? await listener.close()
      throw error
    }
    try? await listener.close()
    input.finish()
    for await peer in peers { return .connected(from: peer) }
    return EngineReach(said: said, runner: runner)
  }
}

/// Answers whoever connects with 404, and tells of those that ask for the token.
private final class Doorkeeper: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let token: String
  private let tell: (String) -> Void
  private var heard = ""
  /// More than any request for a file has.
  private static let limit = 16_384

  init(token: String, tell: @escaping (String) -> Void) {
    (self.token, self.tell) = (token, tell)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    heard += String(buffer: unwrapInboundIn(data))
    guard heard.holds("\r\n\r\n") || heard.utf8.count > Self.limit else { return }
    if heard.hasPrefix("GET /\(token) "), let peer = context.remoteAddress?.ipAddress { tell(peer) }
    let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(string: answer)), promise: nil)
    context.close(promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
