import ArgumentParser
import Foundation
import SocketIOLite
import UnixSignals

/// `siotap record`, or `siotap` alone.
struct RecordCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Shows and records what two Socket.IO peers say to each other.",
    discussion: """
      Point the client at this command instead of at the server; everything is forwarded. Ctrl-C ends it.
      On a terminal, type a word and Enter to see only lines that contain it; Enter alone shows all again.

      EXAMPLE: siotap --upstream http://localhost:3000 --port 3001 --out events.jsonl
      EXAMPLE: siotap --upstream https://sts.example.org --event fragment: --json | jq .payload
      """)

  @Option(help: "The server's URL. It may start later.")
  var upstream: String

  @Option(help: "A PEM file of the authority to believe if the server's URL is https.")
  var authority: String?

  @Flag(help: "Believe any certificate of an https server.")
  var insecure = false

  @Flag(help: "Name the server in the Host header of requests, instead of what the client wrote.")
  var rewriteHost = false

  @Option(help: "The port to listen on; 0 takes a free one.")
  var port = 3001

  @Option(help: "An address to listen on; may be given several times.")
  var listen: [String] = ["127.0.0.1"]

  @Option(help: "Write every record to this file, one JSON object a line.")
  var out: String?

  @Flag(help: "Write payloads in full, attachments in base64, to the file and with --json.")
  var full = false

  @Flag(
    help:
      "Show and write what clients send as auth, and values named token, password and the like, which are *** otherwise."
  )
  var showSecrets = false

  @Flag(help: "Print every record as a JSON object in a line, as in the file, instead of a line for people.")
  var json = false

  @Flag(help: "Print nothing but problems.")
  var quiet = false

  @OptionGroup var shown: ShownRecords

  func run() async throws {
    let file = try out.map {
      try TapRecordFile(path: $0, shorteningTo: full ? nil : 120, showingSecrets: showSecrets)
    }
    // Everything is written out at once, so the tap itself need not keep it.
    let options = TapOptions(
      maxRecordedBytes: 0,
      upstreamTLS: insecure ? .insecure : authority.map { .authority(pemFile: $0) } ?? .system,
      rewritesHost: rewriteHost)
    let (records, anomalies, filter) = try await SocketIOTap.withTap(
      upstream: upstream, listen: TapListen(hosts: listen, port: port), options: options
    ) {
      tap in
      let (records, anomalies) = (tap.allRecords(capacity: 100_000), tap.allAnomalies(capacity: 100_000))
      let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
      let filter = TypedFilter()
      note("siotap: \(listen.map { "\($0):\(tap.port)" }.joined(separator: ", ")) → \(upstream)")
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { for await _ in signals { return } }
        group.addTask { for try await record in records { try handle(record, file, filter) } }
        group.addTask {
          for await word in Typed.lines() {
            filter.narrow(to: word)
            note(word.isEmpty ? "siotap: showing everything" : "siotap: showing lines with “\(word)”; Enter shows all")
          }
        }
        group.addTask {
          for try await anomaly in anomalies { note("siotap: \(anomaly)") }
        }
        defer { group.cancelAll() }
        // Whichever is first: a signal, or a file that can no longer be written.
        try await group.next()
      }
      return (records, anomalies, filter)
    }
    // What came while the tap was closing is as good as anything before.
    for record in records.drain() { try handle(record, file, filter) }
    for anomaly in anomalies.drain() { note("siotap: \(anomaly)") }
    note("siotap: ended")
  }

  /// Hours to milliseconds, in UTC as in the file, whatever the locale.
  private static let clock = Date.ISO8601FormatStyle(includingFractionalSeconds: true).time(
    includingFractionalSeconds: true)

  private func handle(_ record: TapRecord, _ file: TapRecordFile?, _ filter: TypedFilter) throws {
    try file?.write(record)
    guard !quiet, shown.contains(record) else { return }
    let line =
      json
      ? record.jsonLine(shorteningTo: full ? nil : 120, showingSecrets: showSecrets)
      : record.line(showingSecrets: showSecrets)
    guard filter.shows(line) else { return }
    if json { return try Output.line(line) }
    let color: Output.Color = !record.faults.isEmpty ? .red : record.direction == .toServer ? .cyan : .green
    try Output.line("\(Output.colored(record.date.formatted(Self.clock), .gray)) \(Output.colored(line, color))")
  }

  private func note(_ line: String) { Output.note(line) }
}
