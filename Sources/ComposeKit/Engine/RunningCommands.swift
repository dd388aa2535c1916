import Foundation

/// The commands of this process that run now, so that whoever ends the process can end them as well.
///
/// It knows nothing of who that is: ``follow(_:)`` tells.
actor RunningCommands {
  static let shared = RunningCommands()

  /// A command's process, which leads a process group.
  struct Entry: Sendable, Hashable {
    var pid: Int32
    var mark: String
    var isTeardown: Bool
  }
  enum Change: Sendable, Hashable {
    case started(Entry)
    case ended(Entry)
  }

  private var entries: [UUID: Entry] = [:]
  private var isClosed = false
  private var tell: (@Sendable (Change) async throws -> Void)?

  /// Hands over each change from now on, and gives what runs already.
  func follow(_ tell: @escaping @Sendable (Change) async throws -> Void) -> [Entry] {
    self.tell = tell
    return Array(entries.values)
  }

  /// Lets nothing start any more but what takes things down, and gives the others that run.
  func close() -> [Entry] {
    isClosed = true
    return entries.values.filter { !$0.isTeardown }
  }

  func started(_ token: UUID, _ pid: Int32, isTeardown: Bool) async throws {
    guard let mark = await ProcessMark.of(pid) else { return }
    guard !isClosed || isTeardown else { throw ComposeError.processIsEnding }
    let entry = Entry(pid: pid, mark: mark, isTeardown: isTeardown)
    entries[token] = entry
    try await tell?(.started(entry))
  }

  func ended(_ token: UUID) async {
    guard let entry = entries.removeValue(forKey: token) else { return }
    // What is not heard costs a look at a process that is gone.
    try? await tell?(.ended(entry))
  }

  /// Keeps a command registered while it runs.
  ///
  /// - Parameter body: runs it, and gets what is called with its process id as soon as that is known.
  nonisolated func owning<R: Sendable>(
    isTeardown: Bool, _ body: (_ started: @escaping @Sendable (Int32) async throws -> Void) async throws -> R
  ) async throws -> R {
    let token = UUID()
    do {
      let result = try await body { try await self.started(token, $0, isTeardown: isTeardown) }
      await ended(token)
      return result
    } catch {
      await ended(token)
      throw error
    }
  }
}

extension ComposeError {
  static let processIsEnding = ComposeError(
    .interrupted, "a signal is ending this process; nothing new is started while its projects are taken down")
}
