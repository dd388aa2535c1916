import ComposeTesting
import Foundation
import SocketIOLite

/// One stream of one test case: a name that nothing else uses, and the way from publishing to the verdict.
public struct LiveStream: Sendable {
  /// Unique on the media server, `test_<case>_<unique>`.
  public var name: String
  /// Where it is published.
  public var environment: DualStackEnvironment
  /// Over which protocol it is published.
  public var transport: StreamPublisher.Transport
  /// Where recording, events and logs of this stream are kept.
  public var folder: URL
  /// Among those that are published at once, and among those that are live; nil: not counted, like a ``sibling(_:in:)``.
  var places: (publishing: ConcurrencyLimit.Place, live: ConcurrencyLimit.Place)?

  /// - Parameters:
  ///   - name: fit for a path on a media server, and not in use there.
  ///   - environment: where it is published.
  ///   - transport: the protocol over which it is published; it is played over RTMP.
  ///   - folder: nil: a folder of that name and a unique suffix in the report's `streams/`.
  package init(
    name: String, environment: DualStackEnvironment, transport: StreamPublisher.Transport = .rtsp, folder: URL? = nil
  ) {
    self.name = name
    self.environment = environment
    self.transport = transport
    self.folder =
      folder
      ?? RunReporter.shared.folder.appending(path: "streams/\(name)-\(UUID().uuidString.prefix(8).lowercased())")
  }

  /// The recorded output, once ``dub(_:under:)`` has returned and there was one.
  public var recording: URL { folder.appending(path: "output.flv") }

  /// A stream of the same test case beside this one, with a name and a folder of its own.
  ///
  /// - Parameters:
  ///   - suffix: what its name ends in, after this one's.
  ///   - environment: where it is published; nil: where this one is.
  public func sibling(_ suffix: String, in environment: DualStackEnvironment? = nil) -> LiveStream {
    LiveStream(
      name: "\(name)_\(suffix)", environment: environment ?? self.environment, transport: transport,
      folder: folder.deletingLastPathComponent().appending(path: "\(name)_\(suffix)"))
  }

  /// Whether a stream's name is this one, or that of a ``sibling(_:in:)`` of it.
  static func isStream(_ other: String, orSiblingOf name: String) -> Bool {
    other == name || other.hasPrefix(name + "_")
  }

  /// The same stream, published over another protocol.
  public func over(_ transport: StreamPublisher.Transport) -> LiveStream {
    var changed = self
    changed.transport = transport
    return changed
  }

  /// The same stream, which leaves the one place when it has been published, and the other when its output has ended.
  func holding(publishing: ConcurrencyLimit.Place, live: ConcurrencyLimit.Place) -> LiveStream {
    var changed = self
    changed.places = (publishing, live)
    return changed
  }

  /// Publishes the fixture, follows it through both stacks, records what comes out, and judges it.
  ///
  /// The verdict may well be that the stream failed; what is thrown is only what prevents a verdict.
  /// - Parameters:
  ///   - fixture: what is published.
  ///   - fault: what is broken on purpose meanwhile.
  /// - Throws: ``DubbingError`` when the fixture cannot be published or the fault not injected.
  public func dub(_ fixture: Fixture, under fault: StreamFault? = nil) async throws -> DubbingVerdict {
    try await dubbed(fixture, under: fault).verdict
  }

