/// What the engine has by a name that a project wants to use.
struct FoundResource: Sendable, Hashable {
  var kind: NamedResource.Kind
  var name: String
  /// The compose project that made it; nil if none did.
  var owner: String?

  /// Reads lines of `volume ls` or `network ls` with ``format(_:)``.
  static func read(_ list: String, kind: NamedResource.Kind) -> [FoundResource] {
    list.outputLines.compactMap { line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map { String($0).trimmed }
      guard let name = fields.first, !name.isEmpty else { return nil }
      let owner = fields.count > 1 ? ComposeLabel.project(in: fields[1]) : nil
      return FoundResource(kind: kind, name: name, owner: owner)
    }
  }

  static func format(_ access: EngineAccess) -> String { "{{.Name}}\t" + access.projectLabelFormat }
}

/// One project of a call, as far as it matters to whose its volumes and networks are.
struct ResourceUser: Sendable {
  /// The base name.
  var project: String
  /// The unique name of the run.
  var projectName: String
  var sharing: [SharedResource]
  /// Those that its services to start use.
  var resources: [NamedResource]
  /// Those that are in its files and none of these services uses: compose does not make them.
  var unused: [NamedResource] = []
}

/// Decides, before anything starts, whether the projects of a call may use the volumes and networks that they name (pure).
///
/// What was there before, or belongs to another project, is used only by who was told to: compose mounts or joins it with no more
/// than a warning, and writes into a developer's database, or is answered by the `db` of somebody else's stack.
struct ResourceCheck: Sendable {
  let users: [ResourceUser]
  var access = EngineAccess()

  /// The names to look up, by kind.
  func names(_ kind: NamedResource.Kind) -> [String] {
    Set(users.flatMap(\.resources).filter { $0.kind == kind }.map(\.name)).sorted()
  }

  /// Something that a project must not use.
  struct Conflict: Sendable, Hashable {
    var user: Int
    var resource: NamedResource
    var found: FoundResource
  }

  /// The first thing that was there before and is not the user's, by its label; nil if there is none.
  func conflict(with found: [FoundResource]) -> Conflict? {
    for (index, user) in users.enumerated() {
      for resource in user.resources where !resource.isExternal && !isShared(resource, by: user) {
        // A network's name is not unique: one of them may be the user's own.
        if let other = found.first(where: {
          $0.kind == resource.kind && $0.name == resource.name && $0.owner != user.projectName
        }) {
          return Conflict(user: index, resource: resource, found: other)
        }
      }
    }
    return nil
  }

  private func isShared(_ resource: NamedResource, by user: ResourceUser) -> Bool {
    user.sharing.contains { $0.kind == resource.kind && $0.name == resource.name }
  }

  /// The project of the call that makes a thing: the first one that has it in its files and does not only share it.
  private func maker(of resource: NamedResource) -> Int? {
    let candidates = users.indices.filter { index in
      users[index].resources.contains {
        $0.kind == resource.kind && $0.name == resource.name && !$0.isExternal
      }
    }
    return candidates.first { !isShared(resource, by: users[$0]) } ?? candidates.first
  }

  /// Which project must have made something before another one can start.
  ///
  /// - Parameter found: what the engine has already.
  /// - Throws: ``ComposeError``: `foreignResource` if two projects would make the same thing, `missingResource` if an external one is
  ///   not there and no project makes it.
  func order(found: [FoundResource]) throws -> [StartOrder.Edge] {
    var edges: [StartOrder.Edge] = []
    for (index, user) in users.enumerated() {
      for resource in user.resources {
        let isThere = found.contains { $0.kind == resource.kind && $0.name == resource.name }
        guard let maker = maker(of: resource) else {
          if isThere { continue }
          throw missing(resource, user)
        }
        guard maker != index else { continue }
        guard resource.isExternal || isShared(resource, by: user) else {
          throw madeTwice(resource, by: users[maker], and: user)
        }
        if !isThere { edges.append(.init(project: index, after: maker, milestone: .created, reason: resource)) }
      }
    }
    return edges
  }

