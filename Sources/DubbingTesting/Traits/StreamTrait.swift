import ComposeTesting
import Foundation
public import Testing

/// Gives each test case a stream of its own and cleans up after it.
public struct StreamTrait: TestTrait, SuiteTrait, TestScoping {
  var transport: StreamPublisher.Transport

  @TaskLocal static var current: LiveStream?

  public var isRecursive: Bool { true }

  public func prepare(for test: Test) async throws {
    guard !test.isSuite else { return }
    await RunReporter.shared.note { progress, _ in progress.expect("\(test.id)") }
  }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    // The scope of a suite has no stream: its test cases have one each.
    guard testCase != nil else { return try await function() }
    await RunReporter.shared.note { progress, _ in progress.ask(of: "\(test.id)") }
    do {
      try await provideStream(for: test, testCase: testCase, performing: function)
    } catch {
      await RunReporter.shared.finishedStream()
      throw error
    }
    await RunReporter.shared.finishedStream()
  }

  private func provideStream(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let environment = try await DualStackEnvironment.current
    // An environment of a nested suite stands until its last stream is through: the shared one is there until the end anyway.
    let isFirst = DualStackTrait.isNested
    let places = StreamPlaces.shared
    try await places.live.withPlace(isFirst: isFirst) { live in
      try await places.publishing.withPlace(isFirst: isFirst) { publishing in
        let name = Self.uniqueName(for: test)
        let stream = LiveStream(
          name: name, environment: environment, transport: transport,
          folder: RunReporter.shared.folder.appending(path: "streams/\(name)")
        ).holding(publishing: publishing, live: live)
        try await provide(stream, for: test, testCase: testCase, performing: function)
      }
    }
  }

  private func provide(
    _ stream: LiveStream, for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withFailureWatched(for: test, testCase: testCase) {
      try await Self.$current.withValue(stream) { try await function() }
      try await stream.expectGone()
    } onFailure: {
      await Evidence.attachFiles(of: stream)
    }
  }

  /// `test_<case>_<unique>`: fit for a path on a media server.
  static func uniqueName(for test: Test) -> String {
    "test_\(test.pathSafeName)_\(UUID().uuidString.prefix(8).lowercased())"
  }
}

extension Trait where Self == StreamTrait {
  /// A stream for each test case: unique name, publisher, recorder, events, folder; needs `.dualStack` around it.
  public static func stream(publish transport: StreamPublisher.Transport = .rtsp) -> StreamTrait {
    StreamTrait(transport: transport)
  }
}

extension LiveStream {
  /// The stream of the current test case.
  public static var current: LiveStream {
    get throws {
      guard let stream = StreamTrait.current else {
        throw DubbingError(
          .noStream, stream: "–", reason: "this test has no stream", next: "write @Test(.stream(publish: .rtsp))")
      }
      return stream
    }
  }

  /// Waits until the media server has forgotten the stream, so that nothing of it meets the next test.
  package func expectGone() async throws {
    for template in [environment.stack.inputPath, environment.stack.outputPath] {
      try await environment.controlAPI.wait(
        for: environment.path(template, of: name), toBeReady: false, timeout: .seconds(20))
    }
  }
}
