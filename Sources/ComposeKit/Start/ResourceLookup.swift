/// Asks the engine whose the volumes and networks are that the projects of a call name.
struct ResourceLookup: Sendable {
  let check: ResourceCheck
  private let access: EngineAccess

  init(
    _ runs: [RunningProject], _ configurations: [ProjectConfiguration], _ selections: [Set<String>],
    on access: EngineAccess
  ) throws {
    var users: [ResourceUser] = []
    for ((run, configuration), selection) in zip(zip(runs, configurations), selections) {
      let user = ResourceUser(
        project: run.project.name, projectName: run.projectName, sharing: run.project.sharing,
        resources: configuration.resources.filter { $0.isUsed(by: selection) },
        unused: configuration.resources.filter { !$0.isUsed(by: selection) })
      if let error = ResourceCheck.unusedSharing(of: user, in: configuration.resources) { throw error }
      users.append(user)
    }
    check = ResourceCheck(users: users, access: access)
    self.access = access
  }

  /// What the engine has of all the names; as a rule there is no name to ask for, and nothing is asked.
  func found() async throws -> [FoundResource] {
    async let volumes = list(.volume)
    async let networks = list(.network)
    return try await volumes + networks
  }

  private func list(_ kind: NamedResource.Kind) async throws -> [FoundResource] {
    let names = check.names(kind)
    guard !names.isEmpty else { return [] }
    // The engine's filter is satisfied by a part of the name.
    let arguments =
      [kind.rawValue, "ls", "--format", FoundResource.format(access)] + names.flatMap { ["--filter", "name=\($0)"] }
    let text = try await access.command(arguments, deadline: .seconds(30)).runChecked()
    return FoundResource.read(text, kind: kind).filter { names.contains($0.name) }
  }

  /// Refuses what must not be used, and says in which order the projects have to start.
  ///
  /// - Parameter settle: waits for removals that are going on: what is there now may be about to go.
  /// - Throws: ``ComposeError``: `foreignResource`, `missingResource`.
  func edges(afterRemovals settle: () async -> Void) async throws -> [StartOrder.Edge] {
    guard check.users.contains(where: { !$0.resources.isEmpty }) else { return [] }
    var found = try await found()
    if check.conflict(with: found) != nil {
      await settle()
      found = try await self.found()
    }
    if let conflict = check.conflict(with: found) {
      throw conflict.error(for: check.users[conflict.user], inUseBy: await users(of: conflict.found))
    }
    return try check.order(found: found)
  }

  /// The containers that use it, for the error.
  private func users(of found: FoundResource) async -> [String] {
    let command = access.command(
      ["ps", "--all", "--filter", "\(found.kind.rawValue)=\(found.name)", "--format", "{{.Names}}"],
      deadline: .seconds(10))
    guard let output = try? await command.run(), output.succeeded else { return [] }
    return output.standardOutput.outputLines.sorted()
  }
}
