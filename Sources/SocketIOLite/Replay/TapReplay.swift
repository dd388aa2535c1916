#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Plays what clients said in a recording to another server, and compares what that one says.
package struct TapReplay: Sendable {
  /// When the next thing is said.
  package enum Timing: Sendable {
    /// As long after the beginning as it was.
    case recorded
    /// At once, or once what was asked before is answered.
    case fast
  }

  /// How often the server said something, then and now.
  package struct Count: Sendable, Hashable, Codable {
    /// The event's name, with its namespace unless that is "/"; or “answers to” one.
    package var what: String
    package var recorded: Int
    package var replayed: Int
    /// How many of those came with the payload that they had then, in the same order.
    package var same: Int
  }

  package struct Outcome: Sendable, Codable {
    package var sessions: Int
    package var seconds: Double
    package var counts: [Count]
    /// What could not be done, in the order in which it was found.
    package var problems: [String]
    /// Whether the server said everything as often as then.
    package var isComplete: Bool { problems.isEmpty && counts.allSatisfy { $0.replayed >= $0.recorded } }
  }

  let script: TapScript
  let url: String
  let timing: Timing
  /// How long to wait for an answer.
  let timeout: Duration
  /// How long to wait at the end for what is missing.
  let restTimeout: Duration
  let configuration: SocketIOConfiguration

  package init(
    _ script: TapScript, to url: String, timing: Timing = .recorded, timeout: Duration = .seconds(30),
    restTimeout: Duration? = nil, configuration: SocketIOConfiguration = .init(reconnection: nil)
  ) {
    self.script = script
    self.url = url
    self.timing = timing
    self.timeout = timeout
    self.restTimeout = restTimeout ?? timeout
    self.configuration = configuration
  }

  /// Plays every session; those that overlapped then overlap now.
  package func run() async -> Outcome {
    let start = ContinuousClock.now
    let played = await withTaskGroup(of: (Int, SessionReplay.Result).self) { group in
      for (index, session) in script.sessions.enumerated() {
        group.addTask { (index, await SessionReplay(session.name, session.steps, self, start).run()) }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    let results = played.sorted { $0.key < $1.key }.map(\.value)
    var counts: [String: Count] = [:]
    for result in results {
      for (what, then) in result.recorded {
        let now = result.replayed[what] ?? []
        let same = zip(then, now).count { $0 == $1 }
        counts[what, default: Count(what: what, recorded: 0, replayed: 0, same: 0)].add(then.count, now.count, same)
      }
      for (what, now) in result.replayed where result.recorded[what] == nil {
        counts[what, default: Count(what: what, recorded: 0, replayed: 0, same: 0)].add(0, now.count, 0)
      }
    }
    let seconds = ContinuousClock.now - start
    return Outcome(
      sessions: results.count,
      seconds: Double(seconds.components.seconds) + Double(seconds.components.attoseconds) / 1e18,
      counts: counts.values.sorted { $0.what < $1.what }, problems: results.flatMap(\.problems))
  }
}

extension TapReplay.Count {
  fileprivate mutating func add(_ recorded: Int, _ replayed: Int, _ same: Int) {
    self.recorded += recorded
    self.replayed += replayed
    self.same += same
  }
}

/// One session of a recording, by one client.
private struct SessionReplay: Sendable {
  struct Result: Sendable {
    /// The payloads of what the server said, by what it was.
    var recorded: [String: [[UInt8]]] = [:]
    var replayed: [String: [[UInt8]]] = [:]
    var problems: [String] = []
  }

  let name: String
  let steps: [TapScript.Step]
  let replay: TapReplay
  let start: ContinuousClock.Instant

  init(_ name: String, _ steps: [TapScript.Step], _ replay: TapReplay, _ start: ContinuousClock.Instant) {
    (self.name, self.steps, self.replay, self.start) = (name, steps, replay, start)
  }

  private static func key(_ namespace: String, _ event: String) -> String {
    namespace == "/" ? event : "\(namespace) \(event)"
  }

  func run() async -> Result {
    var result = Result()
    let asked = steps.filter { $0.kind == .event && $0.direction == .toServer }
    for step in steps where step.direction == .toClient {
      if step.kind == .event {
        result.recorded[Self.key(step.namespace, step.event), default: []].append(step.bytes)
      } else if step.kind == .acknowledgement,
        let question = asked.first(where: { $0.ack == step.ack && $0.namespace == step.namespace })
      {
        result.recorded["answers to " + Self.key(question.namespace, question.event), default: []].append(step.bytes)
      }
    }
    guard let joining = steps.first(where: { $0.direction == .toServer && $0.kind == .connect }) else { return result }
    var configuration = replay.configuration
    configuration.namespace = joining.namespace
    configuration.auth = joining.auth
    configuration.ackTimeout = replay.timeout
    let client = SocketIOClient(url: replay.url, configuration: configuration)
    var namespaces: [String: Played] = [joining.namespace: Played(client.namespace(joining.namespace))]
    do {
      await wait(for: joining)
      try await client.withConnection { client in
        let isFirst = steps.firstIndex { $0.direction == .toServer && $0.kind == .connect }
        for (index, step) in steps.enumerated() where step.direction == .toServer && index != isFirst {
          await wait(for: step)
          try await play(step, client, &namespaces, &result)
        }
        await waitForRest(&namespaces, &result)
      }
    } catch {
      result.problems.append("session \(name): \(error)")
    }
    for played in namespaces.values { note(played.events.drain(), &result) }
    return result
  }

  /// A namespace, and what came in it.
  private struct Played {
    let namespace: SocketIONamespace
    let events: EventQueue<SocketIOEvent>
    /// What the server wants answered.
    let questions: EventQueue<SocketIOEvent>
    /// How many of the events have been counted.
    var counted = 0

    init(_ namespace: SocketIONamespace) {
      self.namespace = namespace
      events = namespace.allEvents(capacity: 1_000_000)
      questions = namespace.events(capacity: 1_000_000) { $0.ackID != nil }
    }
  }

  private func wait(for step: TapScript.Step) async {
    guard replay.timing == .recorded else { return }
    // Who is cancelled plays the rest at once and ends.
    try? await Task.sleep(until: start + step.offset, clock: .continuous)
  }

  private func play(
    _ step: TapScript.Step, _ client: SocketIOClient, _ namespaces: inout [String: Played], _ result: inout Result
  ) async throws {
    if step.kind == .connect {
      let namespace = client.namespace(step.namespace, auth: step.auth)
      namespaces[step.namespace] = namespaces[step.namespace] ?? Played(namespace)
      return try await client.join(namespace)
    }
    guard let played = namespaces[step.namespace] else { return }
    switch step.kind {
    case .event where step.ack != nil:
      do {
        let answer = try await played.namespace.emitWithAck(step.event, arguments: step.arguments)
        result.replayed["answers to " + Self.key(step.namespace, step.event), default: []].append(
          Self.canonical(answer))
      } catch let error as SocketIOError where error.code == .ackTimedOut {
        // Perhaps it was not answered then either: the counts tell.
      }
    case .event: try await played.namespace.emit(step.event, arguments: step.arguments)
    case .acknowledgement:
      let question = try await played.questions.next(timeout: replay.timeout)
      try await played.namespace.acknowledge(question, arguments: step.arguments)
    case .disconnect:
      await waitForRest(&namespaces, &result)
      client.leave(played.namespace)
    case .connect, .connectError: break
    }
  }

  /// Waits until as many events have come as then, or for as long as is to be waited.
  private func waitForRest(_ namespaces: inout [String: Played], _ result: inout Result) async {
    let deadline = ContinuousClock.now + replay.restTimeout
    for (name, played) in namespaces {
      let wanted = steps.count { $0.direction == .toClient && $0.kind == .event && $0.namespace == name }
      var came: [SocketIOEvent] = []
      do {
        came = try await played.events.collect(wanted - played.counted, timeout: max(deadline - .now, .zero))
      } catch let late as EventQueue<SocketIOEvent>.Timeout {
        came = late.arrived
      } catch {
        // The queue ended: the counts tell.
      }
      namespaces[name]?.counted += came.count
      note(came, &result)
    }
  }

  private func note(_ events: [SocketIOEvent], _ result: inout Result) {
    for event in events {
      result.replayed[Self.key(event.namespace, event.name), default: []].append(Self.canonical(event))
    }
  }

  /// The payload in a form in which the order of keys and white space do not count.
  private static func canonical(_ event: SocketIOEvent) -> [UInt8] {
    let payload = event.payload
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(payload)) else { return payload }
    let attachments = event.attachmentBuffers
    return bytes(value.filled { attachments.indices.contains($0) ? Data(attachments[$0].readableBytesView) : nil })
  }

  /// Whole, attachments included.
  static func bytes(_ value: JSONValue) -> [UInt8] { Array(value.text.utf8) }
}

extension TapScript.Step {
  /// The arguments as they were, for comparing.
  fileprivate var bytes: [UInt8] { SessionReplay.bytes(.array(arguments)) }

  fileprivate var auth: (@Sendable () async throws -> any Encodable & Sendable)? {
    guard let auth = arguments.first, case .object = auth else { return nil }
    return { auth }
  }
}
