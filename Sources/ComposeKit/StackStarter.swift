import Foundation
import Subprocess

/// Brings one project up: images, `up`, and the wait for readiness.
struct StackStarter: Sendable {
  let running: RunningProject
  let configuration: ProjectConfiguration
  let options: UpOptions
  let progress: (@Sendable (ServiceProgress) -> Void)?

  /// Something that the loop in `start` has to look at.
  private enum Signal: Sendable {
    case event(EngineEvent)
    case inspected([ContainerRecord])
    case upFinished
    case tick
  }

  struct Result: Sendable {
    var readyAfter: Duration
    var serviceReadyAfter: [String: Duration]
  }

  /// Builds and pulls what is missing; the services' deadlines have not begun yet.
  func prepareImages(of services: Set<String>) async throws {
    let absent = try await withThrowingTaskGroup(of: String?.self) { group in
      for name in services {
        guard let image = configuration.services[name]?.image else { continue }
        group.addTask {
          let command = running.docker(["image", "inspect", "--format", "{{.Id}}", image])
          let output = try await command.run()
          if output.succeeded { return nil }
          if output.standardError.lowercased().contains("no such image") { return name }
          throw command.failure(output)
        }
      }
      return try await group.reduce(into: Set<String>()) { if let name = $1 { $0.insert(name) } }
    }
    let built = services.filter { configuration.services[$0]?.isBuilt == true }
    switch options.build {
    case .always: try await build(built.sorted())
    case .missing: try await build(built.intersection(absent).sorted())
    case .never: break
    }
    let pulled = (options.pull == .always ? services : absent).subtracting(built)
      .filter { configuration.services[$0]?.pullPolicy != "never" }
    if options.pull == .never, let service = pulled.sorted().first {
      throw ComposeError(
        .pullFailed,
        "\(service) needs the image \(configuration.services[service]?.image ?? ""), which the engine does not have",
        service: service, project: running.projectName, engine: running.engine.description,
        next: "pull it, or set UpOptions.pull to .missing: it is .never")
    }
    if !pulled.isEmpty { try await pull(pulled.sorted()) }
  }

  private func pull(_ services: [String]) async throws {
    report(Set(services), .pulling)
    try await running.compose(["pull"] + services, deadline: options.pullTimeout)
      .runChecked(.pullFailed, "an image of project \(running.project.name) could not be pulled")
  }

  private func build(_ services: [String]) async throws {
    if services.isEmpty { return }
    report(Set(services), .building)
    try await running.compose(["build"] + services, deadline: options.buildTimeout).runChecked(
      .buildFailed, "building \(services.joined(separator: ", ")) of project \(running.project.name) failed")
  }

  private func report(_ services: Set<String>, _ phase: ServiceProgress.Phase, at elapsed: Duration = .zero) {
    guard let progress else { return }
    for service in services.sorted() {
      progress(
        ServiceProgress(
          project: running.project.name, projectName: running.projectName, service: service, phase: phase,
          elapsed: elapsed))
    }
  }

  /// Starts the services and returns as soon as all of them are ready.
  ///
  /// - Throws: ``ComposeError`` as soon as it is certain that one of them will not be.
  func start(_ services: Set<String>) async throws -> Result {
    let began = ContinuousClock.now
    let expected = services.reduce(into: [String: Int]()) {
      let count = options.scale[$1] ?? configuration.services[$1]?.replicas ?? 1
      if count > 0 { $0[$1] = count }
    }
    // From a moment ago, so that it does not matter when the engine begins to listen. Another machine has another clock.
    let since = running.engine.isRemote ? nil : "\(Int(Date.now.timeIntervalSince1970) - 1)"
    return try await watch(expected, began: began, starting: true, since: since)
  }

  /// Waits until services that have been started are ready.
  func watch(_ records: [ContainerRecord]) async throws -> Result {
    let expected = records.reduce(into: [String: Int]()) { $0[$1.service, default: 0] += 1 }
    // Events of before their start, above all the exit that made a restart necessary, are no longer true.
    let startedAt = records.filter { $0.status.state == .running }.compactMap { $0.state?.startedAt }.min()
    return try await watch(expected, began: .now, starting: false, since: startedAt)
  }

  private func watch(_ expected: [String: Int], began: ContinuousClock.Instant, starting: Bool, since: String?)
    async throws -> Result
  {
    var readiness = Readiness(expected: expected, options: options, began: began)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      let (signals, input) = AsyncThrowingStream<Signal, any Error>.makeStream()
      group.addTask { await feedEvents(since: since, into: input) }
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
        var changes: [Readiness.Change] = []
        let now = ContinuousClock.now
        switch signal {
        case .event(let event): changes = readiness.apply(event, at: now)
        case .inspected(let records): for record in records { changes += readiness.apply(record, at: now) }
        case .upFinished: readiness.upFinished(at: now)
        case .tick: wake = nil
        }
        changes += readiness.tick(at: .now)
        for change in changes {
          switch change {
          case .progress(let service, let phase): report([service], phase, at: ContinuousClock.now - began)
          case .inspect(let id):
            group.addTask { await feed(into: input) { .inspected(try await running.inspect(ids: [id])) } }
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
      let result = Result(readyAfter: ContinuousClock.now - began, serviceReadyAfter: readiness.readyAfter)
      group.cancelAll()
      return result
    }
  }

  private func feed(
    into input: AsyncThrowingStream<Signal, any Error>.Continuation, _ make: () async throws -> Signal
  ) async {
    do { input.yield(try await make()) } catch { input.finish(throwing: error) }
  }

  private func runUp(into input: AsyncThrowingStream<Signal, any Error>.Continuation) async {
    var arguments = ["up", "--detach", "--no-build"]
    for (service, count) in options.scale.sorted(by: { $0.key < $1.key }) {
      arguments += ["--scale", "\(service)=\(count)"]
    }
    arguments += options.services
    // Longer than all deadlines of services that wait for one another; those are watched one by one.
    let deadline = options.timeout * (configuration.services.count + 1) + .seconds(60)
    let command = running.compose(arguments, deadline: deadline)
    do {
      let output = try await command.run()
      // Whatever an event may have said less of: an image without containers, a container that was there before.
      let records = try await running.inspect()
      input.yield(.inspected(records))
      if output.succeeded {
        input.yield(.upFinished)
      } else {
        throw await StartFailure(running: running, configuration: configuration, options: options)
          .error(for: output, of: command, records: records)
      }
    } catch {
      input.finish(throwing: error)
    }
  }

  private func error(for failure: Readiness.Failure, after elapsed: Duration) async -> ComposeError {
    await StartFailure(running: running, configuration: configuration, options: options).error(
      for: failure, after: elapsed)
  }

  // MARK: Events

  /// Reads the engine's events of this project until cancelled.
  private func feedEvents(since: String?, into input: AsyncThrowingStream<Signal, any Error>.Continuation) async {
    var arguments = ["events", "--format", "{{json .}}", "--filter", "type=container"] + running.labelFilter
    if let since { arguments += ["--since", since] }
    var command = running.docker(arguments)
    command.patience = .zero
    do {
      let status = try await command.stream { line in
        if let event = try EngineEvent(line: line) { input.yield(.event(event)) }
      }
      try Task.checkCancellation()
      throw ComposeError(
        .engineUnavailable, "the engine stopped sending events (\(status)) while \(running.project.name) was starting",
        project: running.projectName, command: command.line, engine: running.engine.description,
        next: "was the engine restarted? docker info tells whether it answers")
    } catch {
      input.finish(throwing: error)
    }
  }
}
