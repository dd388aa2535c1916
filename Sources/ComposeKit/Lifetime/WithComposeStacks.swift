/// Starts projects side by side, hands them to `body` when all their services are ready, and always takes them down.
///
/// They are down when this returns: returned, thrown, cancelled. Only the error of a start that has failed does not wait for that:
/// the removal goes on behind it, and whatever starts next in this process waits for it, as does the end of the process and
/// ``waitForFailedStartsToBeRemoved()``. If the process is ended by SIGINT, SIGTERM or SIGHUP they are taken down first, and after
/// SIGKILL a watchdog does it. `COMPOSEKIT_KEEP=1` keeps them and prints how to look and to remove.
///
/// Nothing is removed that was there before or belongs to another project. A volume or network with a fixed name of that kind is
/// not even used, unless ``ComposeProject/sharing`` names it: the call is refused before anything starts.
///
/// The projects start at the same time, but for those that ``ComposeProject/startsAfter`` others, and those that use an external
/// network or volume which another one makes.
///
/// - Parameters:
///   - projects: at least one; each gets a unique name, so the same project may run several times at once.
///   - engine: where they run; nil for the engine of the environment, see ``ComposeEngine/detect(program:address:context:composeCommand:)``.
///   - options: deadlines and policies, for all of the projects.
///   - progress: is called for each step of each service, from any thread; see ``ProgressPrinter``, and
///     ``withServiceProgress(_:isolation:during:)`` for a stream.
///   - isolation: the actor on which `body` runs: the caller's.
///   - body: gets the stacks in the order of the projects.
/// - Throws: what `body` throws; ``ComposeError`` if a project could not be started or removed; `CancellationError`. Progress says
///   `failed` with the reason before the error's evidence is read.
public func withComposeStacks<R: Sendable>(
  _ projects: [ComposeProject], on engine: ComposeEngine? = nil, options: UpOptions = UpOptions(),
  progress: (@Sendable (ServiceProgress) -> Void)? = nil, isolation: isolated (any Actor)? = #isolation,
  _ body: ([ComposeStack]) async throws -> R
) async throws -> R {
  let session = try await ComposeSession.prepare(projects, on: engine, options: options, progress: progress)
  let stacks: [ComposeStack]
  do {
    stacks = try await session.start()
  } catch {
    await session.end(afterFailedStart: error)
    throw error
  }
  do {
    let result = try await body(stacks)
    // A task that was cancelled has not done what was asked, even if its body did not notice.
    try Task.checkCancellation()
    try await session.end()
    return result
  } catch {
    await session.end(after: error)
    throw error
  }
}

/// Starts one project; see ``withComposeStacks(_:on:options:progress:isolation:_:)``.
public func withComposeStack<R: Sendable>(
  _ project: ComposeProject, on engine: ComposeEngine? = nil, options: UpOptions = UpOptions(),
  progress: (@Sendable (ServiceProgress) -> Void)? = nil, isolation: isolated (any Actor)? = #isolation,
  _ body: (ComposeStack) async throws -> R
) async throws -> R {
  try await withComposeStacks([project], on: engine, options: options, progress: progress) { try await body($0[0]) }
}
