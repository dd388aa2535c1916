import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The listening sockets of a tap, and the connections that they accepted.
package final class TapListener: Sendable {
  private struct State {
    var listeners: [any Channel] = []
    var connections: [Int: any Channel] = [:]
    var sessions: NIOLoopBound<TapSessions>?
    var nextID = 1
    var isClosed = false
    var refused: [String] = []
  }

  // Connections come and go on several event loops.
  private let state = Mutex(State())

  package init() {}
  private static let attempts = 20
  /// Whoever scans the port must not fill the memory.
  private static let keptRefusals = 100

  /// Who was turned away, each address once.
  var refused: [String] { state.withLock { $0.refused } }

  /// Binds every address to one port; with port 0 another one is tried if an address has it in use.
  ///
  /// All connections are on one event loop: what several of them have in common, a session, needs no lock then, and is recorded in
  /// the order in which it came.
  package func listen(_ listen: TapListen, _ environment: TapConnection.Environment) async throws -> Int {
    guard !listen.hosts.isEmpty else { throw SocketIOError(.tapFailed, "a tap needs an address to listen on") }
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let sessions = try await loop.submit {
      NIOLoopBound(TapSessions(environment, loop, TapTCPDialer(environment, loop)), eventLoop: loop)
    }.get()
    state.withLock { $0.sessions = sessions }
    var lastError: SocketIOError?
    for _ in 0..<(listen.port == 0 ? Self.attempts : 1) {
      do {
        return try await bindAll(listen, sessions, loop)
      } catch let error as SocketIOError {
        lastError = error
        await closeChannels()
        state.withLock { $0.isClosed = false }
      }
    }
    throw lastError ?? SocketIOError(.tapFailed, "the tap cannot listen")
  }

  private func bindAll(
    _ listen: TapListen, _ sessions: NIOLoopBound<TapSessions>, _ loop: any EventLoop
  ) async throws -> Int {
    var port = listen.port
    for host in listen.hosts {
      do {
        let channel = try await bootstrap(listen, sessions, loop).bind(host: host, port: port).get()
        state.withLock { $0.listeners.append(channel) }
        port = channel.localAddress?.port ?? port
      } catch {
        throw SocketIOError(
          .tapFailed, "the tap cannot listen on \(host) port \(port)", evidence: ["\(error)"],
          next: listen.port == 0
            ? "does this host have the address \(host)?" : "port \(port) may be taken: choose another, or 0",
          underlying: error)
      }
    }
    return port
  }

  private func bootstrap(
    _ listen: TapListen, _ sessions: NIOLoopBound<TapSessions>, _ loop: any EventLoop
  ) -> ServerBootstrap {
    ServerBootstrap(group: loop)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(.recvAllocator, value: TapFlow.reads)
      .childChannelOption(.writeBufferWaterMark, value: TapFlow.waterMark)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          // Before a byte of it is read; the bootstrap closes a connection whose initializer fails.
          guard listen.takes(channel.remoteAddress?.ipAddress) else {
            self.refuse(channel.remoteAddress?.ipAddress ?? "an unknown address")
            throw SocketIOError(.tapFailed, "a connection of somebody who is not expected")
          }
          try TapConnection(id: self.register(channel), sessions: sessions.value).addClientHandlers(channel)
        }
      }
  }

  private func refuse(_ peer: String) {
    state.withLock { state in
      guard !state.refused.contains(peer), state.refused.count < Self.keptRefusals else { return }
      state.refused.append(peer)
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

  /// Closes the listening sockets and every connection, waits until they are closed, and has it noted what was held back.
  package func close() async {
    await closeChannels()
    guard let sessions = state.withLock({ $0.sessions }) else { return }
    // The event loop is the process's own and outlives every tap.
    try? await sessions.eventLoop.submit { sessions.value.close() }.get()
  }

  private func closeChannels() async {
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
