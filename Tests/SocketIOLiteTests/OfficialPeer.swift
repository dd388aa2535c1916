import Foundation
import SocketIOLite
import Testing

/// The server of the official JavaScript client's own tests: the real one if SOCKETIO_OFFICIAL_URL says where it is, else one in
/// Python that does the same. docs/socketio-client-cases.md says which of the official cases is which test here.
struct OfficialPeerTrait: SuiteTrait, TestScoping {
  static let external = ProcessInfo.processInfo.environment["SOCKETIO_OFFICIAL_URL"].flatMap { URL(string: $0)?.port }

  func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void)
    async throws
  {
    guard let port = Self.external else {
      return try await PeerTrait(script: "official.py", arguments: [])
        .provideScope(for: test, testCase: testCase, performing: function)
    }
    try await Peer.$port.withValue(port) { try await function() }
  }
}

extension Trait where Self == OfficialPeerTrait {
  static var officialPeer: Self { Self() }
}

enum Official {
  static let ways: [[SocketIOTransport]] = [[.webSocket], [.polling], [.polling, .webSocket]]
  static let wait: Duration = .seconds(60)
  /// The official server has to be told to answer the event `reason`, with why the connection with a `key` in its query ended.
  static let tellsReasons = ProcessInfo.processInfo.environment["SOCKETIO_OFFICIAL_REASONS"] != nil
  static let quick = SocketIOConfiguration.Reconnection(delay: .milliseconds(10), maxDelay: .milliseconds(100))

  /// A client of the peer, of an address where nobody listens, or of another port.
  static func client(
    _ transports: [SocketIOTransport], _ path: String = "", isNobody: Bool = false, port: Int? = nil,
    _ change: (inout SocketIOConfiguration) -> Void = { _ in }
  ) -> SocketIOClient {
    var configuration = SocketIOConfiguration.patient(reconnection: quick, transports: transports)
    change(&configuration)
    // Port 1 is tcpmux, which nothing serves.
    let url = (isNobody ? 1 : port).map { "http://127.0.0.1:\($0)" } ?? Peer.url
    return SocketIOClient(url: url + path, configuration: configuration)
  }

  /// Ends the connection as a line that breaks does.
  static func breakLine(of namespace: SocketIONamespace) async throws {
    let session = try #require(try namespace.link.connection()).session
    try await session.eventLoop.submit {
      session.handler.value.fail(
        SocketIOError(.disconnected, "the test broke the line", reason: .transportClose))
    }.get()
  }

  /// Which connection a namespace is on, and the session's own id there.
  static func connection(of namespace: SocketIONamespace) async throws -> (ObjectIdentifier, sid: String?) {
    let session = try #require(try namespace.link.connection()).session
    return try await session.eventLoop.submit {
      (ObjectIdentifier(session.handler.value), session.handler.value.engine.handshake?.sid)
    }.get()
  }

  /// The attempts that a client makes until it is connected or gives up.
  static func attempts(_ states: AsyncStream<SocketIOState>) async -> [Int] {
    var attempts: [Int] = []
    var hasBegun = false
    for await state in states {
      switch state {
      case .reconnecting(let attempt, _): attempts.append(attempt)
      case .connecting: hasBegun = true
      case .connected: return attempts
      case .disconnected: if hasBegun { return attempts }
      }
    }
    return attempts
  }

  /// The attempts that follow a loss, until the client is connected again; `states` began while it was connected.
  static func attemptsAfterLoss(_ states: AsyncStream<SocketIOState>) async -> [Int] {
    var attempts: [Int] = []
    for await state in states {
      if case .reconnecting(let attempt, _) = state { attempts.append(attempt) }
      if case .connected = state, !attempts.isEmpty { break }
    }
    return attempts
  }
}
