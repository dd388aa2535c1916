import Foundation

/// Why a stream could not be started, published, followed, recorded or judged.
///
/// Its description is written for a person who reads a CI log: what happened, the evidence, what to do next.
public struct DubbingError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure; further ones may come.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    public let description: String
    private init(_ name: String) { description = name }

    /// A fixture's folder is not what its declaration says, or cannot be read.
    public static let fixtureUnusable = Code("fixtureUnusable")
    /// A stack file, a description in Swift or a setting is not what it must be; found before anything is started.
    public static let badDescription = Code("badDescription")
    /// A test without the trait that gives it a stream.
    public static let noStream = Code("noStream")
    /// The publisher could not send all of the fixture.
    public static let publishingFailed = Code("publishingFailed")
    /// The output could not be recorded.
    public static let recordingFailed = Code("recordingFailed")
    /// A path on the media server did not become ready, or did not go away, in time.
    public static let pathNotReady = Code("pathNotReady")
    /// A fault that cannot be injected here, or that no event matched.
    public static let faultNotInjected = Code("faultNotInjected")
    /// Nobody has ever connected to the tap.
    public static let nobodyConnected = Code("nobodyConnected")
    /// An engine on another machine and this one do not reach each other, or their clocks differ too much.
    public static let remoteEngine = Code("remoteEngine")
    /// A file or stream that ffprobe cannot read.
    public static let mediaUnreadable = Code("mediaUnreadable")
    /// A program such as ffmpeg or a listener is not installed, ended with an error, or said what is no answer.
    public static let programFailed = Code("programFailed")
    /// ffmpeg or ffprobe did not end in time.
    public static let programTimedOut = Code("programTimedOut")
    /// A GET that was not answered as it should be.
    public static let noAnswer = Code("noAnswer")
    /// Something else about one stream.
    public static let streamFailed = Code("streamFailed")
  }

  /// The kind of failure.
  public var code: Code
  /// What happened, in one sentence.
  public var summary: String
  /// What was seen, a line each, with a label of ten columns in front.
  public var evidence: [String]
  /// What to do next.
  public var next: String?
  /// The error that this one came of.
  public var underlying: (any Error)?

  /// An error with its evidence.
  package init(
    _ code: Code, _ summary: String, evidence: [String] = [], next: String? = nil, underlying: (any Error)? = nil
  ) {
    self.code = code
    self.summary = summary
    self.evidence = evidence
    self.next = next
    self.underlying = underlying
  }

  public var description: String {
    ([summary] + (evidence + (next.map { ["next      \($0)"] } ?? [])).map { "  \($0)" }).joined(separator: "\n")
  }
}

extension DubbingError: Hashable {
  public static func == (one: DubbingError, other: DubbingError) -> Bool {
    one.code == other.code && one.description == other.description
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

// What the several parts tell of.
extension DubbingError {
  package init(_ code: Code = .streamFailed, stream: String, reason: String, evidence: [String] = [], next: String) {
    self.init(code, "stream '\(stream)': \(reason)", evidence: evidence, next: next)
  }

  init(folder: URL, problems: [String], next: String) {
    self.init(
      .fixtureUnusable, "fixture '\(folder.lastPathComponent)' cannot be used",
      evidence: problems.map { "problem   \($0)" } + ["folder    \(folder.path)"], next: next)
  }

  init(stackFile: String, problem: String, next: String) {
    self.init(
      .badDescription, "the stack file cannot be used: \(problem)", evidence: ["file      \(stackFile)"],
      next: next)
  }

  init(unreadable path: String, program: String = "ffprobe", reason: String, underlying: (any Error)? = nil) {
    self.init(
      .mediaUnreadable, "\(path) could not be read as media", evidence: ["\(program.padded(to: 10))\(reason)"],
      next: "play it with ffplay; if \(program) is missing install ffmpeg", underlying: underlying)
  }

  init(_ code: Code, command: String, reason: String, next: String) {
    self.init(code, reason, evidence: ["command   \(command)"], next: next)
  }

  init(get url: String, reason: String, underlying: (any Error)? = nil) {
    self.init(
      .noAnswer, "GET \(url): \(reason)", next: "is the service up, and is it this port? `docker compose ps` says so",
      underlying: underlying)
  }
}
