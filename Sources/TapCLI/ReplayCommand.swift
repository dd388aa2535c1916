import ArgumentParser
import Foundation
import SocketIOLite

/// `siotap replay`: a recorded client against another server.
struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Says to a server what the clients of a recording said, and compares what it says.",
    discussion: """
      The recording must have been written with --full, and with --show-secrets if its clients send auth. Ends with 1 if the server said
      something less often than in the recording.

      EXAMPLE: siotap replay worker.jsonl --to http://localhost:3000
      EXAMPLE: siotap replay worker.jsonl --to http://localhost:3000 --fast --json | jq .counts
      """)

  @Argument(help: "The file that siotap --out … --full wrote.")
  var file: String

  @Option(help: "The URL of the server.")
  var to: String

  @Flag(help: "Wait for answers only, instead of for as long as the client did then.")
  var fast = false

  @Option(help: "How many seconds to wait for an answer, and at the end for events that are missing.")
  var timeout = 30.0

  @Option(help: "A PEM file of the authority to believe if the server's URL is https.")
  var authority: String?

  @Flag(help: "Believe any certificate of an https server.")
  var insecure = false

  @Flag(help: "Print one JSON object instead of a table.")
  var json = false

  func validate() throws {
    guard timeout.isFinite, timeout >= 0 else {
      throw ValidationError("--timeout must be a number of seconds, 0 or more")
    }
  }

  func run() async throws {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw ValidationError("cannot read \(file): is there such a file, and may you read it?")
    }
    let configuration = SocketIOConfiguration(
      reconnection: nil, tls: insecure ? .insecure : authority.map { .authority(pemFile: $0) } ?? .system)
    let script = try TapScript(text)
    let replay = TapReplay(
      script, to: to, timing: fast ? .fast : .recorded, timeout: .seconds(timeout), configuration: configuration)
    Output.note("siotap: playing \(script.sessionCount) sessions of \(file) to \(to)")
    let outcome = await replay.run()
    for problem in outcome.problems { Output.note("siotap: \(problem)") }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      try Output.line(String(decoding: try encoder.encode(outcome), as: UTF8.self))
    } else {
      try table(outcome)
    }
    if !outcome.isComplete { throw ExitCode.failure }
  }

  private func table(_ outcome: TapReplay.Outcome) throws {
    let width = max(20, outcome.counts.map(\.what.count).max() ?? 0)
    func row(_ what: String, _ numbers: [String]) -> String {
      what.padding(toLength: width, withPad: " ", startingAt: 0)
        + numbers.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }.joined()
    }
    try Output.line(row("from the server", ["recorded", "replayed", "the same"]))
    for count in outcome.counts {
      let line = row(count.what, [count.recorded, count.replayed, count.same].map(String.init))
      let color: Output.Color = count.replayed < count.recorded ? .red : count.same < count.recorded ? .yellow : .green
      try Output.line(Output.colored(line, color))
    }
  }
}
