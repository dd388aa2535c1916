/// How grave a line of a service's log is.
package enum LogLevel: Int, Sendable, Comparable {
  case ordinary, warning, error

  package static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

  /// What services call levels. A stack trace, and the shell's word for a process that was killed, come without one.
  private static let words: [Substring: LogLevel] = [
    "TRACE": .ordinary, "DEBUG": .ordinary, "DEB": .ordinary, "INFO": .ordinary, "INF": .ordinary, "NOTICE": .ordinary,
    "WARNING": .warning, "WARN": .warning, "WAR": .warning,
    "ERROR": .error, "ERR": .error, "CRITICAL": .error, "FATAL": .error, "PANIC": .error,
    "panic": .error, "Traceback": .error, "Killed": .error,
  ]

  /// What the line's first word for a level says: in capitals, or in any letters as the value of `level` in JSON or logfmt.
  package init(of line: some StringProtocol) {
    self = .ordinary
    // Questions of our own about a path that is not there yet: nothing that anybody waits for.
    if line.contains("[API] path not found") { return }
    var rest = Substring(line)
    var isValue = false
    while let start = rest.firstIndex(where: \.isInWord) {
      // `level=error`, `"level": "error"`
      let between = rest[..<start]
      isValue = isValue && between.contains { ":=".contains($0) } && between.allSatisfy { ":= \"".contains($0) }
      let end = rest[start...].firstIndex { !$0.isInWord } ?? rest.endIndex
      let word = rest[start..<end]
      if let level = Self.words[isValue ? Substring(word.uppercased()) : word] {
        self = level
        return
      }
      isValue = word == "level"
      rest = rest[end...]
    }
  }
}

extension Character {
  fileprivate var isInWord: Bool { isLetter || isNumber || self == "_" }
}
