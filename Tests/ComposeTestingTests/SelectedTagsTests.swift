import ComposeTesting
import Testing

@Suite("The trait that selects tests by tags", .kind(.programs), .inTurn)
struct SelectedTagsTests {
  @Test(
    "Only tests that the variable selects run",
    arguments: [
      ("", ["quick", "thorough", "untagged"]), ("smoke", ["quick", "thorough"]), ("smoke,!slow", ["quick"]),
      ("!smoke", ["untagged"]),
    ])
  func selects(_ tags: String, _ expected: [String]) async throws {
    let run = try await SampleRun.run("TagSample", environment: ["SAMPLE_TAGS": tags])
    let passed = ["quick", "thorough", "untagged"].filter { name in
      run.output.split(separator: "\n").contains { $0.contains("Test \(name)(") && $0.contains(" passed after") }
    }
    #expect(passed == expected, "\(run.output)")
    #expect(run.exitCode == 0, "\(run.output)")
  }

  @Test("A selection that runs no test fails and says so")
  func selectsNothing() async throws {
    let run = try await SampleRun.run("TagSample", environment: ["SAMPLE_TAGS": "smoek"])
    #expect(run.exitCode != 0, "\(run.output)")
    #expect(run.output.contains("SAMPLE_TAGS=smoek selects no test"), "\(run.output)")
  }
}
