import AudioPrint
import ComposeTesting
import Foundation
import Subprocess
import Testing

/// The `audioprint` command as a process of its own.
@Suite("The audioprint command", .kind(.computing))
struct CommandTests {
  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("compare exits with 0 for the same recording and 1 for another one, and says so in JSON as well")
  func compare() async throws {
    let dubbed = try await Media.dubbed()
    try await Media.withFolder { folder in
      let (one, quiet, other) = ("\(folder)/one.wav", "\(folder)/quiet.wav", "\(folder)/other.wav")
      try await Media.write(dubbed[0], to: one, [])
      try await Media.write(dubbed[0].gain(-12).delayed(0.25), to: quiet, [])
      try await Media.write(dubbed[1], to: other, [])
      let same = try await audioprint("compare", one, quiet, "--json")
      #expect(same.exitCode == 0, "\(same)")
      let figures = try object(same.output)
      #expect(figures["isSame"] as? Bool == true && figures["speedRatio"] as? Double == 1)
      #expect(abs((figures["lagSeconds"] as? Double ?? 0) - 0.25) < 0.002)
      let different = try await audioprint("compare", one, other)
      #expect(different.exitCode == 1 && different.output.hasPrefix("different"), "\(different)")
      // The command's messages are for a terminal only: a pipe gets none.
      #expect(same.errors.isEmpty && different.errors.isEmpty)
    }
  }

  @Test("compare takes a stored fingerprint in place of the media, and refuses JSON that is none")
  func storedFingerprint() async throws {
    let dubbed = try await Media.dubbed()
    try await Media.withFolder { folder in
      let (one, late, other) = ("\(folder)/one.wav", "\(folder)/late.wav", "\(folder)/other.wav")
      try await Media.write(dubbed[0], to: one, [])
      try await Media.write(dubbed[0].gain(-12).delayed(0.64), to: late, [])
      try await Media.write(dubbed[1], to: other, [])
      let stored = "\(folder)/one.json"
      let made = try await audioprint("fingerprint", one, "--output", stored)
      #expect(made.exitCode == 0 && made.output.isEmpty && made.errors.isEmpty, "\(made)")
      let told = try object(try await audioprint("fingerprint", one, "--output", stored, "--json").output)
      #expect(told["output"] as? String == stored && told["seconds"] as? Double ?? 0 > 5, "\(told)")
      #expect(told["bytes"] as? Int == (try Data(contentsOf: URL(filePath: stored)).count))
      let printed = try await audioprint("fingerprint", one, "--progress")
      #expect(printed.errors.contains("6 s of one.wav"), "progress names what was decoded: \(printed.errors)")
      #expect(printed.output == (try String(contentsOfFile: stored, encoding: .utf8)) + "\n")
      try FileManager.default.removeItem(atPath: one)
      let same = try await audioprint("compare", stored, late, "--json")
      #expect(same.exitCode == 0, "\(same)")
      #expect(abs((try object(same.output)["lagSeconds"] as? Double ?? 0) - 0.64) < 0.04)
      let different = try await audioprint("compare", other, stored)
      #expect(different.exitCode == 1 && different.output.hasPrefix("different"), "\(different)")
      let json = try String(contentsOfFile: stored, encoding: .utf8)
      let older = json.replacing("\"version\" : 1", with: "\"version\" : 0")
      #expect(older != json)
      try older.write(toFile: stored, atomically: true, encoding: .utf8)
      let refused = try await audioprint("compare", stored, late)
      #expect(refused.exitCode == 2 && refused.errors.contains("version 0"), "\(refused)")
    }
  }

  @Test("attribute exits with 0 if everything is explained, 1 if something is not, with one JSON row for each window")
  func attribute() async throws {
    let dubbed = try await Media.dubbed()
    try await Media.withFolder { folder in
      let (output, one, two) = ("\(folder)/output.wav", "\(folder)/one.wav", "\(folder)/two.wav")
      try await Media.write(.joined([dubbed[0], dubbed[1]]), to: output, [])
      try await Media.write(dubbed[0], to: one, [])
      try await Media.write(dubbed[1], to: two, [])
      let all = try await audioprint(
        "attribute", output, "--fragment", one, "--fragment", two, "--window", "6", "--json")
      #expect(all.exitCode == 0, "\(all)")
      let rows = try #require(try JSONSerialization.jsonObject(with: Data(all.output.utf8)) as? [[String: Any]])
      #expect(rows.map { $0["attribution"] as? String } == ["dubbed(0)", "dubbed(1)"])
      let part = try await audioprint("attribute", output, "--fragment", one, "--window", "6", "--progress")
      #expect(part.exitCode == 1 && part.output.contains("unknown"), "\(part)")
      #expect(part.errors.contains("12 s of"), "progress names what was decoded: \(part.errors)")
    }
  }

  @Test("An answer that cannot be written is an error, and a lag of nothing has no sign")
  func output() async throws {
    let dubbed = try await Media.dubbed()
    try await Media.withFolder { folder in
      let one = folder + "/one.wav"
      try await Media.write(dubbed[0], to: one, [])
      let same = try await audioprint("attribute", one, "--original", one)
      #expect(same.exitCode == 0 && same.output.contains("passthrough") && !same.output.contains("-0.0"), "\(same)")
      let path = Bundle.module.bundleURL.deletingLastPathComponent().appendingPathComponent("audioprint").path
      let full = try await run(
        .name("sh"), arguments: ["-c", "\"$0\" compare \"$1\" \"$1\" > /dev/full", path, one], input: .none,
        output: .discarded, error: .string(limit: 1 << 16))
      #expect(full.terminationStatus == .exited(2), "\(full)")
      #expect(full.standardError.contains("standard output"))
    }
  }

  @Test(
    "A decoder that fails for a reason of its own: how it ended, what it said, and what to do",
    arguments: [
      ("exit 3", "ffmpeg ended with exit code 3"), ("kill -9 $$", "ffmpeg was ended by signal 9"),
    ])
  func decoderFails(ending: String, sentence: String) async throws {
    try await Media.withFolder { folder in
      let one = folder + "/one.wav"
      try await Media.write(try AudioClip(samples: .init(repeating: 0.1, count: 16_000), sampleRate: 8000), to: one, [])
      let ffmpeg = folder + "/ffmpeg"
      try "#!/bin/sh\necho 'the moon is in the wrong place' >&2\n\(ending)\n".write(
        toFile: ffmpeg, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: ffmpeg)
      let answer = try await audioprint(["compare", one, one], tools: URL(filePath: folder))
      #expect(answer.exitCode == 2, "\(answer)")
      for words in [sentence, "the moon", "ffmpeg -i"] { #expect(answer.errors.contains(words), "\(answer)") }
    }
  }

  @Test(
    "Wrong usage, missing files and what is no media exit with 2 and a reason",
    arguments: [
      ["compare", "/nonexistent/a.wav", "/nonexistent/b.wav"], ["compare", "only-one.wav"], ["attribute", "x.wav"],
      ["nonsense"], ["compare", #filePath, #filePath],
    ])
  func errors(arguments: [String]) async throws {
    let answer =
      switch arguments.count {
      case 1: try await audioprint(arguments[0])
      case 2: try await audioprint(arguments[0], arguments[1])
      default: try await audioprint(arguments[0], arguments[1], arguments[2])
      }
    #expect(answer.exitCode == 2 && answer.output.isEmpty && !answer.errors.isEmpty, "\(answer)")
  }
}
