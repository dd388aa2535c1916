import ComposeKit
import SocketIOLite
import Synchronization

/// Where the tap listens so that containers of an engine reach it, and what they are told.
package struct TapPlace: Sendable, Hashable {
  /// Where containers find it: at the bridge's address of an engine of this machine, at this machine's towards another one, or at an
  /// ``TapOutpost`` on the bridge of that one. It listens there beside loopback, unless there is an outpost.
  package var address: String
  /// The outpost's port; nil: the tap's own.
  package var port: Int?
  /// What is known of an engine on another machine; nil: it is this machine's.
  package var remote: RemoteEngine?

  package init(address: String, remote: RemoteEngine? = nil) {
    (self.address, self.remote) = (address, remote)
  }

  /// What worker and STS call the tap's host: on another machine `host-gateway` would be that one, which is right for an outpost.
  func host(for stack: DualStack) -> String { isBesideContainers ? stack.hostName : address }

  private var isBesideContainers: Bool { remote.map { $0.outpost != nil } ?? true }

  /// On these addresses only, and on another machine's behalf for its connections only.
  package var listen: TapListen {
    if remote?.outpost != nil { return .loopback }
    var listen = TapListen.loopback(and: [address])
    // From loopback this process itself asks.
    if let remote { listen.peers = Set(remote.peers + ["127.0.0.1"]) }
    return listen
  }
}

/// How an engine on another machine and this one reach each other, and how their clocks differ.
package struct RemoteEngine: Sendable, Hashable {
  /// The engine, as it calls itself.
  package var engine: String
  /// Where its ports are reached; each is published there and nowhere else.
  package var host: String
  /// Whose connections the tap takes.
  package var peers: [String]
  /// nil: the engine does not say its time.
  package var clock: EngineClock?
  /// Why its containers reach the tap through an outpost on its machine; nil: they connect to this one.
  package var outpost: String?

  package init(engine: String, host: String, peers: [String], clock: EngineClock?, outpost: String? = nil) {
    (self.engine, self.host, self.peers, self.clock, self.outpost) = (engine, host, peers, clock, outpost)
  }

  /// Clocks that are further apart are not a matter of drift: whatever compares times, such as a token's, goes wrong in the services too.
  static let mostOffset = Duration.seconds(300)
}

extension TapPlace {
  /// Engines that could not connect to this machine, with what they said: where packets are dropped, that takes 15 s to find out.
  // A lock: environments are started side by side.
  private static let unreachable = Mutex<[ComposeEngine: String]>([:])

  /// Finds out where the tap is reached from, before anything is started: here, if the engine can connect to this machine, and otherwise
  /// through an outpost on its own.
  ///
  /// - Parameters:
  ///   - engine: where the containers will be.
  ///   - gateway: its bridge's address.
  ///   - stack: what is to be started.
  ///   - settings: may say which way, and whose connections are taken beside the engine's own.
  /// - Throws: ``DubbingError`` `remoteEngine` when the two machines do not reach each other, or their clocks differ too much;
  ///   `badDescription` when the worker could not be told.
  package static func find(
    on engine: ComposeEngine, gateway: String, for stack: DualStack, _ settings: DubbingSettings
  ) async throws -> TapPlace {
    guard engine.isRemote else { return TapPlace(address: gateway) }
    guard let route = engine.route else { throw DubbingError.noWay(to: engine) }
    // An outpost is called as this machine's tap is.
    guard settings.tapWay == .outpost || stack.stsURL.contains("{host}") || stack.addsExtraHosts else {
      throw stack.namesNoHost(engine)
    }
    let clock = try await engine.clock()
    if let clock, let problem = DubbingError.clock(of: engine, clock) { throw problem }
    func place(_ peers: Set<String>, outpost: String? = nil) -> TapPlace {
      TapPlace(
        address: outpost == nil ? route.runner : gateway,
        remote: RemoteEngine(
          engine: engine.description, host: engine.host, peers: peers.sorted(), clock: clock, outpost: outpost))
    }
    if settings.tapWay == .outpost { return place([], outpost: "it is wanted: E2E_TAP=outpost") }
    if settings.tapWay == nil, let words = unreachable.withLock({ $0[engine] }) { return place([], outpost: words) }
    let peers = Set([route.engine] + settings.tapPeers)
    switch try await engine.reach(route.runner) {
    case .connected(let peer): return place(peers.union([peer]))
    case .failed(let words) where settings.tapWay == .direct:
      throw DubbingError.unreachable(route.runner, from: engine, words)
    case .failed(let words):
      unreachable.withLock { $0[engine] = words }
      return place([], outpost: words)
    // Whoever does not come then is missed by the first stream, which says so.
    case .unknown: return place(peers)
    }
  }
}

extension DubbingError {
  fileprivate static func noWay(to engine: ComposeEngine) -> DubbingError {
    DubbingError(
      .remoteEngine, "nothing leads from this machine to the engine's host, \(engine.host)",
      evidence: ["engine    \(engine)"],
      next: "say in COMPOSEKIT_ENGINE_HOST where the ports of its containers are reached, or run the tests there")
  }

  fileprivate static func unreachable(_ runner: String, from engine: ComposeEngine, _ words: String) -> DubbingError {
    DubbingError(
      .remoteEngine, "the engine on \(engine.host) cannot connect to this machine at \(runner), where the tap is to be",
      evidence: ["engine    \(engine)", "says      \(words)"],
      next: "unset E2E_TAP=direct, or let its host connect to this machine (a firewall here, NAT in between)")
  }

  /// What is wrong with a clock; nil: nothing.
  package static func clock(of engine: ComposeEngine, _ clock: EngineClock) -> DubbingError? {
    guard clock.offset.magnitude > RemoteEngine.mostOffset else { return nil }
    let seconds = clock.offset.seconds.magnitude
    let length = seconds >= 3600 ? "\((seconds / 3600).short) h" : "\((seconds / 60).short) min"
    return DubbingError(
      .remoteEngine,
      "the clock of the engine on \(engine.host) is \(length) \(clock.offset > .zero ? "ahead of" : "behind") this machine's",
      evidence: ["engine    \(engine)", "measured  to ±\(clock.uncertainty.milliseconds.short) ms"],
      next: "set both by NTP (timedatectl set-ntp true): tokens, certificates and logs of services go by their clock")
  }
}

extension DualStack {
  fileprivate func namesNoHost(_ engine: ComposeEngine) -> DubbingError {
    DubbingError(
      .badDescription, "the worker could not be told where the tap is: \(key("sts_url", "stsURL")) has no {host}",
      evidence: ["engine    \(engine)", "because   \(hostName) leads to the engine's own host there"],
      next: "write {host} in it, or let \(hostName) be added: \(key("extra_hosts", "addsExtraHosts"))")
  }
}

extension TapPlace {
  /// Why nobody has come although somebody wanted to; nil: nobody was refused.
  func whyRefused(_ refused: [String]) -> (reason: String, because: String?, next: String)? {
    guard let remote, !refused.isEmpty else { return nil }
    return (
      "connections from \(refused.joined(separator: ", ")) were refused",
      "only those of the engine on \(remote.host) are taken, which come from \(remote.peers.joined(separator: ", "))",
      "if its containers come from there too, say so: E2E_TAP_PEERS=\(refused.joined(separator: ","))"
    )
  }
}
