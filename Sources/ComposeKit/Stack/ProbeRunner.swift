/// Tries the probes of a project's services side by side, each against its service's deadline.
///
/// It only tries them: `StackStarter` listens to the engine meanwhile, and cancels this when a service fails.
struct ProbeRunner: Sendable {
  let stack: ComposeStack
  private var options: UpOptions { stack.options }

  /// What a start has to try once all services have come up.
  static func probing(
    _ running: RunningProject, _ configuration: ProjectConfiguration, _ options: UpOptions
  ) -> Probing {
    Probing(services: Set(options.probes.filter { !$0.value.isEmpty }.keys)) { services, times, serviceReady in
      let stack = ComposeStack(running: running, configuration: configuration, options: options, times: times)
      try await ProbeRunner(stack: stack).run(services: services, serviceReady: serviceReady)
    }
  }

  /// Returns when every probe of these services holds.
  ///
  /// - Parameter serviceReady: is called when all probes of a service hold.
  /// - Throws: ``ComposeError``: `timedOut`, naming the probe.
  func run(services: Set<String>, serviceReady: @Sendable (String) -> Void) async throws {
    let records = try await stack.running.inspect(services: services.sorted())
    for service in services.sorted() where !records.contains(where: { $0.service == service }) {
      throw ComposeError(
        .notRunning, "\(service) did not become ready: its container is gone", service: service,
        project: stack.projectName, next: "did somebody remove it? \(stack.engine.access.line("events")) tells")
    }
    let began = ContinuousClock.now
    try await withThrowingTaskGroup(of: String.self) { group in
      var open: [String: Int] = [:]
      for record in records {
        let target = Probe.Target(stack: stack, service: record.service, replica: record.replica)
        for probe in options.probes[record.service] ?? [] {
          open[record.service, default: 0] += 1
          group.addTask {
            try await hold(probe, target, record, began: began)
            return record.service
          }
        }
      }
      for try await service in group {
        open[service, default: 1] -= 1
        if open[service] == 0 { serviceReady(service) }
      }
    }
  }

  private func hold(_ probe: Probe, _ target: Probe.Target, _ record: ContainerRecord, began: ContinuousClock.Instant)
    async throws
  {
    let timeout = options.timeouts[target.service] ?? options.timeout
    let tries = LastOutcome()
    let isDone = try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        while true {
          do {
            switch try await probe.check(target) {
            case .holds: return true
            case .notYet(let seen): await tries.set(seen)
            }
          } catch {
            try Task.checkCancellation()
            await tries.set("\(error)".outputLines.first ?? "an error")
          }
          try await Task.sleep(for: probe.interval)
        }
      }
      group.addTask {
        try await Task.sleep(until: began + timeout, clock: .continuous)
        return false
      }
      defer { group.cancelAll() }
      return try await group.next() ?? false
    }
    guard !isDone else { return }
    var error = ComposeError(
      .timedOut,
      "\(target.service) did not become ready within \(timeout.text): its probe \(probe.name) does not hold",
      service: target.service, project: stack.projectName, engine: stack.engine.description,
      next: "see its last log lines; a slow service needs a longer UpOptions.timeout")
    error.probeOutput = await tries.text ?? "the first try has not come back"
    error.evidence = await stack.running.lastLog(of: record)
    throw error
  }

  private actor LastOutcome {
    var text: String?
    func set(_ text: String) { self.text = text }
  }
}
