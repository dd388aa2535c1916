/// How long at least one of several overlapping things went on (pure).
package struct BusyTime: Sendable {
  private var active = 0
  private var since = Duration.zero
  private var ended = Duration.zero

  package init() {}

  /// - Parameter time: since some beginning; not before that of the call before.
  package mutating func note(begins: Bool, at time: Duration) {
    if begins {
      if active == 0 { since = time }
      active += 1
    } else {
      active -= 1
      if active == 0 { ended += time - since }
    }
  }

  /// How long it has been until `time`, with what is still going on.
  package func total(at time: Duration) -> Duration { active > 0 ? ended + time - since : ended }
}
