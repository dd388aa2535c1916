import Foundation
import NIOCore
import NIOPosix

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A condition of your own that a service must meet on top of its health check before it counts as ready.
///
/// ```swift
/// var options = UpOptions()
/// options.probes["web"] = [.http(port: 80, path: "/health"), .logLine("listening")]
/// ```
///
/// A probe is tried until it holds; the service's deadline names the one that did not, and what it saw last.
public struct Probe: Sendable {
  /// What a probe looks at.
  public struct Target: Sendable {
    public let stack: ComposeStack
    public let service: String
    /// Which container of the service, from 1.
    public let replica: Int
  }
  /// What one try saw.
  public enum Outcome: Sendable, Hashable {
    case holds
    /// Not yet, with what was seen instead.
    case notYet(String)
  }

  /// What the probe is called in errors.
  public let name: String
  /// The pause between two tries.
  public var interval: Duration
  let check: @Sendable (Target) async throws -> Outcome

  /// A probe of your own; an error that `check` throws counts as "not yet", and is what the deadline quotes.
  public init(
    _ name: String, interval: Duration = .milliseconds(100), check: @escaping @Sendable (Target) async throws -> Outcome
  ) {
    self.name = name
    self.interval = interval
    self.check = check
  }

  /// A published TCP port takes a connection and does not close it at once.
  ///
  /// The engine's proxy accepts for a container in which nobody listens, and closes: connecting alone proves nothing.
  /// On a machine that is very busy it takes hundreds of milliseconds to close.
  public static func tcp(port: Int, steadyFor: Duration = .milliseconds(500)) -> Probe {
    Probe("TCP port \(port)") { target in
      let endpoint = try await target.stack.endpoint(of: target.service, port: port, replica: target.replica)
      let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connectTimeout(.seconds(2)).connect(host: endpoint.host, port: endpoint.port).get()
      let isOpen = try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
          try await channel.closeFuture.get()
          return false
        }
        group.addTask {
          try? await Task.sleep(for: steadyFor)
          // Closed here, so that the task that waits for the end of the connection ends as well.
          let isActive = channel.isActive
          channel.close(promise: nil)
          return isActive
        }
        let first = try await group.next() ?? false
        try await group.waitForAll()
        return first
      }
      return isOpen ? .holds : .notYet("\(endpoint) was closed at once: nobody listens in the container")
    }
  }

  /// A GET of a published port is answered with one of these status codes; redirections are followed.
  public static func http(port: Int, path: String = "/", statuses: Range<Int> = 200..<300) -> Probe {
    Probe("HTTP GET :\(port)\(path)") { target in
      let endpoint = try await target.stack.endpoint(of: target.service, port: port, replica: target.replica)
      guard let url = URL(string: "http://\(endpoint)\(path.hasPrefix("/") ? "" : "/")\(path)") else {
        return .notYet("\(path) is not a path of a URL")
      }
      let request = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData, timeoutInterval: 5)
      let (_, response) = try await URLSession.shared.answer(to: request)
      guard let status = (response as? HTTPURLResponse)?.statusCode else { return .notYet("no HTTP answer") }
      return statuses.contains(status) ? .holds : .notYet("status \(status)")
    }
  }

  /// The service has printed a line that contains a text, since its container was started for the first time.
  public static func logLine(_ text: String) -> Probe {
    Probe("log line \"\(text)\"", interval: .milliseconds(250)) { target in
      let log = try await target.stack.containerLog(of: target.service, replica: target.replica)
      if log.contains(text) { return .holds }
      return .notYet(log.outputLines.last.map { "its last line is \"\($0.prefix(200))\"" } ?? "it has printed nothing")
    }
  }

  /// A closure returns true.
  public static func closure(_ name: String, _ holds: @escaping @Sendable (ComposeStack) async throws -> Bool) -> Probe
  {
    Probe(name) { try await holds($0.stack) ? .holds : .notYet("it returned false") }
  }
}

/// Tries the probes of a project's services side by side, each against its service's deadline.
///
/// It only tries them: `StackStarter` listens to the engine meanwhile, and cancels this when a service fails.
struct ProbeRunner: Sendable {
  let stack: ComposeStack
  let options: UpOptions

  /// The services among these that have probes.
  static func probed(_ services: some Sequence<String>, options: UpOptions) -> Set<String> {
    Set(services.filter { options.probes[$0]?.isEmpty == false })
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
        project: stack.projectName, next: "did somebody remove it? docker events tells")
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
