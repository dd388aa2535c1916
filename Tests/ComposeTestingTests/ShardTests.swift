import ComposeTesting
import Testing

@Suite("Which shard this is", .kind(.logic))
struct ShardTests {
  /// What the environment says, and the shard that it means.
  struct Said: Sendable, CustomTestStringConvertible {
    var environment: [String: String]
    var shard: String?

    init(_ environment: [String: String], _ shard: String?) { (self.environment, self.shard) = (environment, shard) }

    var testDescription: String { environment.map { "\($0)=\($1)" }.sorted().joined(separator: " ") }
  }

  static let said = [
    Said([:], nil), Said(["E2E_SHARD": ""], nil), Said(["E2E_SHARD": "2/5"], "2/5"), Said(["E2E_SHARD": "1/1"], "1/1"),
    // Asked for by nobody: a job that runs several times for another reason must not lose cases.
    Said(["CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "5"], nil),
    Said(["JOB_COMPLETION_INDEX": "1", "E2E_SHARD_COUNT": "3"], nil),
    Said(["E2E_SHARD": "auto", "CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "5"], "2/5"),
    Said(["E2E_SHARD": "auto", "CI_NODE_TOTAL": "1"], "1/1"),
    Said(["E2E_SHARD": "auto", "CIRCLE_NODE_INDEX": "0", "CIRCLE_NODE_TOTAL": "4"], "1/4"),
    Said(["E2E_SHARD": "auto", "CIRCLE_NODE_INDEX": "3", "CIRCLE_NODE_TOTAL": "4"], "4/4"),
    Said(["E2E_SHARD": "auto", "BUILDKITE_PARALLEL_JOB": "0", "BUILDKITE_PARALLEL_JOB_COUNT": "2"], "1/2"),
    Said(["E2E_SHARD": "auto", "JOB_COMPLETION_INDEX": "2", "E2E_SHARD_COUNT": "3"], "3/3"),
    // Slots of a replicated job begin with 0, in whose place the template has the node's identifier.
    Said(["E2E_SHARD": "auto", "E2E_SWARM_SLOT": "2", "E2E_SHARD_COUNT": "3"], "3/3"),
    Said(["E2E_SHARD": "auto", "E2E_SWARM_SLOT": "x1oj2k7ry7glmv2v4b9kkr2nq", "E2E_SHARD_COUNT": "3"], "1/3"),
    Said(slurm(0, 0, 2, 3), "1/3"), Said(slurm(3, 1, 3, 3), "3/3"), Said(slurm(7, 3, 11, 3, step: 4), "2/3"),
    // Two that say the same.
    Said(
      [
        "E2E_SHARD": "auto", "JOB_COMPLETION_INDEX": "1", "E2E_SHARD_COUNT": "2", "CI_NODE_INDEX": "2",
        "CI_NODE_TOTAL": "2",
      ],
      "2/2"),
  ]

  static func slurm(_ id: Int, _ first: Int, _ last: Int, _ count: Int, step: Int? = nil) -> [String: String] {
    var said = [
      "E2E_SHARD": "auto", "SLURM_ARRAY_TASK_ID": "\(id)", "SLURM_ARRAY_TASK_MIN": "\(first)",
      "SLURM_ARRAY_TASK_MAX": "\(last)", "SLURM_ARRAY_TASK_COUNT": "\(count)",
    ]
    if let step { said["SLURM_ARRAY_TASK_STEP"] = "\(step)" }
    return said
  }

  @Test("It is said, or asked of the scheduler", arguments: said)
  func isFound(_ said: Said) throws {
    #expect(try Shard.chosen(in: said.environment)?.description == said.shard)
  }

  /// What is wrong, and words of the message.
  static let wrong: [(Said, [String])] = [
    (Said(["E2E_SHARD": "7/5"], nil), ["E2E_SHARD=7/5 is shard 7 of 5", "1/5"]),
    (Said(["E2E_SHARD": "0/5"], nil), ["is shard 0 of 5"]),
    (Said(["E2E_SHARD": "1/0"], nil), ["of 0 shards"]), (Said(["E2E_SHARD": "-1/5"], nil), ["is shard -1 of 5"]),
    (Said(["E2E_SHARD": "two"], nil), ["names no shard", "2/5"]),
    (Said(["E2E_SHARD": "2/5/7"], nil), ["names no shard"]),
    (Said(["E2E_SHARD": "2"], nil), ["names no shard"]), (Said(["E2E_SHARD": "/"], nil), ["names no shard"]),
    (Said(["E2E_SHARD": "auto"], nil), ["no scheduler", "SLURM_ARRAY_TASK_ID", "2/5"]),
    (
      Said(["E2E_SHARD": "auto", "CI_NODE_INDEX": "6", "CI_NODE_TOTAL": "5"], nil), ["CI_NODE_INDEX=6", "shard 6 of 5"]
    ),
    (
      Said(["E2E_SHARD": "auto", "CI_NODE_INDEX": "two", "CI_NODE_TOTAL": "5"], nil),
      ["CI_NODE_INDEX=two", "no number"]
    ),
    (Said(["E2E_SHARD": "auto", "JOB_COMPLETION_INDEX": "1"], nil), ["Kubernetes", "E2E_SHARD_COUNT is not set"]),
    (Said(["E2E_SHARD": "auto", "E2E_SWARM_SLOT": "{{.Task.Slot}}", "E2E_SHARD_COUNT": "3"], nil), ["no number"]),
    (
      Said(
        [
          "E2E_SHARD": "auto", "CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "2", "CIRCLE_NODE_INDEX": "1",
          "CIRCLE_NODE_TOTAL": "2",
        ],
        nil), ["GitLab says shard 1/2", "CircleCI 2/2"]
    ),
    (Said(slurm(3, 1, 7, 3), nil), ["gaps", "--array=1-3"]),
    // One task of an array that is run again would be the whole.
    (Said(slurm(3, 3, 3, 1).merging(["E2E_SHARD_COUNT": "5"]) { $1 }, nil), ["E2E_SHARD_COUNT=5", "E2E_SHARD=2/5"]),
  ]

  @Test("What names no shard is an error that says what to write", arguments: wrong)
  func isRefused(_ said: Said, _ words: [String]) throws {
    let error = #expect(throws: ShardError.self) { try Shard.chosen(in: said.environment) }
    let text = try #require(error).description
    for word in words { #expect(text.contains(word), "\(text)") }
  }
}
