import Foundation
import Synchronization

/// A project that outlives its runs: it is adopted if it runs and is what would be started, else started anew and left running.
///
/// Two locks keep processes apart: one is held while somebody looks, starts or removes; the other one is shared by all who use it,
/// so that nobody takes a project down under somebody else. Its name does not tell an owner, so that no sweep removes it.
final class ReusableProject: Sendable {
  let running: RunningProject
  private let folder: URL
  enum Phase: Sendable {
    /// Nothing has been done to it.
    case untouched
    /// It is being replaced or started: it must not stay as it is now.
    case unfinished
    case up
  }
  private struct State: Sendable {
    var phase = Phase.untouched
    var starting: FileLock?
    var use: FileLock?
  }
  // Read at the end of the session, which may come from another task than its start.
  private let state = Mutex(State())

  /// What is remembered of a project that was left running.
  private struct Memory: Codable {
    var fingerprint: ReuseFingerprint
    var containers: [String]
  }

  init(_ running: RunningProject) throws {
    self.running = running
    do {
      let caches = try FileManager.default.url(
        for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
      folder = caches.appending(path: "composekit", directoryHint: .isDirectory)
      try FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw ComposeError(
        .commandFailed, "there is no folder for the locks: \(error)", project: running.projectName,
        next: "reuse needs one: set HOME or XDG_CACHE_HOME to a folder that can be written", underlying: error)
    }
  }

  private func path(_ kind: String) -> String {
    folder.appending(path: "\(running.projectName).\(kind)").path(percentEncoded: false)
  }

  // MARK: Start

  /// Adopts the running project, or starts a new one in its place.
  ///
  /// - Throws: as ``StackStarter/bringUp(_:)``; ``ComposeError`` `timedOut` if another process keeps it busy.
  func bringUp(_ starter: StackStarter, _ services: Set<String>, options: UpOptions) async throws -> StartTimes {
    let name = running.projectName
    let owned = running.owned
    let starting = try await FileLock.take(
      path("starting"), .exclusive, within: options.buildTimeout + options.timeout,
      holder: "somebody else is starting \(name)")
    state.withLock { $0.starting = starting }
    if options.build == .always || options.pull == .always { try await starter.prepareImages(of: services) }
    let fingerprint = try fingerprint(starter, services)
    if let times = try await adopted(fingerprint, starter, services) {
      let use = try await FileLock.take(
        path("use"), .shared, within: options.timeout, holder: "\(name) is being removed")
      state.withLock {
        $0.use = use
        $0.phase = .up
        $0.starting = nil
      }
      return times
    }
    let use = try await FileLock.take(
      path("use"), .exclusive, within: options.timeout,
      holder: "somebody else uses \(name), made from another configuration or not healthy")
    state.withLock { $0.use = use }
    await Sweeper.shared.finish(running.engine.access)
    try await OwnerGuard.shared.register([owned])
    state.withLock { $0.phase = .unfinished }
    try? FileManager.default.removeItem(atPath: path("json"))
    try await removeOld(starter, options)
    let times = try await starter.bringUp(services)
    try await remember(fingerprint)
    guard try use.change(to: .shared) else {
      throw ComposeError(.commandFailed, "the lock of \(name) was taken by somebody else", project: name)
    }
    await OwnerGuard.shared.unregister(owned)
    state.withLock {
      $0.phase = .up
      $0.starting = nil
    }
    return times
  }

  /// How far the start has come: one that has not come to its end must be taken down.
  var phase: Phase { state.withLock { $0.phase } }

  /// Gives the locks back: others may use the project, or replace it.
  func release() { state.withLock { $0 = State() } }

  /// Takes the project down if there is one, when nobody uses it.
  func remove(options: UpOptions) async throws {
    let name = running.projectName
    let starting = try await FileLock.take(
      path("starting"), .exclusive, within: options.timeout, holder: "somebody else is starting \(name)")
    let use = try await FileLock.take(
      path("use"), .exclusive, within: options.timeout, holder: "somebody else uses \(name)")
    try? FileManager.default.removeItem(atPath: path("json"))
    // Files that cannot be read any more must not keep it from being removed, by its label then.
    let configuration = try? await running.configuration()
    try await running.takeDown(configuration, options: options, progress: nil)
    withExtendedLifetime((starting, use)) {}
  }

  private func removeOld(_ starter: StackStarter, _ options: UpOptions) async throws {
    if try await running.inspect().isEmpty {
      // A start that was broken off may have left a network or a volume.
      try await ProjectRemoval(access: running.engine.access).remove(project: running.projectName)
    } else {
      try await running.takeDown(
        starter.configuration, options: options, progress: starter.progress, isForgotten: false)
    }
  }

  // MARK: Adoption

  private func fingerprint(_ starter: StackStarter, _ services: Set<String>) throws -> ReuseFingerprint {
    let text = starter.configuration.text
    // The first generation tells of its build contexts in YAML, of which no more is read than a start needs.
    return ReuseFingerprint(
      configuration: text, services: services, scale: starter.settings.scale,
      paths: running.engine.isFirstGeneration ? [] : try ReuseFingerprint.paths(inConfiguration: text))
  }

  private func remember(_ fingerprint: ReuseFingerprint) async throws {
    let containers = try await running.inspect().map(\.id).sorted()
    let data = try JSONEncoder().encode(Memory(fingerprint: fingerprint, containers: containers))
    try data.write(to: URL(fileURLWithPath: path("json")), options: .atomic)
  }

  /// The running project, if it was made from the same, and every container of it is as it was when it became ready.
  private func adopted(_ fingerprint: ReuseFingerprint, _ starter: StackStarter, _ services: Set<String>) async throws
    -> StartTimes?
  {
    let began = ContinuousClock.now
    guard let data = FileManager.default.contents(atPath: path("json")),
      let memory = try? JSONDecoder().decode(Memory.self, from: data), memory.fingerprint == fingerprint
    else { return nil }
    async let images = imageIDs(Set(services.compactMap { starter.configuration.services[$0]?.image }))
    let records = try await running.inspect()
    let known = try await images
    guard records.map(\.id).sorted() == memory.containers, !records.isEmpty,
      records.allSatisfy({ $0.isAdoptable && known.contains($0.image ?? "") })
    else { return nil }
    let elapsed = ContinuousClock.now - began
    starter.report(services, .adopted, at: elapsed)
    return StartTimes(readyAfter: elapsed, serviceReadyAfter: services.reduce(into: [:]) { $0[$1] = elapsed })
  }

  /// The ids of the images of these names now.
  private func imageIDs(_ images: Set<String>) async throws -> Set<String> {
    // One that is missing makes the command fail, and its container is then of an image that nobody knows.
    let output = try await running.onEngine(["image", "inspect", "--format", "{{.Id}}"] + images.sorted()).run()
    return Set(output.standardOutput.outputLines)
  }
}

extension ContainerRecord {
  /// Whether the container is what it is when its project is ready.
  var isAdoptable: Bool {
    switch status.state {
    case .running: status.health == .healthy || status.health == .none
    case .exited: status.exitCode == 0 && status.health == .none
    default: false
    }
  }
}

extension ComposeProject {
  /// Takes down the project that ``UpOptions/reuse`` has left running, if there is one; waits while somebody uses it.
  ///
  /// - Parameters:
  ///   - options: how long to wait for whoever uses it, and how it is stopped.
  ///   - engine: where it runs; nil for the engine of the environment.
  /// - Throws: ``ComposeError``: `timedOut` if it is in use for longer than `options.timeout`, `downFailed`, `engineUnavailable`.
  public func removeReused(options: UpOptions = UpOptions(), on engine: ComposeEngine? = nil) async throws {
    try validate()
    let engine = if let engine { engine } else { try await ComposeEngine.detect() }
    let name = await RunningProject.name(of: self, lifetime: .reusable, on: engine.access)
    let running = RunningProject(self, named: name, engine: engine, lifetime: .reusable)
    try await ReusableProject(running).remove(options: options)
  }
}
