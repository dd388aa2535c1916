/// Decides from engine events and inspections when the services of a project are ready, and when they never will be.
///
/// A pure state machine: times are handed in, nothing is started here. The rules: a health check must say healthy; without one a
/// container must have run for the settling time; one that exits with 0 is complete, and one of which another service waits for the
/// end has to be, whatever its health check says.
struct Readiness: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// What one container has come to.
  enum Phase: Sendable, Hashable {
    case created, starting
    case ready(ServiceProgress.Phase)
    case exited(code: Int)
  }
  struct Container: Sendable {
    var service: String
    var replica: Int
    var phase: Phase = .created
    var startedAt: Instant?
    /// nil until the container has been inspected.
    var hasHealthCheck: Bool?
    var policy: RestartPolicy?
    var health: ServiceStatus.Health = .none
    var exits = 0
    var isOutOfMemory = false
    var isPaused = false
    /// When an inspection may say more than events do.
    var lookAgainAt: Instant?
    /// Since when it has been found stopped although its policy restarts it.
    var stoppedSince: Instant?
    /// Whether it still was a while later: somebody has stopped it on purpose.
    var isStoppedForGood = false
  }
  /// Why the project will not become ready.
  struct Failure: Sendable, Hashable {
    enum Cause: Sendable, Hashable {
      case exited(code: Int)
      case outOfMemory(code: Int?)
      case restartLoop(exits: Int, code: Int)
      case unhealthy
      case timedOut(after: Duration, state: String)
    }
    var service: String
    var containerID: String?
    var cause: Cause
  }
  enum Change: Sendable, Hashable {
    case progress(service: String, ServiceProgress.Phase)
    /// The container's health check and restart policy have to be looked up.
    case inspect(containerID: String)
    /// All services have come up; now the probes of these have to hold.
    case probe(services: Set<String>)
  }

  let expected: [String: Int]
  /// The services that have probes.
  let probed: Set<String>
  /// The services that the engine does not restart, known from the files: their exit needs no inspection.
  let neverRestarted: Set<String>
  /// The services that have a health check, known from the files: their start needs no inspection.
  let healthChecked: Set<String>
  /// The services that have to end well, since another one waits for that.
  let jobs: Set<String>
  /// What each service waits for before it is started.
  let dependencies: [String: [String]]
  let rules: ReadinessRules
  let began: Instant
  private(set) var containers: [String: Container] = [:]
  private(set) var failure: Failure?
  /// When each service became ready, since the beginning.
  private(set) var readyAfter: [String: Duration] = [:]
  /// Whether `up` has finished: no further container will be created.
  private(set) var isUpFinished = false
  /// A service whose container does not exist yet waits for others; its time starts anew with each step of theirs.
  private var lastStep: Instant

  /// The number of exits that had been seen when the probes were tried, and what of them holds.
  private enum Probing: Sendable, Hashable {
    case no
    case running(exits: Int, holding: Set<String>)
    case done
  }
  private var probing: Probing

  init(
    expected: [String: Int], probed: Set<String> = [], neverRestarted: Set<String> = [],
    healthChecked: Set<String> = [], jobs: Set<String> = [], dependencies: [String: [String]] = [:],
    rules: ReadinessRules,
    began: Instant
  ) {
    self.expected = expected
    self.probed = probed
    self.neverRestarted = neverRestarted
    self.healthChecked = healthChecked
    self.jobs = jobs
    self.dependencies = dependencies
    probing = probed.isEmpty ? .done : .no
    self.rules = rules
    self.began = began
    lastStep = began
  }

  var isReady: Bool { hasComeUp && probing == .done }

  /// Whether every service is healthy, running or completed, probes aside.
  private var hasComeUp: Bool {
    failure == nil && isUpFinished && expected.keys.allSatisfy { readyAfter[$0] != nil }
  }

  /// How long after an inspection that is not the last word the next one follows.
  static let lookInterval = Duration.seconds(1)

  private var exits: Int { containers.values.reduce(0) { $0 + $1.exits } }

  // MARK: Input

  mutating func apply(_ event: EngineEvent, at now: Instant) -> [Change] {
    guard failure == nil else { return [] }
    if event.kind == .destroy {
      containers[event.containerID] = nil
      return []
    }
    let id = event.containerID
    var container = containers[id] ?? Container(service: event.service, replica: event.replica)
    var changes: [Change] = []
    lastStep = now
    switch event.kind {
    case .create:
      changes.append(.progress(service: event.service, .created))
    case .start:
      // An event that was overtaken by an inspection of the same state changes nothing.
      if container.phase != .starting || container.startedAt == nil { container.startedAt = now }
      container.phase = .starting
      container.health = .none
      container.isPaused = false
      container.stoppedSince = nil
      container.isStoppedForGood = false
      readyAfter[event.service] = nil
      changes.append(.progress(service: event.service, container.exits > 0 ? .restarting : .starting))
      if healthChecked.contains(event.service) {
        container.hasHealthCheck = true
      } else {
        changes.append(.inspect(containerID: id))
      }
    case .health(let health):
      container.hasHealthCheck = true
      container.health = health
      container.lookAgainAt = nil
    case .healthChecked:
      changes.append(.inspect(containerID: id))
    case .outOfMemory:
      container.isOutOfMemory = true
    case .die(let code):
      container.exits += 1
      container.phase = .exited(code: code)
      readyAfter[event.service] = nil
      changes.append(.inspect(containerID: id))
    case .pause:
      container.isPaused = true
    case .unpause:
      container.isPaused = false
      // What its health check says by now is in no event.
      container.hasHealthCheck = nil
      changes.append(.inspect(containerID: id))
    case .destroy:
      break
    }
    containers[id] = container
    return changes + evaluate(id, at: now)
  }

  mutating func apply(_ record: ContainerRecord, at now: Instant) -> [Change] {
    let status = record.status
    guard failure == nil, !record.isOneOff, !status.service.isEmpty else { return [] }
    var container = containers[record.id] ?? Container(service: status.service, replica: status.replica)
    container.hasHealthCheck = status.health != .none
    let policy = record.restartPolicy
    container.policy = policy
    container.isPaused = status.state == .paused
    container.lookAgainAt = nil
    container.isOutOfMemory = container.isOutOfMemory || status.isOutOfMemory
    container.exits = max(container.exits, status.restartCount)
    switch status.state {
    case .running, .paused:
      if container.startedAt == nil { container.startedAt = now }
      if container.phase == .created { container.phase = .starting }
      if record.isUnhealthyUnproven {
        // No event says when it proves true.
        container.lookAgainAt = now + Self.lookInterval
      } else if status.health != .none {
        container.health = status.health
      }
    case .restarting:
      if container.phase == .created { container.phase = .exited(code: record.state?.exitCode ?? -1) }
      container.stoppedSince = nil
      container.isStoppedForGood = false
    case .exited, .dead:
      switch container.phase {
      case .exited(let code) where code >= 0: break
      // The event did not tell the code.
      case .exited: container.phase = .exited(code: status.exitCode ?? -1)
      default:
        container.exits += 1
        container.phase = .exited(code: status.exitCode ?? -1)
      }
      if policy.restarts(afterExit: status.exitCode ?? -1, exits: container.exits) {
        // The engine may need a moment to begin.
        let since = container.stoppedSince ?? now
        container.stoppedSince = since
        container.isStoppedForGood = now - since >= Self.lookInterval
        container.lookAgainAt = now + Self.lookInterval
      }
    case .created, .removing, .unknown:
      break
    }
    containers[record.id] = container
    return evaluate(record.id, at: now)
  }

  mutating func upFinished(at now: Instant) {
    isUpFinished = true
    lastStep = now
  }

  /// Time has passed: containers settle, deadlines expire.
  mutating func tick(at now: Instant) -> [Change] {
    guard failure == nil else { return [] }
    var changes: [Change] = []
    for id in containers.keys.sorted() {
      changes += evaluate(id, at: now)
      if let time = containers[id]?.lookAgainAt, now >= time {
        containers[id]?.lookAgainAt = nil
        changes.append(.inspect(containerID: id))
      }
    }
    guard failure == nil, !hasComeUp else { return changes }
    for service in expected.keys.sorted() where readyAfter[service] == nil {
      guard let deadline = deadline(of: service), now >= deadline else { continue }
      failure = Failure(
        service: service, containerID: unready(service)?.id,
        cause: .timedOut(after: timeout(of: service), state: describe(service)))
      return changes + [.progress(service: service, .failed)]
    }
    return changes
  }

  // MARK: Probes

  /// Asks for the probes once everything has come up; their deadlines are the prober's.
  mutating func startProbing(at now: Instant) -> [Change] {
    guard hasComeUp, probing == .no else { return [] }
    probing = .running(exits: exits, holding: [])
    return probed.sorted().map { .progress(service: $0, .probing) } + [.probe(services: probed)]
  }

  mutating func probesHold(_ service: String, at now: Instant) -> [Change] {
    guard failure == nil, case .running(let exits, var holding) = probing else { return [] }
    holding.insert(service)
    probing = .running(exits: exits, holding: holding)
    if readyAfter[service] != nil { readyAfter[service] = now - began }
    return [.progress(service: service, .ready)]
  }

  /// All probes were tried until they held; one that held for a container that has exited since is tried anew.
  mutating func probingFinished() {
    guard case .running(let exits, let holding) = probing else { return }
    probing = exits == self.exits && holding == probed ? .done : .no
  }

  /// When `tick` has something to do next.
  var nextWake: Instant? {
    guard failure == nil, !hasComeUp else { return nil }
    var times = expected.keys.filter { readyAfter[$0] == nil }.compactMap { deadline(of: $0) }
    times += containers.values.compactMap(\.lookAgainAt)
    for container in containers.values
    where container.hasHealthCheck == false && container.phase == .starting && !container.isPaused
      && !jobs.contains(container.service)
    {
      if let startedAt = container.startedAt { times.append(startedAt + rules.settlingTime) }
    }
    return times.min()
  }

  // MARK: Rules

  private mutating func evaluate(_ id: String, at now: Instant) -> [Change] {
    guard failure == nil, var container = containers[id] else { return [] }
    let service = container.service
    func failed(_ cause: Failure.Cause, _ phase: ServiceProgress.Phase = .failed) -> [Change] {
      failure = Failure(service: service, containerID: id, cause: cause)
      return [.progress(service: service, phase)]
    }
    if container.isOutOfMemory {
      if case .exited(let code) = container.phase { return failed(.outOfMemory(code: code)) }
      return failed(.outOfMemory(code: nil))
    }
    let isJob = jobs.contains(service)
    switch container.phase {
    case .exited(let code):
      // Wait for the inspection: only it knows the restart policy and whether 137 was the OOM killer.
      let isKnown = neverRestarted.contains(service) && code != 137
      guard code >= 0, let policy = container.policy ?? (isKnown ? .never : nil) else { return [] }
      if policy.restarts(afterExit: code, exits: container.exits), !container.isStoppedForGood {
        guard container.exits > rules.allowedRestarts else { return [] }
        return failed(.restartLoop(exits: container.exits, code: code))
      }
      guard code == 0 else { return failed(.exited(code: code)) }
      guard let hasHealthCheck = container.hasHealthCheck else { return [] }
      guard isJob || !hasHealthCheck else { return failed(.exited(code: code)) }
      container.phase = .ready(.completed)
    case .created, .ready:
      if container.health == .unhealthy && !isJob { return failed(.unhealthy, .unhealthy) }
      return []
    case .starting where isJob || container.isPaused:
      return []
    case .starting:
      guard let hasHealthCheck = container.hasHealthCheck else { return [] }
      if hasHealthCheck {
        if container.health == .unhealthy { return failed(.unhealthy, .unhealthy) }
        guard container.health == .healthy else { return [] }
        container.phase = .ready(.healthy)
      } else {
        guard let startedAt = container.startedAt, now - startedAt >= rules.settlingTime else { return [] }
        container.phase = .ready(.running)
      }
    }
    containers[id] = container
    guard case .ready(let phase) = container.phase else { return [] }
    lastStep = now
    if isServiceReady(service) { readyAfter[service] = now - began }
    return [.progress(service: service, phase)]
  }

  private func isServiceReady(_ service: String) -> Bool {
    let ready = containers.values.count {
      if case .ready = $0.phase { $0.service == service } else { false }
    }
    return ready >= expected[service, default: 1]
  }

  private func unready(_ service: String) -> (id: String, container: Container)? {
    containers.sorted { $0.key < $1.key }.first {
      if case .ready = $0.value.phase { false } else { $0.value.service == service }
    }.map { ($0.key, $0.value) }
  }

  private func timeout(of service: String) -> Duration { rules.timeout(of: service) }

  /// When a service has to be ready; nil while it is not its turn, since one that it waits for is not ready.
  private func deadline(of service: String) -> Instant? {
    let startedAt = containers.values.filter { $0.service == service }.compactMap(\.startedAt).min()
    if let startedAt { return startedAt + timeout(of: service) }
    let isWaiting = dependencies[service, default: []].contains { expected[$0] != nil && readyAfter[$0] == nil }
    return isWaiting ? nil : lastStep + timeout(of: service)
  }

  /// The state of a service that is being waited for, for messages.
  func describe(_ service: String) -> String {
    guard let container = unready(service)?.container else {
      let others = expected.keys.sorted().filter { $0 != service && readyAfter[$0] == nil }
      return "not created yet" + (others.isEmpty ? "" : ", with \(others.joined(separator: ", ")) not ready either")
    }
    switch container.phase {
    case .created: return "created, not started"
    case .starting where container.isPaused: return "paused"
    case .starting where jobs.contains(service): return "running, it has not ended yet"
    case .starting where container.lookAgainAt != nil:
      return "running, no health check has ended well since it was paused"
    case .starting where container.hasHealthCheck == true:
      return "running, its health check says \(container.health.rawValue)"
    case .starting: return "running, not settled"
    case .exited(let code): return "exited with code \(code), \(container.exits) times"
    case .ready(let phase): return phase.rawValue
    }
  }
}
