/// Why a compose project could not be brought to, or kept in, the state that was asked for.
///
/// Its description is written for a person who reads a CI log: what was tried, what happened, the evidence, what to do next.
public struct ComposeError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  ///
  /// More may come: what decides by it has a way for those it does not know.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// Its name: "timedOut".
    public let description: String
    private init(_ name: String) { description = name }

    /// The engine, its command line or compose is not installed, or the engine does not answer.
    public static let engineUnavailable = Code("engineUnavailable")
    /// The description of the project (name, files, environment) cannot be used.
    public static let invalidProject = Code("invalidProject")
    /// Compose refused the compose files.
    public static let invalidConfiguration = Code("invalidConfiguration")
    /// Building an image failed.
    public static let buildFailed = Code("buildFailed")
    /// Pulling an image failed.
    public static let pullFailed = Code("pullFailed")
    /// `compose up` failed for a reason that is none of the more precise ones.
    public static let upFailed = Code("upFailed")
    /// A service exited when it should have run, or with a code other than 0.
    public static let exited = Code("exited")
    /// The kernel killed a service, or one of its processes, for its memory.
    public static let outOfMemory = Code("outOfMemory")
    /// A service keeps exiting and being restarted.
    public static let restartLoop = Code("restartLoop")
    /// A health check failed for good.
    public static let unhealthy = Code("unhealthy")
    /// Something was not reached before its deadline.
    public static let timedOut = Code("timedOut")
    /// A port that a service publishes belongs to somebody else.
    public static let portInUse = Code("portInUse")
    /// A fixed `container_name` belongs to another container.
    public static let nameInUse = Code("nameInUse")
    /// A volume or network with a fixed name was there before, or belongs to another project; see ``ComposeProject/sharing``.
    public static let foreignResource = Code("foreignResource")
    /// A volume or network that the files call external does not exist.
    public static let missingResource = Code("missingResource")
    /// The engine has no address range left for one more network.
    public static let networkPoolExhausted = Code("networkPoolExhausted")
    /// The project has no such service.
    public static let unknownService = Code("unknownService")
    /// The service publishes no such port.
    public static let unknownPort = Code("unknownPort")
    /// The service exists but is not running.
    public static let notRunning = Code("notRunning")
    /// The container keeps no log that can be read: its logging driver is `none`, or sends the log elsewhere.
    public static let noLog = Code("noLog")
    /// A command of the engine or of compose failed.
    public static let commandFailed = Code("commandFailed")
    /// Containers, networks or volumes of the project could not be removed.
    public static let downFailed = Code("downFailed")
    /// The compose command in use cannot do what was asked; the message names its version.
    public static let unsupported = Code("unsupported")
    /// A signal is ending the process, so nothing new is started.
    public static let interrupted = Code("interrupted")
  }

  /// The kind of failure.
  public var code: Code
  /// What happened, in one sentence.
  public var summary: String
  /// The service it happened to, if it happened to one.
  public var service: String?
  /// The unique name of the running project, if there was one.
  public var project: String?
  /// The exit code of the container or command, where one exited.
  public var exitCode: Int?
  /// The command that was tried, as it could be typed.
  public var command: String?
  /// The compose command and engine that were used, with their versions.
  public var engine: String?
  /// The output of the last health probe, for a service that has a health check.
  public var probeOutput: String?
  /// Whether progress has told of it already.
  var isReported = false
  /// The last log lines (at most 50), or the last lines that the command printed.
  public var evidence: [String]
  /// What to do next.
  public var next: String?
  /// The error of a library or of the system that this one tells of, where there was one.
  public var underlying: (any Error)?

  /// An error with its evidence.
  package init(
    _ code: Code, _ summary: String, service: String? = nil, project: String? = nil, exitCode: Int? = nil,
    command: String? = nil, engine: String? = nil, probeOutput: String? = nil, evidence: [String] = [],
    next: String? = nil, underlying: (any Error)? = nil
  ) {
    self.code = code
    self.summary = summary
    self.service = service
    self.project = project
    self.exitCode = exitCode
    self.command = command
    self.engine = engine
    self.probeOutput = probeOutput
    self.evidence = evidence
    self.next = next
    self.underlying = underlying
  }

  /// How many lines of ``evidence`` are printed; the property holds all of them.
  static let printedLines = 20

  public var description: String {
    var lines = [summary]
    func add(_ label: String, _ values: [String]) {
      for (index, value) in values.enumerated() {
        lines.append("  " + (index == 0 ? label : "").padded(to: 10) + value)
      }
    }
    if let command { add("command", [command]) }
    if let engine { add("engine", [engine]) }
    if let probeOutput { add("probe", probeOutput.outputLines.suffix(5)) }
    if evidence.count > Self.printedLines {
      add(
        "last log", ["(\(evidence.count - Self.printedLines) lines before these)"] + evidence.suffix(Self.printedLines))
    } else {
      add("last log", evidence)
    }
    if let next { add("next", next.outputLines) }
    return lines.joined(separator: "\n")
  }
}

extension String {
  /// The string, made at least `width` characters long with spaces at its end.
  func padded(to width: Int) -> String {
    count >= width ? self : self + String(repeating: " ", count: width - count)
  }

  /// The lines of a program's output: no line ends (also not Windows ones), no empty lines at the end.
  ///
  /// What else Unicode calls a line end, such as U+0085 and U+2028, is part of its line.
  var outputLines: [String] {
    var lines = split(omittingEmptySubsequences: false) { ["\n", "\r\n", "\r"].contains($0) }.map(String.init)
    while lines.last?.allSatisfy(\.isWhitespace) == true { lines.removeLast() }
    return lines
  }

  /// Whether another text is part of it, byte for byte.
  ///
  /// Foundation's `contains` searches an NSString with tables of Unicode: 0.3 MB that are not given back, for what every start asks.
  func holds(_ text: String) -> Bool {
    let bytes = Array(utf8)
    return bytes.indices.contains { bytes[$0...].starts(with: text.utf8) }
  }

  var trimmed: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}

extension Duration {
  /// The duration in seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }

  /// For people: "0.4 s", "12.4 s".
  var text: String {
    let tenths = Int((seconds * 10).rounded())
    return "\(tenths / 10).\(abs(tenths % 10)) s"
  }
}