  /// The same, with what it sounded like, and what the machine lacked meanwhile.
  func dubbed(
    _ fixture: Fixture, under fault: StreamFault?
  ) async throws -> (verdict: DubbingVerdict, sound: StreamSound, starvation: Starvation) {
    try await fixture.check(segment: environment.stack.budget.segment)
    let around = environment.stack.padding.map { " and \(($0.lead + $0.tail).seconds) s around it" } ?? ""
    Console.print("… \(fixture.name): publishing \(fixture.duration) s\(around) over \(transport.rawValue) as \(name)")
    let contract = environment.stack.contract
    if let fault, let refusal = environment.stack.refusal(of: fault) {
      throw DubbingError(
        .faultNotInjected, stream: name, reason: "the fault '\(fault.name)' cannot be injected",
        evidence: ["because   \(refusal)"],
        next: "choose another fault, or another environment")
    }
    let rule = fault?.rule(for: name, contract) { [environment, name] in
      Set(environment.wire.fragmentIDs(of: name, contract: contract))
    }
    if let rule { environment.wire.addRule(rule) }
    defer { if let rule { environment.wire.removeRule(named: rule.name) } }
    let padding = environment.stack.padding
    var published = fixture
    if let padding {
      published = try await fixture.padded(by: padding, in: RunReporter.shared.folder.appending(path: "padded"))
    }
    let publisher = publisher(of: published, under: fault)
    async let preparedChecks = PreparedChecks(environment.stack.checks, in: environment)
    try await publisher.prepare()
    let checks = await preparedChecks
    let began = Date()
    let before = MachineLoad.now(of: environment.containers)
    let course = try await publishAndRecord(with: publisher, of: fixture, to: recording, under: fault)
    let ended = Date()
    let problem = course.problem
    let starvation = before.starvation(
      until: .now(of: environment.containers), late: Heartbeat.shared.late(since: before.time),
      tasksLate: Heartbeat.shared.tasksLate(since: before.time).total)
    places?.live.leave()
    let sent = environment.wire.records(of: name, contract: contract)
    let received = environment.tap.records(of: name, contract: contract)
    try EventLog.write(received, to: folder.appending(path: "events.jsonl"))
    if let rule, !sent.contains(where: { $0.faults.contains(rule.name) }) {
      throw DubbingError(
        .faultNotInjected, stream: name, reason: "the fault '\(rule.name)' was not injected: no event matched it",
        next: "look at events.jsonl in \(folder.path)")
    }
    let heard = contract.observed(received)
    let events = StreamEvents(heard, stream: name, contract: contract)
    var analysis = OutputAnalysis(
      stream: name, fixture: fixture.heard(by: events.recogniser), budget: environment.stack.budget,
      tolerances: environment.stack.tolerances,
      tail: environment.stack.tail, picture: environment.stack.picture,
      events: events,
      spoken: StreamEvents(contract.observed(sent), stream: name, contract: contract))
    if let padding { analysis.published = (await FixtureAnalysis.shared.media(of: published), padding) }
    let output = problem == nil ? MediaFile(recording.path) : nil
    let (judged, sound) = try await ConcurrencyLimit.verdicts.withPlace { [analysis] _ in
      async let sound = StreamSound.of(fixture, output: output)
      let evidence = try await analysis.evidence(of: output, problem: problem)
        .heard(by: .chosen, in: recording, folder: folder)
      return (evidence, await sound)
    }
    let evidence = judged.joined(after: course.workerJoined, lead: publisher.lead)
    var verdict = DubbingVerdict(evidence)
    verdict.checks += await checks.answers(
      StreamFindings(
        stream: name, fixture: fixture, environment: environment, began: began, ended: ended, events: heard,
        connectedAt: environment.tap.connectionDate(of: received), recording: problem == nil ? recording : nil,
        firstOutputAfter: course.firstOutput, evidence: evidence, verdict: verdict))
    return (verdict, sound, starvation)
  }

  private enum Part: Sendable {
    case published
    /// When the output was there, from the start; and why there is no recording, where there is none.
    case recorded(after: Duration?, problem: String?)
    /// From the path being ready to the worker reading it; nil: it never did.
    case workerJoined(Duration?)
  }

  /// What was seen of a stream while it ran.
  private struct Course: Sendable {
    var problem: String?
    var firstOutput: Duration?
    var workerJoined: Duration?
  }

