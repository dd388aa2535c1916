import Foundation
import Synchronization

/// What holds for a whole process of tests: where its files are, how much runs at once, what a starved machine means, who listens.
///
/// A process has one, since it has one machine and one report: give it to the outermost suite. Without one the properties' own values
/// hold, and no environment variable is read:
///
/// ```swift
/// @Suite("Our pipeline", .dualStack(.ours, settings: .fromEnvironment()))
/// ```
public struct DubbingSettings: Sendable, Hashable {
  /// The folder of all fixtures; `fixtures/` in the working directory, which is the package's folder under `swift test`.
  public var fixtures = URL(filePath: FileManager.default.currentDirectoryPath).appending(path: "fixtures")
  /// Where report, recordings and logs are kept; `.build/e2e` in the working directory.
  public var reportFolder = URL(filePath: FileManager.default.currentDirectoryPath).appending(path: ".build/e2e")
  /// Docker contexts of the engines among which streams are spread, `default` being this machine's own; none: the engine of the environment.
  public var engines: [String] = []
  /// How many streams are published at once on each engine, at least 1; nil: that is found out, ``firstStreams`` to begin with, and at most two for each core.
  public var maxStreams: Int?
  /// How many streams are published at once on each engine until answers have been measured, at least 1. Neural models on few cores want one.
  public var firstStreams = PlacesController.first
  /// How many environments are up at once on each engine, at least 2; nil: one more than twice as many as there are cores.
  public var maxEnvironments: Int?
  /// What becomes of a stream that ran on a starved machine.
  public var starved = StarvedPolicy.warn
  /// A command that writes down what is said in the output, for ``DubbingVerdict/Check/Name/heardAgain``; nil: nobody listens.
  public var listener: String?
  /// Addresses whose connections the tap takes beside those of an engine on another machine, whose containers may come from others.
  public var tapPeers: [String] = []
  /// How containers of an engine on another machine reach the tap; nil: that is found out.
  public var tapWay: TapWay?
  /// An image with `perl`, such as Debian's and Ubuntu's own, for the tap's outpost on a machine that cannot connect to this one.
  public var tapImage = "debian:bookworm-slim"
  /// Columns of the terminal that a person looks at, at least 20; nil: nobody does, and lines are as long as they are.
  package var columns: Int?
  /// The command that runs chosen tests again, for the page's bug reports; a pattern for `swift test --filter` takes the place of `{filter}`.
  public var rerun = "swift test --filter '{filter}'"
  /// Why they cannot be used: thrown when the first environment is to be started, so that settings can be a plain value.
  package var problem: DubbingError?

  /// Settings that nobody has chosen.
  public init() {}

  /// What environment variables say; one that is not set, or empty, changes nothing.
  ///
  /// `E2E_FIXTURES`, `E2E_REPORT_DIR`, `E2E_ENGINES` and `E2E_TAP_PEERS` (with commas between them), `E2E_TAP`
  /// (``TapWay``), `E2E_TAP_IMAGE`, `E2E_MAX_STREAMS`, `E2E_FIRST_STREAMS`, `E2E_MAX_ENVIRONMENTS`, `E2E_STARVED` (``StarvedPolicy``), `E2E_LISTENER`, `E2E_RERUN`, and `E2E_COLUMNS` unless `CI` is set. A value
  /// that means nothing keeps the first environment from starting, with a ``DubbingError``.
  public static func fromEnvironment(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> DubbingSettings {
    func value(_ variable: String) -> String? { environment[variable].flatMap { $0.isEmpty ? nil : $0 } }
    var settings = DubbingSettings()
    func number(_ variable: String) -> Int? {
      guard let text = value(variable) else { return nil }
      if let number = Int(text), number > 0 { return number }
      settings.problem = DubbingError(
        .badDescription, "\(variable)=\(text) is not known", next: "say a number from 1 on")
      return nil
    }
    if let path = value("E2E_FIXTURES") { settings.fixtures = URL(filePath: path) }
    if let path = value("E2E_REPORT_DIR") { settings.reportFolder = URL(filePath: path) }
    settings.maxStreams = number("E2E_MAX_STREAMS")
    if let first = number("E2E_FIRST_STREAMS") { settings.firstStreams = first }
    settings.maxEnvironments = number("E2E_MAX_ENVIRONMENTS")
    func choice<Choice: CaseIterable & RawRepresentable<String>>(_ variable: String) -> Choice? {
      guard let text = value(variable) else { return nil }
      if let choice = Choice(rawValue: text) { return choice }
      settings.problem = DubbingError(
        .badDescription, "\(variable)=\(text) is not known",
        next: "say \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
      return nil
    }
    if let policy: StarvedPolicy = choice("E2E_STARVED") { settings.starved = policy }
    settings.tapWay = choice("E2E_TAP")
    if let image = value("E2E_TAP_IMAGE") { settings.tapImage = image }
    settings.listener = value("E2E_LISTENER")
    if let command = value("E2E_RERUN") { settings.rerun = command }
    func list(_ variable: String) -> [String] { (value(variable) ?? "").split { ", ".contains($0) }.map(String.init) }
    (settings.engines, settings.tapPeers) = (list("E2E_ENGINES"), list("E2E_TAP_PEERS"))
    // Of a width nobody has been told, or that is too narrow for a line, nothing can be made.
    if value("CI") == nil { settings.columns = value("E2E_COLUMNS").flatMap(Int.init).flatMap { $0 >= 20 ? $0 : nil } }
    return settings
  }
}

extension DubbingSettings {
  /// Those of this process.
  static var current: DubbingSettings { Chosen.ofThisProcess.settings }

  /// The settings that a process has been given, if any.
  package final class Chosen: Sendable {
    static let ofThisProcess = Chosen()

    // A lock: suites begin side by side, and what they start asks at once.
    private let given = Mutex<DubbingSettings?>(nil)

    package init() {}

    package var settings: DubbingSettings { given.withLock { $0 } ?? DubbingSettings() }

    /// Goes by these from now on; those that were given first stay.
    ///
    /// - Throws: ``DubbingError`` when others were given.
    package func choose(_ settings: DubbingSettings) throws(DubbingError) {
      let first = given.withLock { given in
        given = given ?? settings
        return given
      }
      guard first != settings else { return }
      throw DubbingError(
        .badDescription, "two suites of this process give different settings, and it goes by the first",
        next: "give .dualStack(…, settings:) the same value everywhere, or to the outermost suite alone")
    }
  }
}

/// How containers of an engine on another machine reach the tap, which is in the process of the tests.
public enum TapWay: String, Sendable, Hashable, CaseIterable {
  /// They connect to the machine of the tests.
  case direct
  /// They connect to a container beside them, to which the process of the tests connects: for machines behind NAT or a firewall.
  case outpost
}

/// What becomes of a stream that ran on a starved machine.
public enum StarvedPolicy: String, Sendable, Hashable, CaseIterable {
  /// A red check says so.
  case warn
  /// Even a green stream fails: for machines that are measured with.
  case fail
  /// A red stream is run again once, alone, and the report says so.
  case retry

  /// Whether such a stream is run again: not under a fault that befalls services, which are not what they were.
  func repeats(red isRed: Bool, _ starvation: Starvation, under fault: StreamFault?) -> Bool {
    self == .retry && isRed && starvation.isStarved && fault?.services == nil
  }
}
