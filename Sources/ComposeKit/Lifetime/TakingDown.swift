extension RunningProject {
  /// Takes the project down and proves it; nothing of it is left when this returns.
  ///
  /// What belongs to somebody else stays: everything is removed by this run's own label, and compose, which removes volumes by their
  /// names, is told to only where no name can be somebody else's.
  ///
  /// - Parameters:
  ///   - configuration: what compose says of the files; nil if that is not known any more.
  ///   - isForgotten: whether its name is not used again at once.
  /// - Throws: ``ComposeError`` with code `downFailed`; the project stays registered then.
  func takeDown(
    _ configuration: ProjectConfiguration?, options: UpOptions, progress: (@Sendable (ServiceProgress) -> Void)?,
    isForgotten: Bool = true
  ) async throws {
    let began = ContinuousClock.now
    func report(_ phase: ServiceProgress.Phase) {
      progress?(
        ServiceProgress(
          project: project.name, projectName: projectName, service: "", phase: phase,
          elapsed: ContinuousClock.now - began))
    }
    guard !GivenUpEngines.shared.contains(engine.access) else {
      return Command.logger.warning("\(projectName) is left where it is: \(engine) has gone away")
    }
    report(.removing)
    var command = downCommand(configuration, options: options)
    command.isTeardown = true
    do {
      let output = try await command.run()
      if !output.succeeded { Command.logger.warning("\(command.failure(output)); removing by label") }
    } catch {
      Command.logger.warning("\(error); removing by label")
    }
    // Proves that nothing is left, and removes what `down` did not.
    try await ProjectRemoval(access: engine.access, removesImages: options.imageRemoval != .keep).remove(
      project: projectName)
    if options.imageRemoval == .all, let configuration, Self.mayMeetOthers(configuration) {
      await removeImages(of: configuration)
    }
    if isForgotten { await OwnerGuard.shared.unregister(owned) }
    report(.removed)
  }

  /// Whether `down --volumes` could remove what belongs to others: it goes by names, and 1.29 does so for networks, too.
  static func mayMeetOthers(_ configuration: ProjectConfiguration?) -> Bool {
    configuration?.resources.contains { !$0.isExternal } ?? true
  }

  /// What stops the services in the order of their dependencies, and removes as much as it can without harm to others.
  func downCommand(_ configuration: ProjectConfiguration?, options: UpOptions) -> Command {
    let seconds = max(0, Int(options.stopTimeout.seconds.rounded(.up)))
    var arguments = ["stop", "--timeout", "\(seconds)"]
    if !Self.mayMeetOthers(configuration) {
      arguments = ["down", "--volumes", "--remove-orphans", "--timeout", "\(seconds)"]
      switch options.imageRemoval {
      case .keep: break
      case .built: arguments += ["--rmi", "local"]
      case .all: arguments += ["--rmi", "all"]
      }
    }
    // Services that depend on one another are stopped one after the other, and each may take its time.
    let chain = configuration?.longestChain ?? Self.assumedChain
    return compose(arguments, deadline: .seconds(seconds * chain + 20))
  }

  /// How many services in a row are allowed for where the files cannot be read any more.
  private static let assumedChain = 4

  /// What `down --rmi all` would remove; an image that somebody else's container uses stays.
  private func removeImages(of configuration: ProjectConfiguration) async {
    for image in Set(configuration.services.values.map(\.image)).sorted() {
      var command = onEngine(["image", "rm", image])
      command.isTeardown = true
      _ = try? await command.run()
    }
  }

  /// How to look at a project that is left running, and how to remove it.
  func keepingAdvice(_ configuration: ProjectConfiguration) -> String {
    let line = compose([]).line
    let reason =
      lifetime == .reusable
      ? "left \(projectName) running for the next run (reuse)" : "kept \(projectName) (COMPOSEKIT_KEEP=1)"
    let label = "--filter label=\(ComposeLabel.project)=\(projectName)"
    let remove =
      Self.mayMeetOthers(configuration)
      // Typed as it stands, `down --volumes` would remove somebody else's volume of the same name.
      ? "\(line) down --remove-orphans; \(engine.access.line("volume ls --quiet \(label)")) | xargs -r "
        + engine.access.line("volume rm")
      : "\(line) down --volumes --remove-orphans"
    return """
      \(reason)
        look    \(line) ps; \(line) logs
        remove  \(remove)
      """
  }
}

extension ProjectConfiguration {
  /// How many services wait for one another at most, one after the other; 1 if none depends on another.
  var longestChain: Int {
    var known: [String: Int] = [:]
    // Compose refuses circles; the limit only keeps a wrong reading of the files from never ending.
    func length(_ name: String, _ limit: Int) -> Int {
      if let length = known[name] { return length }
      guard limit > 0, let service = services[name] else { return 0 }
      let length = 1 + (service.dependencies.map { length($0, limit - 1) }.max() ?? 0)
      known[name] = length
      return length
    }
    return max(1, services.keys.map { length($0, services.count) }.max() ?? 1)
  }
}
