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
    /// The running project.
    public let stack: ComposeStack
    /// The service that is asked.
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
