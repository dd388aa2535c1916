/// What starts one job several times and tells each of them, in its environment, which one it is.
struct Scheduler {
  var name: String
  /// The variable with the number of this job.
  var index: String
  /// The variable with how many there are. Where the scheduler does not say it, it is one of ours.
  var total = ours
  /// The number of the first job.
  var first = 0

  /// How many shards there are, said by who writes the job.
  static let ours = "E2E_SHARD_COUNT"

  /// docs/shards.md cites where each says so.
  static let all = [
    Scheduler(name: "GitLab", index: "CI_NODE_INDEX", total: "CI_NODE_TOTAL", first: 1),
    Scheduler(name: "CircleCI", index: "CIRCLE_NODE_INDEX", total: "CIRCLE_NODE_TOTAL"),
    Scheduler(name: "Buildkite", index: "BUILDKITE_PARALLEL_JOB", total: "BUILDKITE_PARALLEL_JOB_COUNT"),
    Scheduler(name: "Slurm", index: "SLURM_ARRAY_TASK_ID", total: "SLURM_ARRAY_TASK_COUNT"),
    Scheduler(name: "Kubernetes", index: "JOB_COMPLETION_INDEX"),
    // No variable of Swarm's own: a job says E2E_SWARM_SLOT={{.Task.Slot}}.
    Scheduler(name: "Swarm", index: "E2E_SWARM_SLOT"),
  ]

  /// The shard that the schedulers of this environment agree on.
  static func shard(in environment: [String: String]) throws(ShardError) -> Shard {
    var found: [(scheduler: Scheduler, shard: Shard)] = []
    for scheduler in all {
      if let shard = try scheduler.shard(in: environment) { found.append((scheduler, shard)) }
    }
    guard let one = found.first else {
      throw ShardError(
        "E2E_SHARD=auto, and no scheduler says which shard this is",
        next: "looked for \(all.map(\.index).joined(separator: ", ")); write E2E_SHARD=2/5")
    }
    if let other = found.first(where: { $0.shard != one.shard }) {
      throw ShardError(
        "E2E_SHARD=auto, and \(one.scheduler.name) says shard \(one.shard), \(other.scheduler.name) \(other.shard)",
        next: "write E2E_SHARD=2/5 with the numbers of the one that is meant")
    }
    return one.shard
  }

  /// What this one says; nil: it says nothing.
  private func shard(in environment: [String: String]) throws(ShardError) -> Shard? {
    func said(_ variable: String) -> String? { environment[variable].flatMap { $0.isEmpty ? nil : $0 } }
    guard let text = said(index) else {
      // GitLab's job without `parallel` has a total and no index.
      guard name == "GitLab", said(total) == "1" else { return nil }
      return try Shard(1, of: 1, source: "CI_NODE_TOTAL=1")
    }
    guard let count = said(total).flatMap({ Int($0) }) else {
      throw ShardError(
        "\(name) says \(index)=\(text), and \(total) is \(said(total) ?? "not set")",
        next: "set \(total) to how many shards there are")
    }
    let source = "\(index)=\(text), \(total)=\(count)"
    if let ours = said(Self.ours), ours != "\(count)" {
      // Such as one task of an array that is run again.
      throw ShardError(
        "\(source), but \(Self.ours)=\(ours)",
        next: "write E2E_SHARD=2/\(ours) if this is a part of a job that was run before")
    }
    guard let position = try position(text, count, environment) else {
      throw ShardError("\(source) is no number", next: "write E2E_SHARD=2/\(count)")
    }
    return try Shard(position + 1, of: count, source: source)
  }

  /// How many jobs come before this one.
  private func position(_ text: String, _ count: Int, _ environment: [String: String]) throws(ShardError) -> Int? {
    guard let number = Int(text) else {
      // Slots of a replicated job begin with 0, and the template has the node's identifier in the place of a 0.
      return name == "Swarm" && text.count == 25 && text.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber) }
        ? 0 : nil
    }
    guard name == "Slurm" else { return number - first }
    func value(_ variable: String) -> Int? { environment[variable].flatMap { Int($0) } }
    let (first, step) = (value("SLURM_ARRAY_TASK_MIN") ?? 0, max(1, value("SLURM_ARRAY_TASK_STEP") ?? 1))
    let last = value("SLURM_ARRAY_TASK_MAX") ?? first + (count - 1) * step
    guard (last - first) / step + 1 == count, (number - first) % step == 0 else {
      throw ShardError(
        "SLURM_ARRAY_TASK_ID=\(number) is of an array with gaps: \(count) tasks from \(first) to \(last)",
        next: "write --array=1-\(count)")
    }
    return (number - first) / step
  }
}
