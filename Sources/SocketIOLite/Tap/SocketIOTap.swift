import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where a tap listens: the same port on every address.
public struct TapListen: Sendable, Hashable {
  /// The addresses, at least one.
  public var hosts: [String]
  /// 0 lets the system choose one that is free on all addresses.
  public var port: Int
  /// Whose connections are taken, by their addresses; nil: everybody's.
  public var peers: Set<String>?

  /// Listens on these addresses and no others.
  public init(hosts: [String], port: Int = 0, peers: Set<String>? = nil) {
    self.hosts = hosts
    self.port = port
    self.peers = peers
  }

  /// Whether a connection from this address is taken.
  func takes(_ peer: String?) -> Bool {
    guard let peers else { return true }
    return peer.map(peers.contains) ?? false
  }

  /// 127.0.0.1 only.
  public static let loopback = TapListen(hosts: ["127.0.0.1"])

  /// 127.0.0.1 and further addresses, such as the container engine's bridge gateway.
  public static func loopback(and hosts: [String], port: Int = 0) -> TapListen {
    var all = ["127.0.0.1"]
    for host in hosts where !all.contains(host) { all.append(host) }
    return TapListen(hosts: all, port: port)
  }
}

/// How a tap treats what passes.
public struct TapOptions: Sendable, Hashable {
  /// What is longer is forwarded unread.
  public var limits: SocketIOLimits
  /// How long a client waits for the upstream before it is answered 502.
  public var connectTimeout: Duration
  /// Events beyond this are forwarded and not kept, which `anomalies` says; 0 keeps none, for who only reads the queues.
  public var maxRecordedBytes: Int
  /// So much of the recording is in memory, in bytes; what is older is in a file that is gone with the process, however it ends.
  public var maxMemoryBytes: Int
  /// Where that file is made; nil for the system's folder of temporary files.
  public var spillFolder: String?
  /// Whether requests name the upstream in their Host header, which some servers and proxies insist on, instead of what the client wrote.
  public var rewritesHost: Bool
  /// Whom to believe if the upstream is https. The tap itself is always http.
  public var upstreamTLS: SocketIOTLS

  /// The options; a gigabyte is recorded, a quarter of it in memory, and five seconds are waited unless others are given.
  public init(
    limits: SocketIOLimits = .init(), connectTimeout: Duration = .seconds(5), maxRecordedBytes: Int = 1_000_000_000,
    upstreamTLS: SocketIOTLS = .system, maxMemoryBytes: Int = 256_000_000, spillFolder: String? = nil,
    rewritesHost: Bool = false
  ) {
    self.upstreamTLS = upstreamTLS
    self.limits = limits
    self.connectTimeout = connectTimeout
    self.maxRecordedBytes = maxRecordedBytes
    self.maxMemoryBytes = maxMemoryBytes
    self.spillFolder = spillFolder
    self.rewritesHost = rewritesHost
  }
}

/// A transparent Socket.IO proxy: forwards HTTP and WebSocket byte for byte, records what passes, and injects faults.
///
/// Not byte for byte are the offers of compression (`Sec-WebSocket-Extensions`, and `Accept-Encoding` of polling requests), which are
/// taken out of requests because a server that accepted them would make the content unreadable; the Host header, if that is asked for
/// (``TapOptions/rewritesHost``); and what rules touch.
public final class SocketIOTap: Sendable {
  /// The port it listens on, the same on all addresses.
  public let port: Int
  /// The addresses it listens on.
  public let hosts: [String]

  private let recorder: TapRecorder
  private let faults: FaultEngine
  private let upstream: TapUpstream
  private let listener: TapListener

  private init(
    port: Int, hosts: [String], recorder: TapRecorder, faults: FaultEngine, upstream: TapUpstream, listener: TapListener
  ) {
    self.listener = listener
    self.port = port
    self.hosts = hosts
    self.recorder = recorder
    self.faults = faults
    self.upstream = upstream
  }

