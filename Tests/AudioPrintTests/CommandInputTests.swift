import AudioPrint
import ComposeTesting
import Foundation
import Subprocess
import Testing

@Suite("What the audioprint command is given", .kind(.computing))
struct CommandInputTests {
  @Test("What is too short to be judged is an error that says how long it must be", arguments: [0.1, 0.2, 0.25])
  func tooShort(seconds: Double) async throws {
    let words = try await Media.original()
    try await Media.withFolder { folder in
      let (short, long, other) = ("\(folder)/short.wav", "\(folder)/long.wav", "\(folder)/other.wav")
      try await Media.write(words.slice(from: 3, to: 3 + seconds), to: short, [])
      try await Media.write(words.slice(from: 9, to: 9 + seconds), to: other, [])
      try await Media.write(words, to: long, [])
      for arguments in [
        ["compare", short, short], ["compare", short, other], ["compare", long, short], ["compare", short, long],
        ["attribute", short, "--original", long], ["attribute", long, "--original", short],
        ["attribute", long, "--fragment", short], ["fingerprint", short],
      ] {
        let answer = try await audioprint(arguments)
        #expect(answer.exitCode == 2 && answer.output.isEmpty, "\(arguments) \(answer)")
        #expect(answer.errors.contains("\(seconds) s") && answer.errors.contains("0.5 s"), "\(arguments) \(answer)")
      }
      let window = try await audioprint("attribute", long, "--original", long, "--window", "\(seconds)")
      #expect(window.exitCode == 2 && window.errors.contains("0.5"), "\(window)")
    }
  }

  @Test(
    "From half a second on a clip is the same as itself and no other one, after a codec too",
    arguments: [0.5, 0.6, 0.8])
  func shortest(seconds: Double) async throws {
    let clips = [try await Media.original(), try .joined(try await Media.dubbed()), try .noise(30)]
    let parts = clips.map { $0.loudest(seconds) }
    for (clip, part) in zip(clips, parts) {
      let back = try await Media.roundTrip(part, among: parts)
      #expect(Similarity.compare(part, part).isSame)
      #expect(Similarity.compare(part, back).isSame, "\(Similarity.compare(part, back))")
      let other = Similarity.compare(part, clip.loudest(seconds, 1))
      #expect(!other.isSame, "\(other)")
    }
  }

