import Foundation

/// How an engine is called: its program, where that finds the engine, and which compose works for it.
///
/// The only place that knows programs of engines by name. Everything that is done to an engine is a command made here, so that it
/// reaches the same engine as the start did: removal, sweep and watchdog, too.
package struct EngineAccess: Sendable, Hashable {
  /// docker, podman, nerdctl, or a path that ends in one of these.
  var program: String
  /// Where the engine listens, as in DOCKER_HOST; nil where the program finds it itself.
  var address: String?
  /// A named place of the program's own; nil for the one in use.
  var context: String?
  /// The words that call compose; nil to look for it.
  var composeCommand: [String]?
  /// Where the program's own engine listens, as it says itself: compose does not find that of podman.
  var foundAddress: String?

  /// A family of programs that find their engine in the same way.
  enum Family: Sendable, Hashable {
    case docker, podman, nerdctl
  }

  var family: Family {
    switch program.split(separator: "/").last ?? "" {
    case let name where name.hasPrefix("podman"): .podman
    case let name where name.hasPrefix("nerdctl"): .nerdctl
    default: .docker
    }
  }

  /// What the environment of this process says; each part may be given instead.
  package init(
    program: String? = nil, address: String? = nil, context: String? = nil, composeCommand: [String]? = nil,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    func variable(_ name: String?) -> String? { name.flatMap { environment[$0] }.flatMap { $0.isEmpty ? nil : $0 } }
    self.program = program ?? variable(Self.programVariable) ?? Self.usualProgram
    self.context = context
    self.address = address
    self.composeCommand =
      composeCommand ?? variable("COMPOSE_COMMAND")?.split(separator: " ").map(String.init)
    if self.composeCommand?.isEmpty == true { self.composeCommand = nil }
    guard address == nil, context == nil else { return }
    // An address wins over a context, as it does for the programs.
    self.address = variable(addressVariable)
    if self.address == nil { self.context = variable(contextVariable) }
  }

  private static let usualProgram = "docker"
  /// The environment variable that chooses the program.
  static let programVariable = "COMPOSEKIT_ENGINE"

  private var addressVariable: String {
    switch family {
    case .docker: "DOCKER_HOST"
    case .podman: "CONTAINER_HOST"
    case .nerdctl: "CONTAINERD_ADDRESS"
    }
  }

  private var contextVariable: String? {
    switch family {
    case .docker: "DOCKER_CONTEXT"
    case .podman: "CONTAINER_CONNECTION"
    case .nerdctl: nil
    }
  }

  /// What the engine's program and compose find in their environment; a nil value takes a variable out of it.
  var variables: [String: String?] {
    var variables: [String: String?] = [:]
    if let address {
      if let contextVariable { variables.updateValue(nil, forKey: contextVariable) }
      variables[addressVariable] = address
    } else if let context, let contextVariable {
      variables.updateValue(nil, forKey: addressVariable)
      variables[contextVariable] = context
    }
    // Compose knows docker's variables only.
    if family == .podman, let address = address ?? foundAddress { variables["DOCKER_HOST"] = address }
    return variables
  }

  /// Tells engines apart in names and registrations; empty for the one that the program finds itself.
  var key: String {
    let place = [address, context].map { $0 ?? "" }
    guard program != Self.usualProgram || place != ["", ""] else { return "" }
    return Digest.of(([program] + place).joined(separator: "\u{0}"), width: 8)
  }

  /// A command of the engine's program.
  func command(_ arguments: [String], deadline: Duration = .seconds(60)) -> Command {
    Command(program: program, arguments: arguments, engineVariables: variables, deadline: deadline)
  }

  /// The ways to call compose that are tried, in this order.
  var composeCandidates: [[String]] {
    if let composeCommand { return [composeCommand] }
    let own = [program, "compose"]
    switch family {
    case .docker: return [own, ["docker-compose"]]
    // Its own looks for one of the others, and prints what it has found into each output.
    case .podman: return [["docker-compose"], [Self.usualProgram, "compose"], own]
    case .nerdctl: return [own]
    }
  }

  /// Asks the program where it finds its engine; nil where it cannot tell.
  var addressQuestion: [String]? {
    switch family {
    case .docker: ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
    case .podman: ["info", "--format", "{{.Host.RemoteSocket.Path}}"]
    case .nerdctl: nil
    }
  }

  /// What the answer to ``addressQuestion`` says, kept where compose would not find the engine itself.
  func answered(_ answer: String) -> (access: EngineAccess, address: String) {
    guard family == .podman else { return (self, answer) }
    let address = answer.hasPrefix("/") ? "unix://" + answer : answer
    var access = self
    access.foundAddress = address
    return (access, address)
  }

  /// The network that a container is in of which nothing is said.
  var defaultNetwork: String {
    // Podman calls it after itself.
    family == .podman ? "podman" : "bridge"
  }

  /// The template for the project's label in lists, to be read by ``ComposeLabel/project(in:)``.
  var projectLabelFormat: String {
    // Podman has no way to print a single one.
    family == .docker ? "{{.Label \"\(ComposeLabel.project)\"}}" : "{{.Labels}}"
  }

  /// What a person types to do something with this engine.
  func line(_ arguments: String) -> String { command([]).line + " " + arguments }

  /// Checks what can be checked without asking the engine.
  ///
  /// - Throws: ``ComposeError`` with code `unsupported` or `invalidProject`.
  func validate() throws {
    let texts = [program, address ?? "", context ?? ""]
    // The watchdog is told of engines in lines.
    guard texts.allSatisfy({ $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } }), !program.isEmpty else {
      throw ComposeError(.invalidProject, "the program or address of an engine is empty or holds control characters")
    }
    guard context == nil || family == .docker else {
      throw ComposeError(
        .unsupported, "an engine of \(program) cannot be chosen by a context: compose knows docker's only",
        next: "give its address, e.g. unix:///run/podman/podman.sock")
    }
  }
}

/// Labels that compose puts on whatever it makes.
enum ComposeLabel {
  static let project = "com.docker.compose.project"

  /// The project in what ``EngineAccess/projectLabelFormat`` has printed: the name alone, or among all labels as "map[…:name …]" or
  /// "…=name,…"; nil if there is none (pure).
  static func project(in text: String) -> String? {
    let text = text.trimmed
    for label in text.split(whereSeparator: { "[, ".contains($0) }) where label.hasPrefix(project) {
      let value = label.dropFirst(project.count)
      guard value.first == "=" || value.first == ":" else { continue }
      let name = value.dropFirst().prefix(while: isNamed)
      if !name.isEmpty { return String(name) }
    }
    guard let first = text.first, !"_-".contains(first) else { return nil }
    return text.allSatisfy(isNamed) ? text : nil
  }

  /// What compose allows in a project's name.
  private static func isNamed(_ character: Character) -> Bool {
    character.isASCII && (character.isLowercase || character.isNumber || "_-".contains(character))
  }
}
