import ComposeKit
import ComposeTesting
import Foundation
import SocketIOLite
import Synchronization

/// Both compose projects running side by side, with the tap between worker and STS.
public struct DualStackEnvironment: Sendable {
  public var stack: DualStack
  public var media: ComposeStack
  public var sts: ComposeStack
  /// Records what the worker sends and gets.
  public var tap: SocketIOTap
  /// Between that tap and STS: injects faults, and records what STS itself said.
  public var wire: SocketIOTap
  public var rtsp: Endpoint
  public var rtmp: Endpoint
  public var controlAPI: ControlAPI
  public var worker: Endpoint
  public var speech: Endpoint
  /// From the first `up` to the last healthy service.
  public var readyAfter: Duration

  /// Where a publisher sends the stream, `rtsp://localhost:8554/live/<stream>/in`.
  public func inputURL(of stream: String, over transport: StreamPublisher.Transport) -> String {
    let endpoint = transport == .rtsp ? rtsp : rtmp
    return "\(transport.rawValue)://\(endpoint)/\(path(stack.inputPath, of: stream))"
  }

  /// Where the dubbed stream is played, `rtmp://localhost:1935/live/<stream>/out`.
  public func outputURL(of stream: String) -> String { "rtmp://\(rtmp)/\(path(stack.outputPath, of: stream))" }

  func path(_ template: String, of stream: String) -> String { template.replacing("{stream}", with: stream) }

  /// The address under which containers of the media project reach STS: the tap's.
  public var speechURLForWorker: String { "http://\(stack.hostName):\(tap.port)" }
}

/// Starts both projects with a tap between them, runs `body`, and takes everything down however `body` ends.
///
/// On few cores several that are called at once start one after the other.
///
/// - Throws: ``StackFileError`` when the stacks were read from a file that cannot be used; `ComposeError` when a project cannot be
///   started, `SocketIOError` when the tap cannot listen, and what `body` throws.
public func withDualStack<R: Sendable>(
  _ stack: DualStack, progress: (@Sendable (ServiceProgress) -> Void)? = nil,
  _ body: @Sendable (DualStackEnvironment) async throws -> R
) async throws -> R {
  if let problem = stack.problem { throw problem }
  let isStarted = Atomic(false)
  do {
    return try await ConcurrencyLimit.starts.withPlace { start in
      try await withStacks(stack, progress: progress) { environment in
        isStarted.store(true, ordering: .relaxed)
        start.leave()
        return try await body(environment)
      }
    }
  } catch let error as ComposeError where error.code == .unknownService && !isStarted.load(ordering: .relaxed) {
    throw stack.unknownService(error)
  }
}

private func withStacks<R: Sendable>(
  _ stack: DualStack, progress: (@Sendable (ServiceProgress) -> Void)?,
  _ body: @Sendable (DualStackEnvironment) async throws -> R
) async throws -> R {
  let gateway = try await ComposeEngine.bridgeGateway()
  return try await SocketIOTap.withTap(upstream: nil) { wire in
    try await SocketIOTap.withTap(upstream: wire.url, listen: .loopback(and: [gateway])) { tap in
      var media = stack.media
      media.environment[stack.stsURLVariable] = "http://\(stack.hostName):\(tap.port)"
      var sts = stack.sts
      sts.environment[stack.gatewayVariable] = gateway
      return try await withComposeStacks([media, sts], options: stack.upOptions, progress: progress) { stacks in
        let environment = try await DualStackEnvironment(
          stack: stack, media: stacks[0], sts: stacks[1], tap: tap, wire: wire)
        try wire.setUpstream("http://\(environment.speech)")
        return try await body(environment)
      }
    }
  }
}

extension DualStack {
  fileprivate var upOptions: UpOptions {
    var options = UpOptions()
    options.timeout = budget.health
    // The same deadline once more, by name: a service that no compose file has is then refused before anything is started.
    let services = Set([rtsp, rtmp, controlAPI, worker, speech].map(\.service))
    options.timeouts = Dictionary(uniqueKeysWithValues: services.map { ($0, budget.health) })
    // An image without a shell, such as MediaMTX's, cannot have a health check: it is asked from here.
    options.probes[controlAPI.service] = [.http(port: controlAPI.number, path: "/v3/paths/list")]
    options.stopTimeout = .seconds(3)
    return options
  }

