import Foundation

/// The projects of one call of `withComposeStacks`, from their registration to their removal.
struct ComposeSession: Sendable {
  let access: EngineAccess
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
    _ projects: [ComposeProject], on engine: ComposeEngine?, options: UpOptions,
    progress: (@Sendable (ServiceProgress) -> Void)?
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
    let access = engine?.access ?? EngineAccess()
    try access.validate()
    // None of these needs the others: together they take as long as the longest, which matters before each start.
    await Sweeper.shared.begin(access)
    async let presentImages = lifetime == .reusable ? ImageNames() : ImageNames.list(access)
    let (runs, configurations) = try await read(projects, lifetime: lifetime, on: engine, access)
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
    let lookup = try ResourceLookup(runs, configurations, selections, on: access)
    // Asked while the sweep is still at work; what seems to belong to somebody else may be what it is about to remove.
    let edges = try await lookup.edges {
      await Sweeper.shared.finish(access)
      await FailedStarts.shared.finish()
    }
    let order = try StartOrder(projects, resources: edges)
    // What was left behind may have a port that is needed; one that is adopted has its ports.
    if lifetime != .reusable { await Sweeper.shared.finish(access) }
    await FailedStarts.shared.finish()
    if lifetime == .run { try await OwnerGuard.shared.register(runs.map(\.owned)) }
    let reusables = try runs.filter { $0.lifetime == .reusable }.map { ($0.projectName, try ReusableProject($0)) }
    return ComposeSession(
      access: access, runs: runs, reusables: Dictionary(reusables) { first, _ in first },
      configurations: configurations,
      selections: selections, order: order, presentImages: await presentImages, options: options, progress: progress)
  }

  /// Names the projects and lets compose check their files, while it is being found out which compose that is.
  private static func read(
    _ projects: [ComposeProject], lifetime: RunningProject.Lifetime, on known: ComposeEngine?, _ access: EngineAccess
  ) async throws -> ([RunningProject], [ProjectConfiguration]) {
    let expected = known ?? ComposeEngine.expected(access)
    var early: [RunningProject] = []
    for project in projects {
      let name = await RunningProject.name(of: project, lifetime: lifetime, on: access)
      early.append(RunningProject(project, named: name, engine: expected, lifetime: lifetime))
    }
    async let checked = inOrder(early) { await $0.checkedFiles() }
    let engine = if let known { known } else { try await ComposeEngine.detect(access) }
    let runs = early.map { RunningProject($0.project, named: $0.projectName, engine: engine, lifetime: lifetime) }
    let isReadAlready = engine.readsFiles(like: expected)
    let configurations = try await inOrder(Array(zip(runs, await checked))) { run, checked in
      try await run.configuration(from: isReadAlready ? checked : nil)
    }
    return (try zip(runs, configurations).map { try $0.published(by: $1) }, configurations)
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
      let starter = StackStarter(
        running: run, configuration: configuration,
        settings: options.startSettings(services: Set(configuration.services.keys)),
        probing: ProbeRunner.probing(run, configuration, options), progress: gate.watching(index, progress),
        presentImages: presentImages)
      try await ImageCopy(running: run, configuration: configuration, starter: starter).run(for: selections[index])
      let times =
        if let reusable = reusables[run.projectName] {
          try await reusable.bringUp(starter, selections[index], options: options)
        } else {
          try await starter.bringUp(selections[index])
        }
      gate.reached(.ready, by: index)
      return ComposeStack(running: run, configuration: configuration, options: options, times: times)
    }
  }

  /// Takes everything down, whatever happens to the task.
  func end() async throws {
    if !reusables.isEmpty { await Sweeper.shared.finish(access) }
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

extension RunningProject {
  var owned: OwnedProject { OwnedProject(name: projectName, access: engine.access) }
}
