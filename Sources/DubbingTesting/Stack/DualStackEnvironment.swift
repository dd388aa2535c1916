import ComposeKit
import ComposeTesting
import Foundation
public import SocketIOLite
import Synchronization

/// Both compose projects running side by side, with the tap between worker and STS.
public struct DualStackEnvironment: Sendable {
  /// What was started.
  public var stack: DualStack
  /// Media server and worker, running.
  public var media: ComposeStack
  /// The speech-to-speech service, running.
  public var sts: ComposeStack
  /// Records what the worker sends and gets.
  public var tap: SocketIOTap
  /// Between that tap and STS: injects faults, and records what STS itself said.
  public var wire: SocketIOTap
  /// Where each role's port is reached from here.
  package var endpoints: [DualStack.Role: Endpoint]
  /// From the first `up` to the last healthy service.
  package var readyAfter: Duration
  /// Where the tap is for the containers.
  var tapPlace: TapPlace
  /// When the projects were started.
  package var startedAt: Date
  /// The containers of both projects, for what the system counts of each.
  var containers: [String]
  /// Of a pool of engines the one that it is on; nil: there is none.
  var pooled: PooledEngine?

  /// Where a role's port is reached from here.
  ///
  /// - Precondition: ``DualStack/ports`` has the role.
  public subscript(_ role: DualStack.Role) -> Endpoint {
    guard let endpoint = endpoints[role] else { preconditionFailure("the stack has no port for \(role)") }
    return endpoint
  }

  /// The media server's control API.
  package var controlAPI: ControlAPI { ControlAPI(endpoint: self[.controlAPI]) }

  /// The running project of a role.
  package func running(_ project: DualStack.Project) -> ComposeStack { project == .media ? media : sts }

  /// Where a publisher sends the stream, `rtsp://localhost:8554/live/<stream>/in`.
  package func inputURL(of stream: String, over transport: StreamPublisher.Transport) -> String {
    let endpoint = self[transport == .rtsp ? .rtsp : .rtmp]
    return "\(transport.rawValue)://\(endpoint)/\(path(stack.inputPath, of: stream))"
  }

  /// Where the dubbed stream is played, `rtmp://localhost:1935/live/<stream>/out`.
  package func outputURL(of stream: String) -> String { "rtmp://\(self[.rtmp])/\(path(stack.outputPath, of: stream))" }

  /// The tap's records of an event from now on, whatever it is called on the wire; of one that the contract does not have none come.
  public func events(_ event: Contract.Event, _ direction: ObservedEvent.Direction? = nil) -> EventQueue<TapRecord> {
    let name = stack.contract.name(of: event)
    return tap.queue(named: "tapped event “\(event.rawValue)”") { record in
      record.kind == .event && record.event.name == name && (direction == nil || record.direction == direction?.atTap)
    }
  }

  func path(_ template: String, of stream: String) -> String { template.replacing("{stream}", with: stream) }

  /// Why the tap is reached through an outpost on the engine's machine; nil: it is not.
  package var outpost: String? { tapPlace.remote?.outpost }

  /// The address under which containers of the media project reach STS: the tap's.
  package var speechURLForWorker: String {
    "http://\(Endpoint(host: tapPlace.host(for: stack), port: tapPlace.port ?? tap.port))"
  }
}

/// Starts both projects with a tap between them, runs `body`, and takes everything down however `body` ends.
///
/// On few cores several that are called at once start one after the other.
///
/// - Parameters:
///   - stack: the two projects.
///   - engine: where they run; nil for the engine of the environment.
///   - progress: is called for each step of each service.
///   - body: gets both, running.
/// - Throws: ``DubbingError`` when the stacks were read from a file that cannot be used, or another machine's engine and this one do not
///   reach each other; `ComposeError` when a project cannot be started, `SocketIOError` when the tap cannot listen, and what `body` throws.
public func withDualStack<R: Sendable>(
  _ stack: DualStack, on engine: ComposeEngine? = nil, progress: (@Sendable (ServiceProgress) -> Void)? = nil,
  _ body: @Sendable (DualStackEnvironment) async throws -> R
) async throws -> R {
  try await withDualStack(stack, on: engine, pooled: nil, progress: progress, body)
}

