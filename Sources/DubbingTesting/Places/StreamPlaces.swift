import ComposeTesting
import Foundation
import Synchronization

/// The places of streams: how many are published at once, and how many live, as `PlacesController` finds out; or a fixed number.
package final class StreamPlaces: Sendable {
  static let shared = StreamPlaces(
    fixed: DubbingSettings.current.maxStreams, first: DubbingSettings.current.firstStreams,
    cores: ConcurrencyLimit.cores)

  /// Published at once. One that has been published makes room for the next while its rest is dubbed and judged: a run is then never
  /// without a publisher.
  package let publishing: ConcurrencyLimit
  /// Announced, published, or being dubbed still: two and a half times as many, so that services which fall behind are not given ever
  /// more. The half is for those that are announced and send nothing yet. One place is one stream, to its last answer: that is
  /// all that the services can bear.
  package let live: ConcurrencyLimit

  /// What its places are called where there are several engines: "e2e: builder: ".
  private let prefix: String
  private let isFixed: Bool
  private let isWanted: @Sendable () -> Bool
  private let controller: Mutex<PlacesController>
  // A lock: streams join and begin side by side.
  private let longestJoin = Mutex(Duration.zero)
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now

  /// - Parameters:
  ///   - fixed: how many are published at once; nil: that is found out.
  ///   - first: how many places there are until something is measured.
  ///   - cores: of the engine.
  ///   - engine: what it is called where there are several.
  ///   - isWanted: whether somebody waits elsewhere for one of these places.
  ///   - onRoom: is called when there may be more room than before.
  package init(
    fixed: Int?, first: Int = PlacesController.first, cores: Int, of engine: String? = nil,
    isWanted: @escaping @Sendable () -> Bool = { false },
    onRoom: @escaping @Sendable () -> Void = {}
  ) {
    // Eight at once on two cores are dubbed in time, but a publisher that is held up for 0.2 s while it begins sends sound and picture
    // that much apart over RTSP, where a media server goes by what arrives.
    let controller = PlacesController(first: first, most: 2 * cores)
    let places = max(1, fixed ?? controller.places)
    publishing = ConcurrencyLimit(limit: places, onRoom: onRoom)
    live = ConcurrencyLimit(limit: PlacesController.live(for: places), onRoom: onRoom)
    prefix = "e2e: " + (engine.map { "\($0): " } ?? "")
    self.isWanted = isWanted
    isFixed = fixed != nil
    self.controller = Mutex(controller)
  }

  /// Takes note of how long a worker took to read a stream, of the time that its publisher gave it.
  package func noteJoin(after time: Duration, of lead: Duration) {
    longestJoin.withLock { $0 = max($0, time) }
    note(.joined(time / lead))
  }

  /// How long the next publisher waits with its first packet: as described, or longer where a worker has needed more than half of that,
  /// twice as long as it took. Four times as long at most: one that was restarted says nothing about the next stream.
  package func lead(described: Duration) -> Duration {
    min(max(described, longestJoin.withLock { $0 } * 2), described * 4)
  }

  /// Takes note of what was measured, and changes the places if it says so.
  package func note(_ sign: PlacesController.Sign) {
    guard !isFixed else { return }
    let time = start.duration(to: clock.now)
    controller.withLock { controller in
      let before = controller.places
      // With one place nobody stands in the line to publish: there is no room to live meanwhile.
      let isFull = publishing.waiting > 0 || before == 1 && live.waiting > 0 || isWanted()
      guard let reason = controller.note(sign, isFull: isFull, at: time) else { return }
      Console.print("\(prefix)\(controller.places) streams at once, \(before) before: \(reason.description)")
      publishing.resize(to: controller.places)
      live.resize(to: PlacesController.live(for: controller.places))
    }
  }
}

extension PlacesController.Sign: CustomStringConvertible {
  package var description: String {
    func percent(_ share: Double) -> String { "\(Int((min(share, 99) * 100).rounded())) %" }
    return switch self {
    case .answer(let share): "an answer took \(percent(share)) of its bound"
    case .unanswered(let share): "a fragment has waited for \(percent(share)) of its answer's bound"
    case .joined(let share): "the worker took \(percent(share)) of the time that a publisher waits for it"
    case .late(let share): "this machine was starved for \(percent(share)) of the last seconds"
    case .waiting(let share): "programs waited for a core for \(percent(share)) of the last seconds"
    }
  }
}
