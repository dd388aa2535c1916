import Foundation
import Subprocess

/// Brings one project up: images, `up`, and the wait for readiness.
struct StackStarter: Sendable {
  let running: RunningProject
  let configuration: ProjectConfiguration
  let settings: StartSettings
  var probing = Probing()
  let progress: (@Sendable (ServiceProgress) -> Void)?
  /// Images that the engine has, as far as they have been looked up.
  var presentImages = ImageNames()

  /// Something that the loop in `start` has to look at.
  private enum Signal: Sendable {
    case event(EngineEvent)
    case inspected([ContainerRecord])
    case upFinished
    case tick
    /// All probes of this service hold.
    case probesHold(String)
    case probingFinished
  }

  /// Gets the project's images, starts the services and returns as soon as all of them are ready and their probes hold.
  ///
  /// - Throws: ``ComposeError`` as soon as it is certain that one of them will not be; progress has told of it by then.
  func bringUp(_ services: Set<String>) async throws -> StartTimes {
    let began = ContinuousClock.now
    do {
      try await prepareImages(of: services)
      return try await AddressRanges(running: running).whenThereIsOne(patience: settings.rules.timeout) { lent in
        report(
          [""], .waiting, at: ContinuousClock.now - began,
          reason: "the engine has no address range left for a network; \(lent) are of other runs, which give them back")
      } _: {
        try await start(services)
      }
    } catch let error as ComposeError {
      // Removal and the error's evidence take a while; whoever watches knows at once.
      if !error.isReported {
        report([error.service ?? ""], .failed, at: ContinuousClock.now - began, reason: error.summary)
      }
      throw error
    }
  }

  /// Builds and pulls what is missing; the services' deadlines have not begun yet.
  func prepareImages(of services: Set<String>) async throws {
    let plan = ImagePlan(
      configuration, services: services, absent: try await absentImages(of: services), settings: settings)
    try await build(plan.build.sorted())
    if settings.pull == .never, let service = plan.pull.sorted().first {
      throw ComposeError(
        .pullFailed,
        "\(service) needs the image \(configuration.services[service]?.image ?? ""), which the engine does not have",
        service: service, project: running.projectName, engine: running.engine.description,
        next: "pull it, or set UpOptions.pull to .missing: it is .never")
    }
    if !plan.pull.isEmpty { try await pull(plan.pull.sorted()) }
  }

  /// The services whose image the engine does not have.
  private func absentImages(of services: Set<String>) async throws -> Set<String> {
    let images = services.reduce(into: [String: String]()) { $0[$1] = configuration.services[$1]?.image }
      .filter { !presentImages.contains($0.value) }
    let inspect = ["image", "inspect", "--format", "{{.Id}}"]
    // As a rule none is absent, which one command tells; only then does it matter which.
    if images.isEmpty { return [] }
    if try await running.onEngine(inspect + Set(images.values).sorted()).run().succeeded { return [] }
    return try await withThrowingTaskGroup(of: String?.self) { group in
      for (name, image) in images {
        group.addTask {
          let command = running.onEngine(inspect + [image])
          let output = try await command.run()
          if output.succeeded { return nil }
          if EngineRefusal.saysImageIsMissing(output.standardError) { return name }
          throw command.failure(output)
        }
      }
      return try await group.reduce(into: Set<String>()) { if let name = $1 { $0.insert(name) } }
    }
  }

  private func pull(_ services: [String]) async throws {
    report(Set(services), .pulling)
    // Compose names the services; which image it was after is what the reader needs.
    let images = services.map { "\(configuration.services[$0]?.image ?? "an image") of \($0)" }.joined(separator: ", ")
    let command = running.compose(["pull"] + services, deadline: settings.pullTimeout)
    let output = try await command.run()
    guard output.succeeded else {
      var error = command.failure(
        output, .pullFailed, "project \(running.project.name) cannot have its images: \(images) could not be pulled")
      error.next =
        error.next
        ?? "\(running.engine.access.line("pull")) says the same; log in to the registry, or load the image with `load`"
      throw error
    }
  }

  private func build(_ services: [String]) async throws {
    if services.isEmpty { return }
    report(Set(services), .building)
    try await running.compose(["build"] + services, deadline: settings.buildTimeout).runChecked(
      .buildFailed, "building \(services.joined(separator: ", ")) of project \(running.project.name) failed")
  }

  func report(
    _ services: Set<String>, _ phase: ServiceProgress.Phase, at elapsed: Duration = .zero, reason: String? = nil
  ) {
    guard let progress else { return }
    for service in services.sorted() {
      progress(
        ServiceProgress(
          project: running.project.name, projectName: running.projectName, service: service, phase: phase,
          elapsed: elapsed, reason: reason))
    }
  }

  private func start(_ services: Set<String>) async throws -> StartTimes {
    let began = ContinuousClock.now
    let expected = services.reduce(into: [String: Int]()) {
      let count = settings.scale[$1] ?? configuration.services[$1]?.replicas ?? 1
      if count > 0 { $0[$1] = count }
    }
    // Replay from now: subscribing late loses nothing, and a reused project's old events stay out. Another machine has another clock.
    let since = running.engine.isRemote ? nil : EngineMoment.now
    return try await watch(expected, began: began, starting: true, since: since)
  }

  /// Waits until services that have been started are ready.
  func watch(_ records: [ContainerRecord]) async throws -> StartTimes {
    let expected = records.reduce(into: [String: Int]()) { $0[$1.service, default: 0] += 1 }
    // Earlier events are no longer true: the exit that made a restart necessary, the good check before a pause. Another machine's clock
    // is another one: there they are replayed from the start of the containers on.
    let startedAt = records.filter { $0.status.state == .running }.compactMap { $0.state?.startedAt }.min()
    return try await watch(
      expected, began: .now, starting: false, since: running.engine.isRemote ? startedAt : EngineMoment.now)
  }

