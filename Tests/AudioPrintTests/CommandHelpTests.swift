import ComposeTesting
import Foundation
import Subprocess
import Testing

@Suite("What audioprint tells of itself", .kind(.programs), .inTurn)
struct CommandHelpTests {
  @Test(
    "Each command's help has an example, and all print JSON",
    arguments: [
      "compare", "attribute", "continuity", "fingerprint", "plot", "watch",
    ])
  func help(command: String) async throws {
    let help = try await audioprint(command, "--help")
    #expect(help.exitCode == 0 && help.output.contains("EXAMPLE: audioprint \(command) "), "\(help.output)")
    #expect(help.output.contains("--json"))
    #expect(!help.output.contains("\u{1B}"), "no colour where no terminal is")
  }

  @Test("The command's own help has examples")
  func rootHelp() async throws {
    let help = try await audioprint("--help")
    #expect(help.exitCode == 0 && help.output.contains("EXAMPLE: audioprint compare "), "\(help.output)")
  }

  @Test("Completions name the commands", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) async throws {
    let script = try await audioprint("--generate-completion-script", shell)
    #expect(script.exitCode == 0 && script.output.contains("continuity") && script.output.contains("watch"))
  }
}

// It waits for what comes in its time: what computes beside it would keep it from that.
@Suite("audioprint watch", .kind(.programs))
struct WatchTests {
  @Test(
    "A stream that is served slowly is told second by second while it runs, and summed up at its end",
    .timeLimit(.minutes(10)))
  func stream() async throws {
    let (original, dubbed) = (try await Media.original(), try await Media.dubbed())
    try await Media.withFolder { folder in
      try #require(mkfifo("\(folder)/stream", 0o600) == 0)
      let (output, first, second, whole) = (
        "\(folder)/o.wav", "\(folder)/0.wav", "\(folder)/1.wav", "\(folder)/whole.wav"
      )
      // One joins in the middle of it: the original's 12th second comes first.
      try await Media.write(
        .joined([original.slice(from: 12, to: 16), dubbed[0], dubbed[1]]), to: output,
        ["-ar", "8000", "-c:a", "pcm_s16le"])
      try await Media.write(dubbed[0], to: first, [])
      try await Media.write(dubbed[1], to: second, [])
      try await Media.write(original, to: whole, [])
      async let serving: Void = serve(output, to: "\(folder)/stream")
      let arguments = [
        "watch", "\(folder)/stream", "--original", whole, "--fragment", first, "--fragment", second, "--json",
      ]
      let (times, lines) = try await timedLines(arguments)
      try await serving
      let seconds = lines.dropLast().compactMap { $0["attribution"] as? String }
      try #require(seconds.count == 16, "\(seconds)")
      // Both fragments end in silence, and a second at an edge may be either.
      #expect(seconds.prefix(3).allSatisfy { $0 == "passthrough" }, "\(seconds)")
      #expect(
        seconds[5..<7].allSatisfy { $0 == "dubbed(0)" } && seconds[11..<13].allSatisfy { $0 == "dubbed(1)" },
        "\(seconds)")
      let summary = try #require(lines.last?["seconds"] as? [String: Double])
      #expect((summary["dubbed"] ?? 0) >= 6 && summary["unknown"] == nil, "\(summary)")
      // 16 s are served in 4: were nothing told before the end, the lines would come at once.
      let (from, to) = (try #require(times.first), try #require(times.last))
      #expect(to - from > .seconds(1), "the first line came \(to - from) before the last")
    }
  }

  @Test("Ctrl-C ends it with a summary; the strip of a pipe has no colour")
  func interrupt() async throws {
    let dubbed = try await Media.dubbed()
    try await Media.withFolder { folder in
      try #require(mkfifo("\(folder)/stream", 0o600) == 0)
      let (output, first) = ("\(folder)/o.wav", "\(folder)/0.wav")
      try await Media.write(dubbed[0], to: output, ["-ar", "8000", "-c:a", "pcm_s16le"])
      try await Media.write(dubbed[0], to: first, [])
      async let serving: Void = serve(output, to: "\(folder)/stream", options: ["-stream_loop", "-1"])
      let result = try await run(
        .path(.init(try pathOfCommand())), arguments: Arguments(["watch", "\(folder)/stream", "--fragment", first]),
        input: .none, output: .sequence, error: .discarded
      ) { execution in
        var (text, isInterrupted) = ("", false)
        for try await piece in execution.standardOutput {
          text += piece.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
          if text.contains("000"), !isInterrupted {
            try execution.send(signal: .interrupt)
            isInterrupted = true
          }
        }
        return text
      }
      try await serving
      #expect(result.terminationStatus.isSuccess, "\(result.terminationStatus)")
      #expect(result.closureResult.hasPrefix("  0:00  00"), "\(result.closureResult)")
      #expect(result.closureResult.contains("dubbed ") && !result.closureResult.contains("\u{1B}"))
    }
  }

  @Test("A URL is watched as a file is", .timeLimit(.minutes(10)))
  func url() async throws {
    let dubbed = try await Media.dubbed()
    try await Media.withFolder { folder in
      let first = "\(folder)/0.wav"
      try await Media.write(dubbed[0], to: first, [])
      let server = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder]
      let served = try await run(
        .name("python3"), arguments: Arguments(server), input: .none, output: .sequence, error: .discarded
      ) { execution -> Result<Answer, any Error> in
        let result: Result<Answer, any Error>
        do {
          var lines = execution.standardOutput.strings().makeAsyncIterator()
          let line = try #require(try await lines.next(), "the server did not start")
          let port = try #require(line.firstMatch(of: /port (\d+)/)?.output.1, "\(line)")
          result = .success(
            try await audioprint("watch", "http://127.0.0.1:\(port)/0.wav", "--fragment", first, "--json"))
        } catch {
          result = .failure(error)
        }
        try execution.send(signal: .kill)
        return result
      }
      let answer = try served.closureResult.get()
      #expect(answer.exitCode == 0 && answer.output.contains("dubbed(0)"), "\(answer)")
    }
  }

  /// Plays a file into a pipe at four times its speed, as a server would that has no end of it sooner.
  private func serve(_ file: String, to pipe: String, options: [String] = []) async throws {
    let all = ["-v", "error", "-nostdin", "-y", "-readrate", "4"] + options + ["-i", file, "-f", "wav", pipe]
    // That its reader goes away is no failure of the test.
    _ = try await run(
      .name("ffmpeg"), arguments: Arguments(all), input: .none, output: .discarded, error: .discarded)
  }

  /// Runs the command to its end; each line as JSON, and when it came.
  private func timedLines(_ arguments: [String]) async throws -> ([ContinuousClock.Instant], [[String: Any]]) {
    let result = try await run(
      .path(.init(try pathOfCommand())), arguments: Arguments(arguments), input: .none, output: .sequence,
      error: .discarded
    ) { execution in
      var (text, times) = ("", [ContinuousClock.Instant]())
      for try await piece in execution.standardOutput {
        text += piece.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        times.append(.now)
      }
      return (text, times)
    }
    let lines = try result.closureResult.0.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    return (result.closureResult.1, lines)
  }
}