  /// Says it in the words of the file, if there is one.
  fileprivate func unknownService(_ error: ComposeError) -> any Error {
    guard let file, let service = error.service else { return error }
    return StackFileError(
      code: .unknownService, file: file, problem: "no compose file has a service \(service)",
      next: error.next ?? "compare with `docker compose config --services`")
  }
}

extension DualStackEnvironment {
  fileprivate init(stack: DualStack, media: ComposeStack, sts: ComposeStack, tap: SocketIOTap, wire: SocketIOTap)
    async throws
  {
    self.stack = stack
    self.media = media
    self.sts = sts
    self.tap = tap
    self.wire = wire
    rtsp = try await media.endpoint(of: stack.rtsp.service, port: stack.rtsp.number)
    rtmp = try await media.endpoint(of: stack.rtmp.service, port: stack.rtmp.number)
    controlAPI = ControlAPI(
      endpoint: try await media.endpoint(of: stack.controlAPI.service, port: stack.controlAPI.number))
    worker = try await media.endpoint(of: stack.worker.service, port: stack.worker.number)
    speech = try await sts.endpoint(of: stack.speech.service, port: stack.speech.number)
    readyAfter = max(media.readyAfter, sts.readyAfter)
  }
}

extension DualStackEnvironment {
  /// How one published port answers.
  public struct Health: Sendable, Hashable {
    public var name: String
    public var url: String
    public var isHealthy: Bool
    /// What came back.
    public var answer: String
  }

  /// Asks all five ports: control API, worker and STS by HTTP, RTSP and RTMP by asking for a path that does not exist.
  public func health() async -> [Health] {
    async let api = http("control API", "http://\(controlAPI.endpoint)/v3/paths/list")
    async let workerHealth = http("worker", "http://\(worker)\(stack.workerHealthPath)")
    async let speechHealth = http("sts", "http://\(speech)\(stack.speechHealthPath)")
    // Only a server that speaks the protocol can say that it has no such stream.
    async let rtspHealth = refusal("rtsp", "rtsp://\(rtsp)/\(path(stack.inputPath, of: "no-such-stream"))") {
      $0.contains("404")
    }
    async let rtmpHealth = refusal("rtmp", outputURL(of: "no-such-stream"), isRefusal: Self.refusesInRTMP)
    return await [api, workerHealth, speechHealth, rtspHealth, rtmpHealth]
  }

  private func http(_ name: String, _ url: String) async -> Health {
    do {
      let (status, body) = try await HTTP.get(url, timeout: .seconds(5))
      return Health(
        name: name, url: url, isHealthy: status == 200,
        answer: "\(status) \(String(decoding: body.prefix(200), as: UTF8.self))")
    } catch {
      return Health(name: name, url: url, isHealthy: false, answer: "\(error)")
    }
  }

  /// Whether ffprobe's words about a stream that nobody publishes are due to a server that speaks RTMP.
  ///
  /// MediaMTX just closes the connection, of which ffprobe says an input error and nothing else; other servers say `NetStream.Play.…`.
  /// Before that it would have complained about the connection or the handshake.
  static func refusesInRTMP(_ words: String) -> Bool {
    if words.contains("Server error: NetStream.Play.") { return true }
    let noServer = ["Cannot open connection", "handshake", "Server response validating failed"]
    return ["Input/output error", "End of file"].contains(where: words.contains)
      && !noServer.contains(where: words.contains)
  }

  private func refusal(_ name: String, _ url: String, isRefusal: (String) -> Bool) async -> Health {
    do {
      _ = try await MediaInfo.probe(url)
      return Health(name: name, url: url, isHealthy: false, answer: "a stream that nobody publishes can be played")
    } catch {
      return Health(name: name, url: url, isHealthy: isRefusal("\(error)"), answer: "\(error)")
    }
  }
}
