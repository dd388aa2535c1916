/// Turns the ways in which a start fails into errors with their evidence.
struct StartFailure: Sendable {
  let running: RunningProject
  let configuration: ProjectConfiguration
  let settings: StartSettings

  /// The error for a service that will not become ready.
  func error(for failure: Readiness.Failure, after elapsed: Duration) async -> ComposeError {
    var failure = failure
    let records: [ContainerRecord]
    if let id = failure.containerID {
      do {
        records = try await inspect(id, after: failure.cause)
        if case .exited(let code) = failure.cause, records.first?.status.isOutOfMemory == true {
          failure.cause = .outOfMemory(code: code)
        }
      } catch let error as ComposeError where error.code == .engineUnavailable {
        // An engine that is stopped ends its containers first: that is no fault of theirs.
        var error = error
        error.summary =
          "\(error.summary) any more: it was stopped, or has crashed, while \(failure.service) was starting"
        error.project = running.projectName
        error.engine = running.engine.description
        return error
      } catch {
        records = []
      }
    } else {
      records = []
    }
    return await error(for: failure, record: records.first, after: elapsed)
  }

  /// The engine may say only a moment after it has reported the end of a container that was killed that it was for its memory.
  private func inspect(_ id: String, after cause: Readiness.Failure.Cause) async throws -> [ContainerRecord] {
    var records = try await running.inspect(ids: [id])
    guard case .exited(code: 137) = cause else { return records }
    let end = ContinuousClock.now + .seconds(1)
    while records.first?.status.isOutOfMemory == false, ContinuousClock.now < end {
      try await Task.sleep(for: .milliseconds(100))
      records = try await running.inspect(ids: [id])
    }
    return records
  }

  private func error(for failure: Readiness.Failure, record: ContainerRecord?, after elapsed: Duration) async
    -> ComposeError
  {
    var error = Self.describe(failure, after: elapsed)
    error.project = running.projectName
    error.command = running.compose(["up", "--detach"] + settings.services).line
    error.engine = running.engine.description
    if let record {
      error.probeOutput = record.lastProbe
      error.evidence = await running.lastLog(of: record)
      if error.evidence.isEmpty { error.evidence = ["(\(failure.service) printed nothing)"] }
    }
    return error
  }

  /// What happened, in words (pure).
  static func describe(_ failure: Readiness.Failure, after elapsed: Duration) -> ComposeError {
    let service = failure.service
    let after = "after \(elapsed.text)"
    switch failure.cause {
    case .exited(let code):
      let meaning = meaning(ofExitCode: code).map { " (\($0))" } ?? ""
      let when = code == 0 ? "before its health check said healthy, " : ""
      return ComposeError(
        .exited, "\(service) did not become ready: it exited with code \(code)\(meaning) \(when)\(after)",
        service: service, exitCode: code,
        next: next(afterExitCode: code))
    case .outOfMemory(let code):
      let how =
        code.map { "it exited with code \($0) (out of memory)" } ?? "one of its processes was killed (out of memory)"
      return ComposeError(
        .outOfMemory, "\(service) did not become ready: \(how) \(after)", service: service, exitCode: code,
        next: "raise the service's memory limit, or give the engine more memory")
    case .restartLoop(let exits, let code):
      return ComposeError(
        .restartLoop,
        "\(service) did not become ready: it exited \(exits) times, last with code \(code), "
          + "and was restarted each time, \(after)", service: service, exitCode: code,
        next:
          "see its last log lines, or set restart: \"no\" to see the first exit; one that is meant to restart until "
          + "another service is up needs a higher UpOptions.allowedRestarts, or depends_on with service_healthy"
      )
    case .unhealthy:
      return ComposeError(
        .unhealthy, "\(service) did not become ready: its health check failed for good \(after)", service: service,
        next: "see the last probe; a slow service may need a longer start_period or more retries")
    case .timedOut(let timeout, let state):
      return ComposeError(
        .timedOut, "\(service) did not become ready within \(timeout.text): \(state)", service: service,
        next: "see its last log lines; a slow service needs a longer UpOptions.timeout")
    }
  }

