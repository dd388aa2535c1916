import Foundation

/// Starts projects side by side, hands them to `body` when all their services are ready, and always takes them down.
///
/// They are down when this returns: returned, thrown, cancelled. Only the error of a start that has failed does not wait for that:
/// the removal goes on behind it, and whatever starts next in this process waits for it, as does the end of the process and
/// ``waitForFailedStartsToBeRemoved()``. If the process is ended by SIGINT, SIGTERM or SIGHUP they are taken down first, and after
/// SIGKILL a watchdog does it. `COMPOSEKIT_KEEP=1` keeps them and prints how to look and to remove.
///
/// Nothing is removed that was there before or belongs to another project. A volume or network with a fixed name of that kind is
/// not even used, unless ``ComposeProject/sharing`` names it: the call is refused before anything starts.
///
/// The projects start at the same time, but for those that ``ComposeProject/startsAfter`` others, and those that use an external
/// network or volume which another one makes.
///
/// - Parameters:
///   - projects: at least one; each gets a unique name, so the same project may run several times at once.
///   - options: deadlines and policies, for all of the projects.
///   - progress: is called for each step of each service, from any thread; see ``ProgressPrinter``, and
///     ``withServiceProgress(_:isolation:during:)`` for a stream.
///   - isolation: the actor on which `body` runs: the caller's.
///   - body: gets the stacks in the order of the projects.
/// - Throws: what `body` throws; ``ComposeError`` if a project could not be started or removed; `CancellationError`. Progress says
///   `failed` with the reason before the error's evidence is read.
public func withComposeStacks<R: Sendable>(
  _ projects: [ComposeProject], options: UpOptions = UpOptions(),
  progress: (@Sendable (ServiceProgress) -> Void)? = nil, isolation: isolated (any Actor)? = #isolation,
  _ body: ([ComposeStack]) async throws -> R
) async throws -> R {
  let session = try await ComposeSession.prepare(projects, options: options, progress: progress)
  let stacks: [ComposeStack]
  do {
    stacks = try await session.start()
  } catch {
    await session.end(afterFailedStart: error)
    throw error
  }
  do {
    let result = try await body(stacks)
    // A task that was cancelled has not done what was asked, even if its body did not notice.
    try Task.checkCancellation()
    try await session.end()
    return result
  } catch {
    await session.end(after: error)
    throw error
  }
}

/// Starts one project; see ``withComposeStacks(_:options:progress:isolation:_:)``.
public func withComposeStack<R: Sendable>(
  _ project: ComposeProject, options: UpOptions = UpOptions(),
  progress: (@Sendable (ServiceProgress) -> Void)? = nil, isolation: isolated (any Actor)? = #isolation,
  _ body: (ComposeStack) async throws -> R
) async throws -> R {
  try await withComposeStacks([project], options: options, progress: progress) { try await body($0[0]) }
}

/// The projects of one call of `withComposeStacks`, from their registration to their removal.
struct ComposeSession: Sendable {
  let runs: [RunningProject]
  /// Those of them that outlive this session, by name.
  let reusables: [String: ReusableProject]
  let configurations: [ProjectConfiguration]
  let selections: [Set<String>]
  let order: StartOrder
  let presentImages: ImageNames
  var options: UpOptions
  let progress: (@Sendable (ServiceProgress) -> Void)?

  /// Checks everything that can be wrong before anything is started, and registers the projects.
  static func prepare(
    _ projects: [ComposeProject], options: UpOptions, progress: (@Sendable (ServiceProgress) -> Void)?
  ) async throws -> ComposeSession {
    guard !projects.isEmpty else {
      throw ComposeError(.invalidProject, "there is no project to start", next: "give at least one ComposeProject")
    }
    for project in projects { try project.validate() }
    try await OwnerGuard.shared.activate()
    let environment = ProcessInfo.processInfo
    let lifetime: RunningProject.Lifetime =
      options.reuse || environment.isOn("COMPOSEKIT_REUSE")
      ? .reusable : environment.isOn("COMPOSEKIT_KEEP") ? .kept : .run
    // None of these needs the others: together they take as long as the longest, which matters before each start.
    await Sweeper.shared.begin()
    async let presentImages = lifetime == .reusable ? ImageNames() : ImageNames.list()
    let (runs, configurations) = try await read(projects, lifetime: lifetime)
    var selections: [Set<String>] = []
    for (run, configuration) in zip(runs, configurations) {
      // A chosen service need only exist in one of several projects; those that have none of them start as a whole.
      let chosen =
        projects.count == 1 ? options.services : options.services.filter { configuration.services[$0] != nil }
      selections.append(try configuration.selection(chosen, project: run.project.name))
    }
    for service in options.probes.keys.sorted() where !selections.contains(where: { $0.contains(service) }) {
      throw ComposeError(
        .unknownService, "there is a probe for \(service), which is not among the services to start", service: service,
        next: "the services to start are \(selections.flatMap { $0 }.sorted().joined(separator: ", "))")
    }
    let known = Set(configurations.flatMap(\.services.keys))
    for (option, names) in [("scale", Set(options.scale.keys)), ("timeouts", Set(options.timeouts.keys))] {
      guard let service = names.subtracting(known).min() else { continue }
      throw ComposeError(
        .unknownService, "UpOptions.\(option) names \(service), which no project has", service: service,
        next: "the services are \(known.sorted().joined(separator: ", "))")
    }
    let lookup = try ResourceLookup(runs, configurations, selections)
    // Asked while the sweep is still at work; what seems to belong to somebody else may be what it is about to remove.
    let edges = try await lookup.edges {
      await Sweeper.shared.finish()
      await FailedStarts.shared.finish()
    }
    let order = try StartOrder(projects, resources: edges)
    // What was left behind may have a port that is needed; one that is adopted has its ports.
    if lifetime != .reusable { await Sweeper.shared.finish() }
    await FailedStarts.shared.finish()
    if lifetime == .run { try await OwnerGuard.shared.register(projects: runs.map(\.projectName)) }
    let reusables = try runs.filter { $0.lifetime == .reusable }.map { ($0.projectName, try ReusableProject($0)) }
    return ComposeSession(
      runs: runs, reusables: Dictionary(reusables) { first, _ in first }, configurations: configurations,
      selections: selections, order: order, presentImages: await presentImages, options: options, progress: progress)
  }