  private func madeTwice(_ resource: NamedResource, by maker: ResourceUser, and user: ResourceUser) -> ComposeError {
    let thing = "the \(resource.kind.rawValue) \(resource.name)"
    return ComposeError(
      .foreignResource, "projects \(maker.project) and \(user.project) would both make \(thing)",
      project: user.projectName,
      next: "give each its own (take `name:` out of the file), or let \(user.project) use that of \(maker.project): "
        + "`external: true` in its file, or ComposeProject(\(resource.sharing))")
  }

  private func missing(_ resource: NamedResource, _ user: ResourceUser) -> ComposeError {
    let kind = resource.kind.rawValue
    let make = access.line("\(kind) create \(resource.name)")
    let others = users.filter { $0.projectName != user.projectName }
    func those(_ all: [NamedResource]) -> [NamedResource] { all.filter { $0.kind == resource.kind && !$0.isExternal } }
    var next =
      "\(make); or start the project that makes it in the same call, with that name in its file and a service that uses it: "
      + "this one then starts after it"
    if let maker = others.first(where: { those($0.unused).contains { $0.name == resource.name } }) {
      next =
        "it is in the files of \(maker.project), and no service of it that is started uses it: start one that does;\nor \(make)"
    } else if let maker = others.first(where: { !those($0.resources).isEmpty }) {
      let names = those(maker.resources).map(\.name).sorted().joined(separator: ", ")
      next =
        "\(maker.project), which is started in the same call, makes the \(kind) \(names): if that is meant, give it the same name "
        + "in both files, such as by one variable with one value;\nor \(make)"
    }
    return ComposeError(
      .missingResource,
      "project \(user.project) needs the \(kind) \(resource.name), which is external in its file and does not exist",
      project: user.projectName, next: next)
  }

  /// A shared name that the project does not use: as a rule a misspelt one.
  static func unusedSharing(of user: ResourceUser, in configuration: [NamedResource]) -> ComposeError? {
    guard
      let unused = user.sharing.first(where: { shared in
        !configuration.contains { $0.kind == shared.kind && $0.name == shared.name }
      })
    else { return nil }
    let known = configuration.filter { $0.kind == unused.kind }.map(\.name).sorted()
    return ComposeError(
      .invalidProject,
      "project \(user.project) shares the \(unused.kind.rawValue) \(unused.name), which its files do not name",
      project: user.projectName,
      next: known.isEmpty
        ? "its files give no \(unused.kind.rawValue) a `name:`; one without is the run's own already"
        : "those with a name of their own are \(known.joined(separator: ", "))")
  }
}

extension ResourceCheck.Conflict {
  /// What a person has to know: the name, whose it is, who uses it now, and both ways out.
  func error(for user: ResourceUser, inUseBy containers: [String]) -> ComposeError {
    let kind = resource.kind.rawValue
    let verb = resource.kind == .volume ? "mount" : "join"
    let owner = found.owner.map { "belongs to project \($0)" } ?? "was made by no compose project"
    let own =
      "take `name: \(resource.name)` out of the file that the tests use, so that each run has a \(kind) of its own"
    // Compose refuses a network that is not one of its own projects', unless the file calls it external.
    let shared =
      resource.kind == .network && found.owner == nil
      ? "write `external: true` beside its name if it is meant to be shared; it is then joined and never removed"
      : "say ComposeProject(\(resource.sharing)) if it is meant to be shared; it is then used and never removed"
    var next = "\(own);\nor \(shared)"
    if let owner = found.owner, RunIdentity(projectName: owner) != nil || owner.contains("-reuse-") {
      next += "\n(project \(owner) is another run of ComposeKit: one that is still going on, or was kept)"
    }
    return ComposeError(
      .foreignResource,
      "project \(user.project) would \(verb) the \(kind) \(resource.name), which was there before and \(owner)"
        + (containers.isEmpty ? "" : "; now in use by \(containers.joined(separator: ", "))"),
      project: user.projectName, next: next)
  }
}