  private func publisher(of fixture: Fixture, under fault: StreamFault?) -> StreamPublisher {
    var publisher = StreamPublisher(
      fixture: fixture, url: environment.inputURL(of: name, over: transport), transport: transport)
    publisher.lead = StreamPlaces.shared.lead(described: environment.stack.publisherLead)
    publisher.rate = environment.stack.readRate
    fault?.publisher?(&publisher)
    return publisher
  }

  /// Runs publisher and recorder side by side, and meanwhile reads of the fixture what the output will be compared with.
  private func publishAndRecord(
    with publisher: StreamPublisher, of original: Fixture, to file: URL, under fault: StreamFault?
  ) async throws -> Course {
    let stack = environment.stack
    let fixture = publisher.fixture
    let input = environment.path(stack.inputPath, of: name)
    let output = environment.path(stack.outputPath, of: name)
    let recorder = StreamRecorder(url: environment.outputURL(of: name), file: file)
    let budget = stack.budget
    // The first fragment is cut after one segment and may take its whole time before it falls back to the original; what
    // cannot be dubbed has until its end to be refused.
    let firstOutput =
      publisher.firstPacketAfter
      + (fixture.canBeDubbed ? budget.segment + budget.fragment + .seconds(10) : .seconds(fixture.duration))
    let joining = publisher.firstPacketAfter + .seconds(fixture.duration)
    return try await withThrowingTaskGroup(of: Part.self) { group in
      group.addTask {
        try await RunReporter.shared.publishing { try await publish(with: publisher) }
        return .published
      }
      if let disturbance = fault?.services {
        group.addTask {
          try await disturbance(environment)
          return .published
        }
      }
      group.addTask {
        let clock = ContinuousClock()
        let start = clock.now
        var after: Duration?
        do {
          try await environment.controlAPI.wait(for: output, timeout: firstOutput)
          after = start.duration(to: clock.now)
          async let meanwhile: Void = useTheWait(original)
          try await recorder.run(timeout: budget.pipeline)
          await meanwhile
          return .recorded(after: after, problem: nil)
        } catch let error as DubbingError where [.pathNotReady, .recordingFailed].contains(error.code) {
          return .recorded(after: after, problem: error.description)
        }
      }
      // What is not to be dubbed need not reach STS.
      if fixture.canBeDubbed, [.dubbed, .mixed, .silent].contains(fixture.expectedOutcome) {
        group.addTask {
          // The first fragment is due one segment after the first packet; as much again for a worker that is slow to start.
          try await environment.requireConnection(
            for: name, within: publisher.firstPacketAfter + budget.segment + max(budget.segment, .seconds(6)))
          return .published
        }
      }
      group.addTask {
        // A figure, not a check: a server that cannot be asked is found out by those who need it.
        let joined = try? await environment.controlAPI.firstReader(of: input, within: joining)
        if let joined { StreamPlaces.shared.noteJoin(after: joined, of: publisher.lead) }
        return .workerJoined(joined)
      }
      var course = Course()
      for try await part in group {
        switch part {
        case .published: break
        case .recorded(let after, let problem): (course.firstOutput, course.problem) = (after, problem)
        case .workerJoined(let after): course.workerJoined = after
        }
      }
      if course.workerJoined == nil { course.problem? += "\n" + stack.nobodyReads(input) }
      return course
    }
  }

  /// Does while a stream runs what would have to be done before it or after it.
  private func useTheWait(_ fixture: Fixture) async {
    await OutputAnalysis.readAhead(fixture)
    await RunReporter.shared.noteVersions(on: environment.media.engine)
  }

  /// Publishes, and leaves its place to the next when only as much is left as the next will wait before its first packet.
  private func publish(with publisher: StreamPublisher) async throws {
    // Cancelled, and awaited, when the publisher has ended.
    async let _ = leavePlace(after: publisher.length)
    try await publisher.run()
    // Before its time if it failed, or was killed on purpose.
    places?.publishing.leave()
  }

  private func leavePlace(after time: Duration) async {
    guard (try? await Task.sleep(for: time)) != nil else { return }
    places?.publishing.leave()
  }
}
