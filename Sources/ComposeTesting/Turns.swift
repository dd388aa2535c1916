/// A room for one group at a time: everybody of the group whose turn it is may be in it, and the others wait.
///
/// When nobody is in it any more, the lowest group of those who wait comes next.
package final class Turns: Sendable {
  static let ofThisProcess = Turns()

  private struct Room: Admission {
    var group: Int?
    var inside = 0

    mutating func admit(of line: [Int]) -> (place: Int, grant: Void)? {
      if inside == 0 { group = line.min() }
      guard let group, let next = line.firstIndex(of: group) else { return nil }
      inside += 1
      return (next, ())
    }
  }

  private let line = WaitingLine(Room())

  package init() {}

  /// How many wait.
  package var waiting: Int { line.count }

  /// Runs `body` while it is the group's turn.
  ///
  /// - Throws: `CancellationError` when cancelled while waiting, and what `body` throws.
  package func during<R: Sendable>(_ group: Int, _ body: @Sendable () async throws -> R) async throws -> R {
    try await line.enter(group)
    defer { line.change { $0.inside -= 1 } }
    return try await body()
  }
}
