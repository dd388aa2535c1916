import Foundation
import Synchronization

/// How far an engine's clock is from this machine's, as it was measured.
package struct EngineClock: Sendable, Hashable {
  /// What has to be added to this machine's time for the engine's: positive where that is ahead.
  package var offset: Duration
  /// How far off ``offset`` may be: half of what the question took.
  package var uncertainty: Duration

  /// A measurement: the engine said its time somewhen between these two moments of this machine, most likely in the middle.
  package init(said: Int64, asked: Date, answered: Date) {
    let middle = (asked.timeIntervalSince1970 + answered.timeIntervalSince1970) / 2
    offset = .nanoseconds(said - Int64(middle * 1e9))
    uncertainty = .seconds(max(0, answered.timeIntervalSince(asked)) / 2)
  }

  /// This machine's time of a moment of the engine's.
  package func here(_ there: Date) -> Date { there.addingTimeInterval(-offset.seconds) }
  /// The engine's time of a moment of this machine's.
  package func there(_ here: Date) -> Date { here.addingTimeInterval(offset.seconds) }
}

extension ComposeEngine {
  private static let clocks = Mutex<[EngineAccess: EngineClock]>([:])

  /// Measures an engine's clock by what `info` says; of three questions the quickest counts. It is remembered.
  ///
  /// - Returns: nil where the engine does not say its time, as Podman does not.
  /// - Throws: ``ComposeError`` if it does not answer.
  package func clock() async throws -> EngineClock? {
    if let known = Self.clocks.withLock({ $0[access] }) { return known }
    guard access.family == .docker else { return nil }
    var best: EngineClock?
    for _ in 0..<3 {
      let asked = Date.now
      let text = try await access.command(["info", "--format", "{{.SystemTime}}"], deadline: .seconds(20)).runChecked()
      let answered = Date.now
      guard let said = EngineMoment.nanoseconds(text.trimmed) else { return nil }
      let clock = EngineClock(said: said, asked: asked, answered: answered)
      if best.map({ clock.uncertainty < $0.uncertainty }) ?? true { best = clock }
    }
    Self.clocks.withLock { $0[access] = best }
    return best
  }

  /// The engine's time of a moment of this machine's; the same for an engine of this machine, or one that does not say its time.
  package func time(of date: Date) async -> Date {
    guard isRemote, let clock = try? await clock() else { return date }
    return clock.there(date)
  }
}
