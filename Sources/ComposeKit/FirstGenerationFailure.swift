/// What docker-compose 1.x, which builds and pulls while it starts, says of an image it could not get (pure).
struct FirstGenerationFailure: Sendable, Hashable {
  var code: ComposeError.Code
  var service: String?

  init?(output: Command.Output) {
    let text = output.standardOutput + "\n" + output.standardError
    // "Service 'web' failed to build: …"; without BuildKit also "Service 'web' failed to build : Build failed".
    if let match = text.firstMatch(of: /Service '([^']+)' failed to build/) {
      self.init(code: .buildFailed, service: String(match.1))
    } else if let match = text.matches(of: /Pulling (\S+) \(/).last {
      // It creates networks before it pulls and containers after it, so that nothing created means that the pull failed.
      guard !text[match.range.upperBound...].contains("Creating ") else { return nil }
      self.init(code: .pullFailed, service: String(match.1))
    } else {
      return nil
    }
  }

  private init(code: ComposeError.Code, service: String?) {
    self.code = code
    self.service = service
  }

  func summary(project: String) -> String {
    code == .buildFailed
      ? "building \(service ?? "an image") of project \(project) failed"
      : "an image of project \(project) could not be pulled"
  }

  /// The service that could not be started: "ERROR: for web  Cannot start service web: …".
  static func service(in text: String) -> String? {
    text.firstMatch(of: /Cannot start service ([^\s:]+):/).map { String($0.1) }
  }
}