  /// Where to look for the cause of an exit.
  ///
  /// An engine that is stopped ends its containers first, and answers while it does: seen from here, such an end is like any other.
  private static func next(afterExitCode code: Int) -> String {
    switch code {
    case 0: "a service that is meant to end needs no health check"
    case 137, 143:
      "somebody ended it: docker kill or stop, an engine that is being stopped, or a program in it; "
        + "see the engine's log beside its last log lines"
    default: "look for the cause in its last log lines"
    }
  }

  /// What an exit code usually means, for those that have a meaning of their own.
  static func meaning(ofExitCode code: Int) -> String? {
    switch code {
    case 125: "the engine could not start it"
    case 126: "its command cannot be executed"
    case 127: "its command was not found"
    case 137: "killed"
    case 139: "segmentation fault"
    case 143: "terminated"
    default: nil
    }
  }

  /// The error for an `up` that failed: a service's own failure if there is one, a taken port, or what compose says.
  func error(for output: Command.Output, of command: Command, records: [ContainerRecord]) async -> ComposeError {
    let now = ContinuousClock.now
    var readiness = Readiness(expected: [:], rules: settings.rules, began: now)
    for record in records where record.state?.status != "created" {
      _ = readiness.apply(record, at: now)
      if let failure = readiness.failure { return await error(for: failure, record: record, after: .zero) }
    }
    var error = command.failure(
      output, .upFailed, "project \(running.project.name) could not be started (exit code \(output.exitCode))")
    if let refusal = EngineRefusal(composeOutput: output.standardError) { await explain(refusal, in: &error) }
    error.project = running.projectName
    error.engine = running.engine.description
    return error
  }

  /// Makes an error of compose say what it was.
  private func explain(_ refusal: EngineRefusal, in error: inout ComposeError) async {
    error.service = refusal.service ?? error.service
    let access = running.engine.access
    switch refusal.cause {
    case .portInUse(let port):
      let holder = await PortHolder(port: port, engine: running.engine).find()
      error.code = .portInUse
      error.service = configuration.services.first { $0.value.hostPorts.contains(port) }?.key ?? error.service
      error.summary =
        "\(error.service ?? running.project.name) cannot publish port \(port): "
        + (holder.map { "it belongs to \($0)" } ?? "somebody else has it")
      error.next = "stop what has the port, or publish another one"
    case .nameInUse(let name, let holder):
      error.code = .nameInUse
      error.summary = "the container name \(name) belongs to \(await describe(container: holder))"
      error.next = "remove container_name from the compose file, so that two runs do not meet, or remove that container"
    case .noSuchAddress(let address):
      error.summary =
        "\(error.service ?? running.project.name) cannot publish its ports on \(address): the engine's host has no such address"
      error.next =
        address == running.engine.bindAddress
        ? "the engine is reached there by another machine (NAT, a proxy): say in \(EngineAddress.bindVariable) on which address of its "
          + "host ports are published; 0.0.0.0 is all of them, for whoever reaches them"
        : "publish them on another address in the compose file"
    case .networkPoolExhausted:
      error.code = .networkPoolExhausted
      error.summary = "the engine has no address range left for a network"
      error.next =
        "\(access.line("network ls")) shows what has them; \(access.line("network prune")) removes the unused ones, "
        + "and default-address-pools in the engine's daemon.json makes more"
    }
  }

  private func describe(container: String) async -> String {
    let format = "{{.Config.Image}}\t{{index .Config.Labels \"\(ComposeLabel.project)\"}}"
    let command = running.onEngine(["container", "inspect", "--format", format, container], deadline: .seconds(10))
    let short = "container \(container.prefix(12))"
    guard let output = try? await command.run(), output.succeeded else { return short }
    let fields = output.standardOutput.trimmed.split(separator: "\t").map(String.init)
    guard let image = fields.first else { return short }
    return "\(short) (image \(image)\(fields.count > 1 ? ", project \(fields[1])" : ""))"
  }
}