/// The same, on an engine of a pool.
func withDualStack<R: Sendable>(
  _ stack: DualStack, on engine: ComposeEngine?, pooled: PooledEngine?,
  progress: (@Sendable (ServiceProgress) -> Void)?, _ body: @Sendable (DualStackEnvironment) async throws -> R
) async throws -> R {
  if let problem = stack.problem { throw problem }
  try stack.requirePorts()
  let isStarted = Atomic(false)
  do {
    return try await (pooled?.member.starts ?? .starts).withPlace { start in
      try await withStacks(stack, on: engine, progress: progress) { environment in
        var environment = environment
        environment.pooled = pooled
        isStarted.store(true, ordering: .relaxed)
        start.leave()
        return try await body(environment)
      }
    }
  } catch let error as ComposeError where error.code == .unknownService && !isStarted.load(ordering: .relaxed) {
    throw stack.unknownService(error)
  }
}

private func withStacks<R: Sendable>(
  _ stack: DualStack, on chosen: ComposeEngine?, progress: (@Sendable (ServiceProgress) -> Void)?,
  _ body: @Sendable (DualStackEnvironment) async throws -> R
) async throws -> R {
  async let found = found(chosen)
  let gateway = if let chosen { try await chosen.bridgeGateway() } else { try await ComposeEngine.bridgeGateway() }
  let engine = try await found
  let settings = DubbingSettings.current
  let place = try await TapPlace.find(on: engine, gateway: gateway, for: stack, settings)
  // Each stream goes through the whole record, which is quicker in memory than in a file.
  let options = TapOptions(maxMemoryBytes: 256_000_000)
  return try await SocketIOTap.withTap(upstream: nil, options: options) { wire in
    try await SocketIOTap.withTap(upstream: wire.url, listen: place.listen, options: options) { tap in
      try await place.withOutpost(to: tap.port, on: engine, settings, progress: progress) { place in
        let (media, sts) = try stack.projects(tap: place.port ?? tap.port, gateway: gateway, place: place)
        return try await withComposeStacks(
          [media, sts], on: engine, options: stack.upOptions, progress: progress
        ) { stacks in
          let environment = try await DualStackEnvironment(
            stack: stack, media: stacks[0], sts: stacks[1], tap: tap, wire: wire, tapPlace: place)
          try wire.setUpstream("http://\(environment[.speech])")
          return try await body(environment)
        }
      }
    }
  }
}

private func found(_ chosen: ComposeEngine?) async throws -> ComposeEngine {
  if let chosen { chosen } else { try await .detect() }
}

extension DualStackEnvironment {
  private static func endpoints(
    _ stack: DualStack, of project: DualStack.Project, in running: ComposeStack
  ) async throws -> (endpoints: [DualStack.Role: Endpoint], containers: [String]) {
    let ports = stack.ports.filter { $0.key.project == project }.map { (role: $0.key, port: $0.value) }
    let found = try await running.endpoints(of: ports.map { (service: $0.port.service, port: $0.port.number) })
    return (Dictionary(uniqueKeysWithValues: zip(ports.map(\.role), found.endpoints)), found.containers)
  }

  fileprivate init(
    stack: DualStack, media: ComposeStack, sts: ComposeStack, tap: SocketIOTap, wire: SocketIOTap, tapPlace: TapPlace
  ) async throws {
    self.tapPlace = tapPlace
    self.stack = stack
    self.media = media
    self.sts = sts
    self.tap = tap
    self.wire = wire
    readyAfter = max(media.readyAfter, sts.readyAfter)
    startedAt = Date() - readyAfter.seconds
    async let ofMedia = Self.endpoints(stack, of: .media, in: media)
    async let ofSTS = Self.endpoints(stack, of: .sts, in: sts)
    let (first, second) = try await (ofMedia, ofSTS)
    endpoints = first.endpoints.merging(second.endpoints) { $1 }
    containers = first.containers + second.containers
  }
}