  private func watch(_ expected: [String: Int], began: ContinuousClock.Instant, starting: Bool, since: String?)
    async throws -> StartTimes
  {
    var readiness = Readiness(
      expected: expected, probed: probing.services.intersection(expected.keys),
      neverRestarted: Set(configuration.services.filter { !$0.value.mayRestart }.keys),
      healthChecked: Set(configuration.services.filter(\.value.isHealthChecked).keys), jobs: configuration.jobs,
      dependencies: configuration.services.mapValues(\.dependencies), rules: settings.rules, began: began)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      let (signals, input) = AsyncThrowingStream<Signal, any Error>.makeStream()
      group.addTask { await feedEvents(of: Set(expected.keys), since: since, into: input) }
      group.addTask {
        if starting {
          await runUp(into: input)
        } else {
          await feed(into: input) { .inspected(try await running.inspect(services: Array(expected.keys))) }
          input.yield(.upFinished)
        }
      }
      var wake: ContinuousClock.Instant?
      for try await signal in signals {
        try Task.checkCancellation()
        if case .tick = signal { wake = nil }
        for change in changes(of: &readiness, by: signal) {
          switch change {
          case .progress(let service, let phase): report(service, phase, readiness)
          case .inspect(let id):
            group.addTask { await feed(into: input) { .inspected(try await running.inspect(ids: [id])) } }
          case .probe(let services):
            let times = times(readiness)
            group.addTask { await probe(services, after: times, into: input) }
          }
        }
        if let failure = readiness.failure { throw await error(for: failure, after: ContinuousClock.now - began) }
        if readiness.isReady { break }
        if let next = readiness.nextWake, wake.map({ next < $0 }) ?? true {
          wake = next
          group.addTask {
            await feed(into: input) {
              try await Task.sleep(until: next, clock: .continuous)
              return .tick
            }
          }
        }
      }
      try Task.checkCancellation()
      let times = times(readiness)
      group.cancelAll()
      return times
    }
  }

  private func changes(of readiness: inout Readiness, by signal: Signal) -> [Readiness.Change] {
    let now = ContinuousClock.now
    var changes: [Readiness.Change] = []
    switch signal {
    case .event(let event): changes = readiness.apply(event, at: now)
    case .inspected(let records): for record in records { changes += readiness.apply(record, at: now) }
    case .upFinished: readiness.upFinished(at: now)
    case .tick: break
    case .probesHold(let service): changes = readiness.probesHold(service, at: now)
    case .probingFinished: readiness.probingFinished()
    }
    return changes + readiness.tick(at: .now) + readiness.startProbing(at: .now)
  }

  private func times(_ readiness: Readiness) -> StartTimes {
    StartTimes(readyAfter: ContinuousClock.now - readiness.began, serviceReadyAfter: readiness.readyAfter)
  }

  private func probe(
    _ services: Set<String>, after times: StartTimes, into input: AsyncThrowingStream<Signal, any Error>.Continuation
  ) async {
    await feed(into: input) {
      try await probing.run(services, times) { input.yield(.probesHold($0)) }
      return .probingFinished
    }
  }

  private func report(_ service: String, _ phase: ServiceProgress.Phase, _ readiness: Readiness) {
    let elapsed = ContinuousClock.now - readiness.began
    let isFailure = phase == .failed || phase == .unhealthy
    report(
      [service], phase, at: elapsed,
      reason: isFailure ? readiness.failure.map { StartFailure.describe($0, after: elapsed).summary } : nil)
  }

  private func feed(
    into input: AsyncThrowingStream<Signal, any Error>.Continuation, _ make: () async throws -> Signal
  ) async {
    do { input.yield(try await make()) } catch { input.finish(throwing: error) }
  }

  private func runUp(into input: AsyncThrowingStream<Signal, any Error>.Continuation) async {
    var arguments = ["up", "--detach", "--no-build"]
    for (service, count) in settings.scale.sorted(by: { $0.key < $1.key }) {
      arguments += ["--scale", "\(service)=\(count)"]
    }
    arguments += settings.services
    // Longer than all deadlines of services that wait for one another; those are watched one by one.
    let deadline = configuration.services.keys.reduce(settings.rules.timeout + .seconds(60)) {
      $0 + settings.rules.timeout(of: $1)
    }
    let command = running.compose(arguments, deadline: deadline)
    do {
      let output = try await command.run()
      // Whatever an event may have said less of: an image without containers, a container that was there before.
      let records = try await running.inspect()
      input.yield(.inspected(records))
      if output.succeeded {
        input.yield(.upFinished)
      } else {
        throw await StartFailure(running: running, configuration: configuration, settings: settings)
          .error(for: output, of: command, records: records)
      }
    } catch {
      input.finish(throwing: error)
    }
  }

  private func error(for failure: Readiness.Failure, after elapsed: Duration) async -> ComposeError {
    var error = await StartFailure(running: running, configuration: configuration, settings: settings).error(
      for: failure, after: elapsed)
    error.isReported = true
    return error
  }

  // MARK: Events

  /// Reads the engine's events of these services until cancelled; what happens to others meanwhile is no concern of theirs.
  private func feedEvents(
    of services: Set<String>, since: String?, into input: AsyncThrowingStream<Signal, any Error>.Continuation
  ) async {
    do {
      try await EngineEvents(running: running, since: since, occasion: "\(running.project.name) was starting").listen {
        if services.contains($0.service) { input.yield(.event($0)) }
      } relistened: {
        input.yield(.inspected(try await running.inspect(services: Array(services))))
      }
    } catch {
      input.finish(throwing: error)
    }
  }
}