  /// Listens, runs `body`, closes all connections, however `body` ends.
  ///
  /// `upstream` may be nil, or not be listening yet: it is connected to for each client connection, and `setUpstream` names it
  /// later. Throws `SocketIOError` if the URL is none or an address cannot be listened on.
  public static func withTap<R>(
    upstream: String?, listen: TapListen = .loopback, rules: [FaultRule] = [], options: TapOptions = .init(),
    isolation: isolated (any Actor)? = #isolation, _ body: (SocketIOTap) async throws -> R
  ) async throws -> R {
    if let upstream { _ = try SocketIOEndpoint.parse(upstream) }
    let recorder = TapRecorder(
      maxBytes: options.maxRecordedBytes, maxMemoryBytes: options.maxMemoryBytes, spillFolder: options.spillFolder)
    let faults = FaultEngine()
    faults.set(rules)
    let listener = TapListener()
    let target = TapUpstream(upstream)
    let environment = TapConnection.Environment(
      recorder: recorder, faults: faults, limits: options.limits, connectTimeout: options.connectTimeout,
      tls: options.upstreamTLS, rewritesHost: options.rewritesHost, upstream: { target.url })
    let port = try await listener.listen(listen, environment)
    let tap = SocketIOTap(
      port: port, hosts: listen.hosts, recorder: recorder, faults: faults, upstream: target, listener: listener)
    let result: Result<R, any Error>
    do {
      result = .success(try await body(tap))
    } catch {
      result = .failure(error)
    }
    await listener.close()
    recorder.finish(throwing: SocketIOError(.disconnected, "the tap is closed", reason: .clientDisconnect))
    return try result.get()
  }

  /// The URL of the tap at its first address.
  public var url: String { "http://\(hosts.first ?? "127.0.0.1"):\(port)" }

  /// Names another upstream for connections from now on; nil answers them with 502. Throws `SocketIOError` if it is no URL.
  public func setUpstream(_ url: String?) throws {
    if let url { _ = try SocketIOEndpoint.parse(url) }
    upstream.set(url)
  }

  // MARK: What passed

  /// Everything recorded until now, in the order in which the tap had it whole; of a long recording, `forEachRecord` needs less memory.
  public func records() -> [TapRecord] { recorder.records }

  /// Goes through everything recorded until now, in order, of which no more than `TapOptions.maxMemoryBytes` is in memory.
  public func forEachRecord(_ body: (TapRecord) throws -> Void) rethrows { try recorder.forEach(body) }

  /// What was forwarded without being understood, and connections that failed.
  public func anomalies() -> [TapAnomaly] { recorder.anomalies }

  /// The addresses of those that wanted to connect and are none of ``TapListen/peers``, in order.
  public func refusedPeers() -> [String] { listener.refused }

  /// A queue of the anomalies from now on; it can still be drained once the tap is closed.
  package func allAnomalies(capacity: Int = 4096) -> EventQueue<TapAnomaly> {
    recorder.anomalyQueue(capacity: capacity)
  }

  /// A queue of the records that `wants` picks, from now on; it runs on an event loop and must be quick.
  public func queue(
    named name: String = "tap records that match", capacity: Int = 4096,
    where wants: @escaping @Sendable (TapRecord) -> Bool
  ) -> EventQueue<TapRecord> {
    recorder.queue(named: name, capacity: capacity, where: wants)
  }

  /// A queue of the events of one name, and of one direction unless that is nil.
  public func events(
    named name: String, _ direction: TapDirection? = nil, capacity: Int = 4096
  ) -> EventQueue<TapRecord> {
    recorder.queue(named: "tapped event “\(name)”", capacity: capacity) {
      $0.kind == .event && $0.event.name == name && (direction == nil || $0.direction == direction)
    }
  }

  /// A queue of all records.
  public func allRecords(capacity: Int = 4096) -> EventQueue<TapRecord> {
    recorder.queue(named: "tap records", capacity: capacity, where: nil)
  }

  // MARK: Faults

  /// The rules as they stand.
  public var rules: [FaultRule] { faults.rules }

  /// Replaces all rules and starts counting anew.
  public func setRules(_ rules: [FaultRule]) { faults.set(rules) }

  /// Adds a rule, or replaces the one of the same name.
  public func addRule(_ rule: FaultRule) { faults.add(rule) }

  /// Removes the rule of this name, if there is one.
  public func removeRule(named name: String) { faults.remove(named: name) }
}

/// Where a tap forwards to at the moment.
final class TapUpstream: Sendable {
  // Set by tests, read when a client connects.
  private let current: Mutex<String?>
  init(_ url: String?) { current = Mutex(url) }
  var url: String? { current.withLock { $0 } }
  func set(_ url: String?) { current.withLock { $0 = url } }
}
