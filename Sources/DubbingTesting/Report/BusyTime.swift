/// How long at least one of several overlapping things went on (pure).
struct BusyTime: Sendable {
  private var active = 0
  private var since = Duration.zero
  private(set) var total = Duration.zero

  /// - Parameter time: since some beginning; not before that of the call before.
  mutating func note(begins: Bool, at time: Duration) {
    if begins {
      if active == 0 { since = time }
      active += 1
    } else {
      active -= 1
      if active == 0 { total += time - since }
    }
  }
}
