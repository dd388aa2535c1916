import ArgumentParser
import Foundation

@main
struct TapCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "siotap",
    abstract: "Shows, records and plays again what two Socket.IO peers say to each other.",
    discussion: """
      Without the name of a command it records:

      EXAMPLE: siotap --upstream http://localhost:3000 --port 3001 --out events.jsonl
      EXAMPLE: siotap --upstream http://localhost:3000 --json | jq .event
      EXAMPLE: siotap --upstream http://localhost:3000 --full --show-secrets --out worker.jsonl
      EXAMPLE: siotap replay worker.jsonl --to http://localhost:3000 --fast
      """,
    version: "0.2.0",
    subcommands: [RecordCommand.self, ReplayCommand.self], defaultSubcommand: RecordCommand.self)
}

/// Where a command writes.
enum Output {
  /// To standard output; unlike `print` at once, also where that is a pipe.
  static func line(_ line: String) throws {
    try FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
  }

  /// To standard error: what is no result.
  static func note(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

  /// The text in a colour where a person reads it: on a terminal that has colours, unless NO_COLOR is set (no-color.org).
  static func colored(_ text: String, _ color: Color) -> String {
    let environment = ProcessInfo.processInfo.environment
    let isWanted =
      isatty(STDOUT_FILENO) == 1 && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    return isWanted ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
  }

  enum Color: Int {
    case red = 31
    case green = 32
    case yellow = 33
    case cyan = 36
    case gray = 90
  }
}
