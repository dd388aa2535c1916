import ArgumentParser

/// `make eval`: generates the material, measures, prints the table, writes `results.json`.
@main
struct EvaluationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "Evaluation",
    abstract: "Measures how well AudioPrint recognises, or with --breaks how well it hears what is missing or doubled.",
    discussion: """
      `make eval` builds and calls it. What it makes is kept in the folder, and is used again.

      EXAMPLE: make eval QUICK=1
      EXAMPLE: make eval PART=breaks ROUNDS=2 MINUTES=9
      """)

  @Argument(help: "Where the material and the results go.")
  var folder = ".build/eval"

  @Flag(help: "Less of everything: a smoke test.")
  var quick = false

  @Flag(help: "Breaks in a source that goes on, in place of recognition.")
  var breaks = false

  @Flag(help: "With --breaks: only the half of the sources on which thresholds are fixed.")
  var tuning = false

  @Option(
    help:
      "How many sources, at least two: the first to tune on, the second to report, and so on. Otherwise all, quick: 4.")
  var sources: Int?

  @Option(help: "Recognition: the sources whose names hold this text.")
  var only: String?

  @Option(
    help:
      "With --breaks: how often each break is made in each source. Otherwise 2, quick: 1; 0: hours without a break alone."
  )
  var rounds: Int?

  @Option(help: "With --breaks: minutes without a break of each source. Otherwise 9, quick: 1.")
  var minutes: Int?

  func validate() throws {
    if let sources, sources < 2 { throw ValidationError("--sources is \(sources); one is tuned on, and one reported") }
    if let rounds, rounds < 0 { throw ValidationError("--rounds is \(rounds); give 0 or more") }
    if let minutes, minutes < 0 { throw ValidationError("--minutes is \(minutes); give 0 or more") }
    if !breaks, tuning || rounds != nil || minutes != nil {
      throw ValidationError("--tuning, --rounds and --minutes go with --breaks")
    }
    if breaks, only != nil { throw ValidationError("--only does not go with --breaks") }
    _ = try chosen()
  }

  func run() async throws {
    guard breaks else { return try await Evaluation(folder: folder, quick: quick, sources: chosen()).run() }
    try await BreakEvaluation(
      folder: folder, rounds: rounds ?? (quick ? 1 : 2), minutes: minutes ?? (quick ? 1 : 9),
      sources: first(of: BreakEvaluation.kinds.count).filter { !tuning || $0.isMultiple(of: 2) }
    ).run()
  }

  private func first(of all: Int) -> [Int] { Array(0..<min(sources ?? (quick ? 4 : all), all)) }

  /// The sources of the recognition.
  private func chosen() throws -> [Int] {
    let kinds = MaterialFactory.kinds
    guard let only else { return first(of: kinds.count) }
    let found = kinds.indices.filter { kinds[$0].name.contains(only) }
    guard Set(found.map { $0.isMultiple(of: 2) }).count == 2 else {
      throw ValidationError(
        "--only \(only) must name one source to tune on and one to report, of \(kinds.map(\.name).joined(separator: ", "))"
      )
    }
    return found
  }
}
