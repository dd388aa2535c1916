import Synchronization

/// How long a case works: without its waiting for a place or for its environment, which depends on what else runs.
package final class CaseClock: Sendable {
  @TaskLocal package static var current: CaseClock?

  private static let clock = ContinuousClock()
  private let start = clock.now
  // A lock, not an actor: what waits is not to wait for this too.
  private let waited = Mutex(Duration.zero)

  package init() {}

  /// Several tasks of one case may wait at once.
  package var worked: Duration { max(.zero, start.duration(to: Self.clock.now) - waited.withLock { $0 }) }

  /// Runs `body`, which does nothing but wait for what others have or make.
  package static func waiting<R: Sendable>(_ body: @Sendable () async throws -> R) async throws -> R {
    guard let current else { return try await body() }
    let start = clock.now
    defer {
      let time = start.duration(to: clock.now)
      current.waited.withLock { $0 += time }
    }
    return try await body()
  }
}
