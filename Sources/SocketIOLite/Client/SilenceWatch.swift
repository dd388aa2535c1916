import NIOCore

/// Tells a server that has gone from a client that was held up itself.
///
/// A process that was stopped, or had no core for seconds, finds its timer due before it has read what came meanwhile. So the end
/// of the patience is looked at twice, with `grace` in between for the event loop to read what lies in the socket.
package struct SilenceWatch {
  package enum Finding: Equatable {
    /// Look again after this time.
    case wait(TimeAmount)
    case silent
  }

  package static let grace: TimeAmount = .milliseconds(200)

  private var lastHeard: NIODeadline
  private(set) var isSecondLook = false
  /// From the first look that finds silence to the second.
  private let grace: TimeAmount

  package init(since start: NIODeadline, grace: TimeAmount = Self.grace) { (lastHeard, self.grace) = (start, grace) }

  package mutating func heard(at now: NIODeadline) {
    lastHeard = now
    isSecondLook = false
  }

  /// Whether the patience is over, although nobody may have looked yet: the line may be dead.
  package func isOverdue(at now: NIODeadline, patience: TimeAmount) -> Bool { now - lastHeard >= patience }

  package mutating func look(at now: NIODeadline, patience: TimeAmount) -> Finding {
    let left = patience - (now - lastHeard)
    guard left <= .zero else { return .wait(left) }
    if isSecondLook { return .silent }
    isSecondLook = true
    return .wait(grace)
  }
}
