import Foundation

/// Bounds how many streams are live at once; Swift Testing itself runs every case side by side.
actor StreamWidth {
  static let shared = StreamWidth(limit: limitFromEnvironment)

  private let limit: Int
  private var live = 0
  private var waiting: [(id: Int, turn: CheckedContinuation<Void, any Error>)] = []
  private var nextID = 0

  init(limit: Int) { self.limit = max(1, limit) }

  /// `E2E_MAX_STREAMS`, or two for each core: a stream spends most of its time waiting for real time to pass.
  private static var limitFromEnvironment: Int {
    ProcessInfo.processInfo.environment["E2E_MAX_STREAMS"].flatMap(Int.init) ?? 2
      * ProcessInfo.processInfo.activeProcessorCount
  }

  /// Runs `body` when a place is free.
  nonisolated func withPlace<R: Sendable>(_ body: @Sendable () async throws -> R) async throws -> R {
    try await enter()
    do {
      let result = try await body()
      await leave()
      return result
    } catch {
      await leave()
      throw error
    }
  }

  private func enter() async throws {
    guard live >= limit else {
      live += 1
      return
    }
    let id = nextID
    nextID += 1
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (turn: CheckedContinuation<Void, any Error>) in
        if Task.isCancelled { turn.resume(throwing: CancellationError()) } else { waiting.append((id, turn)) }
      }
    } onCancel: {
      // Owned by the cancelled task: it ends as soon as the waiter has been told.
      Task { await self.giveUp(id) }
    }
  }

  private func giveUp(_ id: Int) {
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
    waiting.remove(at: index).turn.resume(throwing: CancellationError())
  }

  /// Hands the place to the longest waiting one, or frees it.
  private func leave() {
    if waiting.isEmpty { live -= 1 } else { waiting.removeFirst().turn.resume() }
  }
}
