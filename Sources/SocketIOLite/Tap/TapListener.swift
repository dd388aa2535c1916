import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The listening sockets of a tap, and the connections that they accepted.
final class TapListener: Sendable {
  private struct State {
    var listeners: [any Channel] = []
    var connections: [Int: any Channel] = [:]
    var nextID = 1
    var isClosed = false
  }

  // Connections come and go on several event loops.
  private let state = Mutex(State())
  private static let attempts = 20

  /// Binds every address to one port; with port 0 another one is tried if an address has it in use.
  func listen(_ listen: TapListen, _ environment: TapConnection.Environment) async throws -> Int {
    guard !listen.hosts.isEmpty else { throw SocketIOError(.tapFailed, "a tap needs an address to listen on") }
    var lastError: SocketIOError?
    for _ in 0..<(listen.port == 0 ? Self.attempts : 1) {
      do {
        return try await bindAll(listen, environment)
      } catch let error as SocketIOError {
        lastError = error
        await close()
        state.withLock { $0.isClosed = false }
      }
    }
    throw lastError ?? SocketIOError(.tapFailed, "the tap cannot listen")
  }

  private func bindAll(_ listen: TapListen, _ environment: TapConnection.Environment) async throws -> Int {
    var port = listen.port
    for host in listen.hosts {
      do {
        let channel = try await bootstrap(environment).bind(host: host, port: port).get()
        state.withLock { $0.listeners.append(channel) }
        port = channel.localAddress?.port ?? port
      } catch {
        throw SocketIOError(
          .tapFailed, "the tap cannot listen on \(host) port \(port)", evidence: ["\(error)"],
          next: listen.port == 0
            ? "does this host have the address \(host)?" : "port \(port) may be taken: choose another, or 0")
      }
    }
    return port
  }

  private func bootstrap(_ environment: TapConnection.Environment) -> ServerBootstrap {
    ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let connection = TapConnection(
            id: self.register(channel), environment: environment, eventLoop: channel.eventLoop)
          let relay = TapRelayHandler(.toServer, connection)
          connection.client = relay
          try channel.pipeline.syncOperations.addHandlers(
            relay, ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)),
            TapRequestObserver(connection))
        }
      }
  }

  private func register(_ channel: any Channel) -> Int {
    let (id, isClosed) = state.withLock { state in
      defer { state.nextID += 1 }
      state.connections[state.nextID] = channel
      return (state.nextID, state.isClosed)
    }
    channel.closeFuture.whenComplete { _ in self.state.withLock { $0.connections[id] = nil } }
    if isClosed { channel.close(promise: nil) }
    return id
  }

  /// Closes the listening sockets and every connection, and waits until they are closed.
  func close() async {
    let channels = state.withLock { state in
      defer { state.listeners = [] }
      state.isClosed = true
      return state.listeners + state.connections.values
    }
    for channel in channels { channel.close(promise: nil) }
    // A close future does not fail; closing a socket takes no time that depends on the peer.
    for channel in channels { try? await channel.closeFuture.get() }
  }
}
