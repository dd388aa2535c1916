import Foundation

/// Where a picture that was encoded anew lies in the output, found by what it shows.
package struct PictureMatch: Sendable, Hashable {
  /// How much later the output shows what the input showed.
  package var lag: Duration
  /// How alike the two are there, 0…1.
  package var likeness: Double

  /// Why nothing could be said.
  package struct NotMeasurable: Error, Sendable, Hashable {
    package var reason: String
    /// Whether the output shows something else: that is a fault, and no want of knowledge.
    var isAnother = false
  }

  /// Below this many grey levels of 256 a picture stands still: what remains is an encoder's noise.
  private static let leastChange = 1.0
  /// Two pictures that are less alike than this, at their best, are not known to be the same: one with a fifth cut off is 0.36 to 0.47
  /// alike, one with a tenth cut off 0.63 to 0.77.
  private static let leastLikeness = 0.6
  /// Below this they are known to be others; upside down or mirrored a picture is less than 0.1 alike.
  private static let leastDoubt = 0.3
  /// A best place leads any other by as much as it is itself short of 1, or by `leastLead` where the pictures are clearly the same: what
  /// a flash half a picture off takes from all places alike says nothing against the best one.
  private static let (leastLead, clearlySame) = (0.1, 0.8)
  /// How exactly a place must be known: half of what `a/v sync` to a video frame would ask.
  private static let exactness = 0.04

  /// Compares whole pictures, and, where that says nothing, what is within black bars: a worker may add them or cut them off.
  ///
  /// - Throws: ``NotMeasurable``, and ``DubbingError`` for a file that cannot be read.
  static func find(_ input: MediaFile, in output: MediaFile) async throws -> PictureMatch {
    do {
      return try find(try await input.greyFrames(), in: try await output.greyFrames())
    } catch let whole as NotMeasurable {
      let size = { (info: MediaInfo) in info.video.map { "\($0.width):\($0.height):0:0" } }
      let (before, after) = (try await input.areaWithinBars(), try await output.areaWithinBars())
      let isWhole = (before == size(try await input.info()), after == size(try await output.info()))
      guard !(isWhole.0 && isWhole.1) else { throw whole }
      return try find(
        isWhole.0 ? try await input.greyFrames() : try await GreyFrames.decode(input.path, area: before),
        in: isWhole.1 ? try await output.greyFrames() : try await GreyFrames.decode(output.path, area: after))
    }
  }

  /// As a whole, or, where that says nothing, by its longest stretch: what was put in or left out in its midst gives it two places.
  ///
  /// - Throws: ``NotMeasurable`` for pictures that stand still, repeat themselves, change too slowly, or are not the same.
  package static func find(_ input: GreyFrames, in output: GreyFrames) throws(NotMeasurable) -> PictureMatch {
    let (before, after) = (input.change, output.change)
    guard before >= leastChange else { throw NotMeasurable(reason: "the fixture's picture stands still") }
    guard after >= leastChange else { throw NotMeasurable(reason: "the output's picture stands still") }
    do { return try whole(input, in: output) } catch {
      guard let part = PicturePlaces(input, in: output, lag: nil).longest else { throw error }
      let fine = self.fine(input, in: output, around: part.lag, within: part.pictures)
      guard let best = fine.max(by: { $0.likeness < $1.likeness }) else { throw error }
      return PictureMatch(
        lag: .seconds(try centre(fine, best: best) / Double(GreyFrames.rate)), likeness: best.likeness)
    }
  }

  private static func whole(_ input: GreyFrames, in output: GreyFrames) throws(NotMeasurable) -> PictureMatch {
    // First at 15 places a second, comparing 1.5 pictures a second over at least a third of the shorter one.
    let (coarse, sparse) = (4, 40)
    let least = max(4, min(input.count, output.count) / 3 / sparse)
    var places: [(lag: Int, likeness: Double)] = []
    for lag in stride(from: -input.count, through: output.count, by: coarse) {
      if let likeness = input.likeness(to: output, lag: lag, step: sparse, least: least) {
        places.append((lag, likeness))
      }
    }
    guard let rough = places.max(by: { $0.likeness < $1.likeness }) else {
      throw NotMeasurable(reason: "\(Double(output.count) / Double(GreyFrames.rate)) s of picture are too few")
    }
    let fine = self.fine(input, in: output, around: rough.lag)
    guard let best = fine.max(by: { $0.likeness < $1.likeness }), best.likeness >= leastLikeness else {
      // A best place among the few that were looked at finely: there is always one.
      let likeness = fine.map(\.likeness).max() ?? 0
      guard likeness < leastDoubt else {
        throw NotMeasurable(
          reason: "the picture is only \(Int(likeness * 100)) % alike at its best place: is it cut, or covered?")
      }
      throw NotMeasurable(reason: "the output does not show the fixture's picture", isAnother: true)
    }
    if let other = places.filter({ abs($0.lag - best.lag) > GreyFrames.rate / 2 }).max(by: { $0.likeness < $1.likeness }
    ),
      let again = input.likeness(to: output, lag: other.lag, step: 2, least: 8),
      1 - again < 2 * (1 - best.likeness) + 0.002, best.likeness < clearlySame || best.likeness - again < leastLead
    {
      let seconds = Double(abs(other.lag - best.lag)) / Double(GreyFrames.rate)
      throw NotMeasurable(reason: "the picture repeats itself every \(String(format: "%.1f", seconds)) s")
    }
    return PictureMatch(lag: .seconds(try centre(fine, best: best) / Double(GreyFrames.rate)), likeness: best.likeness)
  }

  /// Places to a sixtieth of a second, with every second picture.
  private static func fine(
    _ input: GreyFrames, in output: GreyFrames, around lag: Int, within part: Range<Int>? = nil
  ) -> [(lag: Int, likeness: Double)] {
    (lag - 8...lag + 8).compactMap { lag in
      input.likeness(to: output, lag: lag, step: 2, least: 8, within: part).map { (lag: lag, likeness: $0) }
    }
  }

  /// Motion of a fixture from which its absence shows, and the share of it that an encoder makes of a picture that stands still.
  private static let (leastMotion, stillness) = (1.0, 0.02)
  /// Shorter than this a picture that stands still is a network's or an encoder's hiccup.
  private static let longestHiccup = Duration.seconds(1)

  /// For how long the output shows one picture, in a stretch in which the fixture moves all the time; zero where that is short, or the
  /// fixture stands still for as long.
  ///
  /// - Parameter lag: how much later the output shows everything; nil: not known.
  package static func frozen(_ input: GreyFrames, in output: GreyFrames, lag: Duration?) -> Duration {
    let motion = input.motion
    guard motion >= leastMotion else { return .zero }
    // What a worker shows before the fixture begins, and after its end, is its own.
    let shift = lag.map { Int(($0.seconds * Double(GreyFrames.rate)).rounded()) }
    let part = shift.map { max(0, $0)..<max(0, $0, min(output.count, input.count + $0)) } ?? 0..<output.count
    let least = stillness * motion
    let own = input.longestStill(in: 0..<input.count, least: least)
    let still = output.longestStill(in: part, least: least)
    func time(_ pictures: Int) -> Duration { .seconds(Double(pictures) / Double(GreyFrames.rate)) }
    return time(still - own) >= longestHiccup ? time(still) : .zero
  }

  /// Pictures from which a stretch that is shown again counts (0.3 s: shorter ones are a network's hiccup), and
  /// the longest way back to where it was shown first (10 s).
  private static let (leastAgain, longestBack) = (18, 600)
  /// Share of its usual motion by which the fixture must have moved on meanwhile.
  private static let movedOn = 0.2

  /// How long a stretch the output shows a second time, where the fixture shows something else by then; zero where there is none.
  ///
  /// The output is compared with itself, and the fixture with itself: a fixture that repeats itself says nothing against the output.
  ///
  /// - Parameter lag: how much later the output shows everything.
  package static func shownAgain(_ input: GreyFrames, in output: GreyFrames, lag: Duration) -> Duration {
    let motion = input.motion
    guard motion >= leastMotion else { return .zero }
    let still = stillness * min(motion, output.motion)
    let shift = Int((lag.seconds * Double(GreyFrames.rate)).rounded())
    let part = max(0, shift)..<max(0, shift, min(output.count, input.count + shift))
    // 15 pictures a second, and each way back: at 25 frames a second one picture off is another frame half of the time, and 12 frames
    // are 28.8 pictures, so that neighbouring ways are asked together.
    let (step, quarter) = (4, GreyFrames.rate / 4)
    var longest = 0
    for back in stride(from: quarter, through: min(longestBack, part.count), by: 2) {
      var first: Int?
      for frame in stride(from: part.lowerBound + back + 2, to: part.upperBound, by: step) {
        let ways = back...back + 2
        let isAgain =
          ways.contains { output.difference(frame, frame - $0) <= still }
          && ways.allSatisfy { input.difference(frame - shift, frame - shift - $0) >= movedOn * motion }
          // What stands still is no repetition.
          && output.difference(frame, frame - quarter) > still
        guard isAgain else {
          first = nil
          continue
        }
        longest = max(longest, frame + step - (first ?? frame))
        first = first ?? frame
      }
    }
    return longest >= leastAgain ? .seconds(Double(longest) / Double(GreyFrames.rate)) : .zero
  }

  /// The middle of the places that fit as well as the best: frames last for several places.
  private static func centre(
    _ places: [(lag: Int, likeness: Double)], best: (lag: Int, likeness: Double)
  ) throws(NotMeasurable) -> Double {
    let worst = places.map(\.likeness).min() ?? 0
    // A tenth of the way down from the peak.
    let floor = best.likeness - max(0.1 * (best.likeness - worst), 1e-6)
    let good = places.filter { $0.likeness >= floor }.map(\.lag)
    let (first, last) = (good.min() ?? best.lag, good.max() ?? best.lag)
    guard best.likeness - worst > 0.002, Double(last - first) / 2 <= exactness * Double(GreyFrames.rate) else {
      throw NotMeasurable(reason: "the picture changes too slowly to be placed to \(Int(exactness * 1000)) ms")
    }
    return Double(first + last) / 2
  }
}