  /// Names the projects and lets compose check their files, while it is being found out which compose that is.
  private static func read(
    _ projects: [ComposeProject], lifetime: RunningProject.Lifetime
  ) async throws -> ([RunningProject], [ProjectConfiguration]) {
    let expected = ComposeEngine.expected
    var early: [RunningProject] = []
    for project in projects {
      let name = await RunningProject.name(of: project, lifetime: lifetime)
      early.append(RunningProject(project, named: name, engine: expected, lifetime: lifetime))
    }
    async let checked = inOrder(early) { await $0.checkedFiles() }
    let engine = try await ComposeEngine.detect()
    let runs = early.map { RunningProject($0.project, named: $0.projectName, engine: engine, lifetime: lifetime) }
    guard engine.readsFiles(like: expected) else {
      return (runs, try await inOrder(runs) { try await $0.configuration() })
    }
    return (runs, try await inOrder(Array(zip(runs, await checked))) { try await $0.configuration(from: $1) })
  }

  /// Does the same with each at the same time; the results are in the order of the elements.
  private static func inOrder<Element: Sendable, R: Sendable>(
    _ elements: [Element], _ body: @escaping @Sendable (Element) async throws -> R
  ) async throws -> [R] {
    try await withThrowingTaskGroup(of: (Int, R).self) { group in
      for (index, element) in elements.enumerated() { group.addTask { (index, try await body(element)) } }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  func start() async throws -> [ComposeStack] {
    let gate = StartGate(order)
    return try await Self.inOrder(Array(runs.indices)) { index in
      try await gate.pass(index)
      let (run, configuration) = (runs[index], configurations[index])
      var options = options
      options.services = options.services.filter { configuration.services[$0] != nil }
      options.scale = options.scale.filter { configuration.services[$0.key] != nil }
      let starter = StackStarter(
        running: run, configuration: configuration, options: options, progress: gate.watching(index, progress),
        presentImages: presentImages)
      let stack =
        if let reusable = reusables[run.projectName] {
          try await reusable.bringUp(starter, selections[index])
        } else {
          try await starter.bringUp(selections[index])
        }
      gate.reached(.ready, by: index)
      return stack
    }
  }

  /// Takes everything down, whatever happens to the task.
  func end() async throws {
    if !reusables.isEmpty { await Sweeper.shared.finish() }
    await OwnerGuard.shared.waitIfTerminating()
    try await shielded {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (run, configuration) in zip(runs, configurations) {
          let phase = reusables[run.projectName]?.phase
          // Nobody else's, which this session did not get hold of.
          if phase == .untouched { continue }
          guard phase == .unfinished || run.lifetime == .run else {
            StandardError.write("composekit: \(run.keepingAdvice(configuration))\n")
            continue
          }
          group.addTask { try await run.takeDown(configuration, options: options, progress: progress) }
        }
        // One that cannot be removed must not keep the others from being removed.
        var first: (any Error)?
        while let result = await group.nextResult() {
          if case .failure(let error) = result { first = first ?? error }
        }
        for reusable in reusables.values { reusable.release() }
        if let first { throw first }
      }
    }
    await OwnerGuard.shared.waitIfTerminating()
  }

  /// Takes everything down after an error, which matters more than one of the removal.
  func end(after error: any Error) async {
    do {
      try await end()
    } catch let problem {
      Command.logger.error("\(problem)")
    }
  }
}

extension ComposeSession {
  /// Takes everything down after a start that has failed: behind the error, if it is one that somebody waits to read.
  func end(afterFailedStart error: any Error) async {
    var session = self
    session.options.stopTimeout = min(options.stopTimeout, options.stopTimeoutAfterFailure)
    // A task that is cancelled has nobody who waits, and a process that is being ended nothing to do but to end.
    guard let cause = error as? ComposeError, cause.code != .interrupted else { return await session.end(after: error) }
    FailedStarts.shared.remove { [session] in await session.end(after: error) }
  }
}

/// Sweeps once for each process.
actor Sweeper {
  static let shared = Sweeper()
  /// Owned here: several callers wait for the one sweep.
  private var sweep: Task<Void, Never>?

  func begin() {
    sweep = sweep ?? Task { _ = await ProjectRemoval().sweep() }
  }

  /// Waits for the end of the sweep.
  func finish() async { await sweep?.value }
}
