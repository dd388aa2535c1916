/// Which projects of a call wait for others before they start.
struct StartOrder: Sendable {
  /// How far the other one must have come.
  enum Milestone: Sendable, Hashable {
    /// Its networks and volumes exist: its first container has been created.
    case created
    /// All of its services are ready.
    case ready
  }
  struct Edge: Sendable, Hashable {
    var project: Int
    var after: Int
    var milestone: Milestone
    /// What it needs of the other one; nil if it was told to wait.
    var reason: NamedResource?
  }
  let edges: [Edge]

  init(edges: [Edge]) { self.edges = edges }

  /// The order that `startsAfter` and the volumes and networks of other projects ask for.
  ///
  /// - Throws: ``ComposeError`` `invalidProject` for a name that no project of the call has, or a circle.
  init(_ projects: [ComposeProject], resources: [Edge]) throws {
    var edges = resources
    for (index, project) in projects.enumerated() {
      for name in project.startsAfter {
        let others = projects.indices.filter { projects[$0].name == name && $0 != index }
        guard !others.isEmpty else {
          throw ComposeError(
            .invalidProject, "project \(project.name) starts after \(name), which is not started in the same call",
            next: "the others are \(projects.filter { $0.name != project.name }.map(\.name).joined(separator: ", "))")
        }
        edges += others.map { Edge(project: index, after: $0, milestone: .ready, reason: nil) }
      }
    }
    self.edges = edges
    if let circle = circle(among: projects.indices) {
      let sentences = circle.map { edge in
        "\(projects[edge.project].name) waits for \(projects[edge.after].name)"
          + (edge.reason.map { " (\($0.kind.rawValue) \($0.name))" } ?? " (startsAfter)")
      }
      throw ComposeError(
        .invalidProject, "the projects wait for one another: \(sentences.joined(separator: ", "))",
        next: "let one of them make what both use, and start first")
    }
  }

  /// Edges that lead back to where they began; nil if every project can start some day.
  private func circle(among projects: Range<Int>) -> [Edge]? {
    var left = Set(projects)
    // What waits for nobody who is left can start: take it away, until nothing changes.
    while let free = left.first(where: { index in
      !edges.contains { $0.project == index && left.contains($0.after) }
    }) {
      left.remove(free)
    }
    guard var place = left.min() else { return nil }
    var path: [Edge] = []
    while let edge = edges.first(where: { $0.project == place && left.contains($0.after) }) {
      if let start = path.firstIndex(where: { $0.project == place }) { return Array(path[start...]) }
      path.append(edge)
      place = edge.after
    }
    return path
  }
}

/// Holds projects back until those that they wait for have come far enough.
final class StartGate: Sendable {
  private struct Wait: Sendable {
    var edge: StartOrder.Edge
    var reached: AsyncStream<Void>
    var reach: AsyncStream<Void>.Continuation
  }
  private let waits: [Wait]

  init(_ order: StartOrder) {
    waits = order.edges.map { edge in
      let (reached, reach) = AsyncStream<Void>.makeStream()
      return Wait(edge: edge, reached: reached, reach: reach)
    }
  }

  /// Returns when the project may start.
  ///
  /// - Throws: `CancellationError`; one that it waits for has failed then, and its error counts.
  func pass(_ project: Int) async throws {
    for wait in waits where wait.edge.project == project {
      for await _ in wait.reached {}
      try Task.checkCancellation()
    }
  }

  /// A project has come so far; one that is ready has created what it makes.
  func reached(_ milestone: StartOrder.Milestone, by project: Int) {
    for wait in waits
    where wait.edge.after == project && (milestone == .ready || wait.edge.milestone == milestone) {
      wait.reach.finish()
    }
  }

  /// A progress function that also sees the first sign that a project's networks and volumes exist.
  func watching(
    _ project: Int, _ progress: (@Sendable (ServiceProgress) -> Void)?
  ) -> (@Sendable (ServiceProgress) -> Void)? {
    guard waits.contains(where: { $0.edge.after == project && $0.edge.milestone == .created }) else { return progress }
    return { step in
      switch step.phase {
      case .building, .loading, .pulling, .failed, .unhealthy, .removing, .removed: break
      default: self.reached(.created, by: project)
      }
      progress?(step)
    }
  }
}
