import AudioPrint
import DubbingTesting
import Foundation
import SocketIOLite
import Testing

/// One stream at STS, opened as a worker would open it: with our own client, and without the tap.
struct SpeechSession: Sendable {
  let client: SocketIOClient
  let contract: Contract
  let stream: String
  /// Everything that STS says, in order of arrival.
  let all: EventQueue<SocketIOEvent>
  let acknowledged: EventQueue<SocketIOEvent>
  let processed: EventQueue<SocketIOEvent>
  let complete: EventQueue<SocketIOEvent>
  let errors: EventQueue<SocketIOEvent>
  /// What hears, where STS tells it.
  var recogniser: String?

  static let english = StreamInit.Configuration(sourceLanguage: "en", targetLanguage: "es")
  /// Longer than any answer may take: what is asked here is what STS says; how soon is for a stream's verdict.
  static let deadline = TimeBudget.standard.fragment * 3

  /// Opens a stream, runs `body` and takes leave of it.
  ///
  /// - Parameter configuration: nil connects without opening a stream.
  static func withStream<R: Sendable>(
    _ configuration: StreamInit.Configuration? = english, namespace: String? = nil,
    _ body: @Sendable (SpeechSession) async throws -> R
  ) async throws -> R {
    let environment = try await DualStackEnvironment.current
    let contract = environment.stack.contract
    var settings = SocketIOConfiguration()
    if let namespace = namespace ?? contract.namespaces?.sorted().first { settings.namespace = namespace }
    if let auth = contract.auth { settings.auth = { auth } }
    let client = SocketIOClient(url: "http://\(environment[.speech])", configuration: settings)
    // An event that the contract does not have never comes.
    let queue = { (event: Contract.Event) in client.events(named: contract.name(of: event) ?? "no such event") }
    var session = SpeechSession(
      client: client, contract: contract, stream: "test_sts_\(UUID().uuidString.prefix(8).lowercased())",
      all: client.events { _ in true }, acknowledged: queue(.fragmentAck), processed: queue(.fragmentProcessed),
      complete: queue(.streamComplete), errors: queue(.error))
    let ready = queue(.streamReady)
    return try await client.withConnection { _ in
      if let configuration {
        try await session.open(configuration)
        let answer = session.observed(try await ready.next(timeout: deadline))
        if case .streamReady(let ready) = answer.content { session.recogniser = ready.recogniser }
      }
      return try await body(session)
    }
  }

  func open(_ configuration: StreamInit.Configuration) async throws {
    try await emit(
      contract.message(StreamInit(streamID: stream, workerID: "e2e", config: configuration, maxInflight: 3)))
  }

  func send(_ audio: FragmentAudio, _ sequence: Int, to other: String? = nil) async throws {
    let fragment = FragmentData(
      fragmentID: "\(stream)-\(sequence)-\(audio.data.count)", streamID: other ?? stream, sequenceNumber: sequence,
      timestamp: Int64(Date().timeIntervalSince1970 * 1000), audio: audio)
    try await emit(contract.message(fragment))
  }

  func tell(_ event: Contract.Event) async throws {
    try await emit(contract.message(event, StreamControl(streamID: stream)))
  }

  private func emit(_ message: (name: String, arguments: [JSONValue])?) async throws {
    let message = try #require(message, "the contract has no such event")
    try await client.emit(message.name, arguments: message.arguments)
  }

  /// What STS has said, in the contract's terms.
  func observed(_ event: SocketIOEvent) -> ObservedEvent { ObservedEvent(event, .toWorker, contract: contract) }

  func answers(_ count: Int) async throws -> [FragmentProcessed] {
    try await processed.collect(count, timeout: Self.deadline).compactMap { event in
      let observed = self.observed(event)
      guard case .fragmentProcessed(let answer) = observed.content else {
        Issue.record("\(observed.violations.joined(separator: "; "))")
        return nil
      }
      return answer
    }
  }

  /// Sends everything at once and returns the answers in the order of arrival.
  static func answers(to audio: [FragmentAudio]) async throws -> [FragmentProcessed] {
    try await withStream { session in
      for (sequence, audio) in audio.enumerated() { try await session.send(audio, sequence) }
      let answers = try await session.answers(audio.count)
      try await session.tell(.streamEnd)
      #expect(session.errors.count == 0, "STS reported errors")
      return answers
    }
  }
}

extension FragmentAudio {
  static func silence(seconds: Int) -> FragmentAudio {
    FragmentAudio(
      sampleRateHz: 16000, channels: 1, durationMs: Double(seconds) * 1000, data: Data(count: seconds * 32000))
  }

  func prefix(seconds: Int) -> FragmentAudio {
    FragmentAudio(
      sampleRateHz: sampleRateHz, channels: channels, durationMs: Double(seconds) * 1000,
      data: Data(data.prefix(seconds * sampleRateHz * channels * 2)))
  }
}

extension Fixture {
  /// Its sound, cut as the worker cuts it: six seconds each, mono, 16 kHz.
  func fragments() async throws -> [FragmentAudio] {
    let clip = try await AudioDecoder.decode(media.path, sampleRate: 16000, alignedToTimestamps: true)
    return stride(from: 0, to: Int(duration) * 16000, by: 96000).map { start in
      let samples = clip.samples[start..<min(start + 96000, clip.samples.count)]
      let bytes = samples.flatMap { sample in
        let value = Int16(max(-1, min(1, sample)) * 32767)
        return [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
      }
      return FragmentAudio(sampleRateHz: 16000, channels: 1, durationMs: Double(samples.count) / 16, data: Data(bytes))
    }
  }
}

/// A test that asks STS by itself counts as a live stream: where one stream is all that services can bear, none runs beside it.
struct LivePlaceTrait: SuiteTrait, TestTrait, TestScoping {
  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    guard testCase != nil else { return try await function() }
    // It is shorter than any stream.
    let places = try await DualStackEnvironment.current.places
    try await places.live.withPlace(isFirst: true) { _ in try await function() }
  }
}

extension Trait where Self == LivePlaceTrait {
  /// Takes one of the places that streams live in, for each test case.
  static var livePlace: Self { Self() }
}