  @Test("fingerprint -o writes through a link, keeps a file's mode, and writes into devices and pipes")
  func outputs() async throws {
    let clip = try await Media.dubbed()[0]
    try await Media.withFolder { folder in
      let media = "\(folder)/one.wav"
      try await Media.write(clip, to: media, [])
      let wanted = try await audioprint("fingerprint", media).output
      let (file, link) = ("\(folder)/print.json", "\(folder)/link.json")
      let longer = String(repeating: "x", count: wanted.utf8.count + 5000)
      try longer.write(toFile: file, atomically: false, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
      for path in [file, link] {
        let made = try await audioprint("fingerprint", media, "-o", path)
        #expect(made.exitCode == 0, "\(made)")
        #expect(try String(contentsOfFile: file, encoding: .utf8) + "\n" == wanted)
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
        #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == file)
      }
      // A device of our own name for it: the test must not replace /dev/stdout if it fails.
      let device = "\(folder)/stdout"
      try FileManager.default.createSymbolicLink(atPath: device, withDestinationPath: "/dev/stdout")
      #expect(try await audioprint("fingerprint", media, "-o", device).output + "\n" == wanted)
      let full = "\(folder)/full"
      try FileManager.default.createSymbolicLink(atPath: full, withDestinationPath: "/dev/full")
      let refused = try await audioprint("fingerprint", media, "-o", full)
      #expect(refused.exitCode == 2 && refused.errors.contains("cannot be written to \(full)"), "\(refused)")
      let piped = try await run(
        .name("sh"),
        arguments: [
          "-c",
          "mkfifo \"$1/pipe\"; timeout 300 cat \"$1/pipe\" & timeout 300 \"$0\" fingerprint \"$2\" -o \"$1/pipe\"; wait",
          try pathOfCommand(), folder, media,
        ], input: .none, output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
      #expect(piped.standardOutput + "\n" == wanted, "\(piped.standardError)")
    }
  }

  @Test("A pipe whose reader is gone, and a folder that is missing, are errors with a reason")
  func unwritable() async throws {
    let clip = try await Media.dubbed()[0]
    try await Media.withFolder { folder in
      let media = "\(folder)/one.wav"
      try await Media.write(clip, to: media, [])
      let missing = try await audioprint("fingerprint", media, "-o", "\(folder)/none/print.json")
      #expect(missing.exitCode == 2 && missing.errors.contains("No such file"), "\(missing)")
      let broken = try await run(
        .name("sh"),
        arguments: [
          "-c",
          "mkfifo \"$1/pipe\"; head -c 1 \"$1/pipe\" >/dev/null & timeout 300 \"$0\" fingerprint \"$2\" -o \"$1/pipe\"; echo $?",
          try pathOfCommand(), folder, media,
        ],
        input: .none, output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
      // A short print may fit into the pipe before its reader goes.
      #expect(["0\n", "2\n"].contains(broken.standardOutput), "\(broken)")
    }
  }

  @Test(
    "attribute prints nothing before its inputs are known to be good",
    arguments: ["missing", "text", "silent video", "print"])
  func badOriginal(kind: String) async throws {
    let clip = try await Media.original()
    try await Media.withFolder { folder in
      let (media, bad) = ("\(folder)/one.wav", "\(folder)/bad")
      try await Media.write(.joined([clip, clip, clip]), to: media, [])
      switch kind {
      case "text": try "no media".write(toFile: bad, atomically: true, encoding: .utf8)
      case "silent video":
        try await Media.ffmpeg(["-f", "lavfi", "-i", "color=s=64x64:d=1", "-c:v", "libx264", "-f", "mp4", bad])
      case "print": #expect(try await audioprint("fingerprint", media, "-o", bad).exitCode == 0)
      default: break
      }
      for arguments in [
        ["attribute", media, "--original", bad], ["attribute", media, "--original", bad, "--window", "6"],
        ["attribute", media, "--original", bad, "--json"], ["attribute", bad, "--original", media],
        ["attribute", media, "--original", media, "--fragment", bad],
      ] {
        let answer = try await audioprint(arguments)
        #expect(answer.exitCode == 2 && answer.output.isEmpty && answer.errors.contains(bad), "\(arguments) \(answer)")
        if kind == "print" {
          #expect(answer.errors.contains("stored fingerprint") && answer.errors.contains("compare"), "\(answer)")
        }
      }
    }
  }

  @Test("--track chooses among the audio tracks, of either side")
  func track() async throws {
    let dubbed = try await Media.dubbed()
    try await Media.withFolder { folder in
      let (zero, one, both) = ("\(folder)/zero.wav", "\(folder)/one.wav", "\(folder)/both.mkv")
      try await Media.write(dubbed[0], to: zero, [])
      try await Media.write(dubbed[1], to: one, [])
      try await Media.ffmpeg(["-i", zero, "-i", one, "-map", "0:a", "-map", "1:a", "-c:a", "flac", both])
      #expect(try await audioprint("compare", one, both).exitCode == 1)
      for arguments in [
        ["compare", one, both, "--track", "1"], ["compare", both, one, "--reference-track", "1"],
        ["attribute", both, "--original", one, "--track", "1"],
        ["attribute", one, "--original", both, "--original-track", "1"],
      ] {
        let answer = try await audioprint(arguments)
        #expect(answer.exitCode == 0, "\(arguments) \(answer)")
      }
      let missing = try await audioprint("compare", one, both, "--track", "2")
      #expect(missing.exitCode == 2 && missing.errors.contains("no audio track 2"), "\(missing)")
      #expect(try await audioprint("compare", one, both, "--track", "-1").exitCode == 2)
    }
  }

  @Test("--version tells the version of the package")
  func version() async throws {
    let answer = try await audioprint("--version")
    #expect(answer.exitCode == 0 && answer.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil, "\(answer)")
  }

  #if os(Linux)
    @Test(
      "The priority that the command was started with is kept by its threads and by ffmpeg", arguments: [3, 10, 19])
    func nice(level: Int) async throws {
      try await Media.withFolder { folder in
        let pipe = "\(folder)/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        let path = try pathOfCommand()
        // ffmpeg waits for what the pipe gives, so that there is time to look.
        let result = try await run(
          .name("timeout"), arguments: ["300", "nice", "-n", "\(level)", path, "fingerprint", pipe], input: .none,
          output: .discarded, error: .discarded
        ) { execution in
          let own = try await Self.descendant("audioprint", of: Int(execution.processIdentifier.value))
          let child = try await Self.descendant("ffmpeg", of: own)
          let found = try (own: Self.niceLevels(own), child: Self.niceLevels(child))
          FileHandle(forWritingAtPath: pipe)?.closeFile()
          return found
        }
        let (own, child) = result.closureResult
        #expect(Set(child) == [level], "\(child)")
        // The library that starts processes waits for their end in a task of its own, which is Swift's pool's.
        #expect(own.count { $0 == level } >= 5 && own.count { $0 != level } <= 4, "\(own)")
      }
    }

    /// The process of this name below another one, or that one itself, as soon as it is there.
    private static func descendant(_ name: String, of ancestor: Int) async throws -> Int {
      let end = ContinuousClock.now + .seconds(60)
      while ContinuousClock.now < end {
        var known = [ancestor]
        while let next = known.popLast() {
          let comm = try? String(contentsOfFile: "/proc/\(next)/comm", encoding: .utf8)
          if comm == name + "\n" { return next }
          for task in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(next)/task")) ?? [] {
            let children = try? String(contentsOfFile: "/proc/\(next)/task/\(task)/children", encoding: .utf8)
            known += (children ?? "").split(separator: " ").compactMap { Int($0) }
          }
        }
        try await Task.sleep(for: .milliseconds(20))
      }
      throw AudioError(.toolMissing, "no process \(name) below \(ancestor) within 60 s")
    }

    private static func niceLevels(_ process: Int) throws -> [Int] {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").compactMap { task in
        let stat = try String(contentsOfFile: "/proc/\(process)/task/\(task)/stat", encoding: .utf8)
        // Behind the name, which is in brackets and may hold spaces, it is the 17th.
        return stat.split(separator: ")").last.flatMap { Int($0.split(separator: " ")[16]) }
      }
    }
  #endif
}
