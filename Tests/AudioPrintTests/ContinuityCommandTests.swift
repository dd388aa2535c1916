import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("audioprint continuity", .kind(.computing))
struct ContinuityCommandTests {
  /// A clip, the same through AAC, with 100 ms missing, and one that is not in it; told their paths.
  private func withFiles(
    _ body: (_ clip: String, _ whole: String, _ broken: String, _ other: String) async throws -> Void
  ) async throws {
    let clip = try await Media.dubbed()[3]
    let start = clip.sounding(from: 2, for: 0.1)
    let aac = ["-c:a", "aac", "-b:a", "128k", "-ar", "48000"]
    try await Media.withFolder { folder in
      let paths = ["clip.wav", "whole.m4a", "broken.m4a", "other.wav"].map { "\(folder)/\($0)" }
      try await Media.write(clip, to: paths[0], [])
      try await Media.write(clip, to: paths[1], aac)
      try await Media.write(clip.changing(start, start + 0.1) { _ in 0 }, to: paths[2], aac)
      try await Media.write(Media.dubbed()[0], to: paths[3], [])
      try await body(paths[0], paths[1], paths[2], paths[3])
    }
  }

  private struct Report: Decodable {
    struct Found: Decodable {
      var kind: String
      var start: Double
      var length: Double
    }
    var isUnbroken: Bool
    var breaks: [Found]
    var lost: [Int]
  }

  @Test("Exit code 0 for a whole clip, 1 for a break or a clip that is not played, and each said")
  func exitCodes() async throws {
    try await withFiles { clip, whole, broken, other in
      let good = try await audioprint("continuity", whole, "--clip", clip)
      #expect(good.exitCode == 0 && good.output.hasPrefix("unbroken\n"), "\(good)")
      let bad = try await audioprint("continuity", broken, "--clip", clip, "--at", "0")
      #expect(bad.exitCode == 1 && bad.output.hasPrefix("broken\n") && bad.output.contains("missing"), "\(bad)")
      let tolerant = try await audioprint("continuity", broken, "--clip", clip, "--shortest-missing", "0.2")
      #expect(tolerant.exitCode == 0, "\(tolerant)")
      let absent = try await audioprint("continuity", whole, "--clip", other)
      #expect(absent.exitCode == 1 && absent.output.contains("is not played"), "\(absent)")
      let cut = try await audioprint("continuity", whole, "--clip", clip, "--at", "-3", "--search-range", "0.5")
      #expect(cut.exitCode == 1, "\(cut)")
    }
  }

  @Test("As JSON the verdict stands beside each break")
  func json() async throws {
    try await withFiles { clip, whole, broken, _ in
      let bad = try await audioprint("continuity", broken, "--clip", clip, "--json")
      let report = try JSONDecoder().decode(Report.self, from: Data(bad.output.utf8))
      #expect(bad.exitCode == 1 && !report.isUnbroken && report.lost.isEmpty, "\(bad)")
      #expect(report.breaks.map(\.kind) == ["missing"] && abs(report.breaks[0].length - 0.1) < 0.02, "\(bad)")
      let good = try await audioprint("continuity", whole, "--clip", clip, "--json")
      #expect(try JSONDecoder().decode(Report.self, from: Data(good.output.utf8)).isUnbroken && good.exitCode == 0)
    }
  }

  @Test("What is asked wrongly, or cannot be read, is exit code 2 and no verdict")
  func badInput() async throws {
    try await withFiles { clip, whole, _, _ in
      for arguments in [
        [whole], [whole, "--clip", clip, "--at", "0", "--at", "1"], [whole, "--clip", clip, "--at", "nan"],
        [whole, "--clip", clip, "--search-range", "31"], [whole, "--clip", clip, "--gap", "-1"],
        [whole, "--clip", clip, "--shortest-missing", "1.1"], [whole, "--clip", clip, "--shortest-missing", "nan"],
        [whole, "--clip", clip + ".missing"], [whole + ".missing", "--clip", clip],
      ] {
        let answer = try await audioprint(["continuity"] + arguments)
        #expect(answer.exitCode == 2 && answer.output.isEmpty && !answer.errors.isEmpty, "\(arguments) \(answer)")
      }
    }
  }
}
