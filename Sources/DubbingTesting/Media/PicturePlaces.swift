import Foundation

/// Where the stretches of a picture that was encoded anew lie in the fixture: one that something was put into, or from which something
/// was left out, has more than one place.
package struct PicturePlaces {
  /// Pictures of the output that show the fixture's from one place on.
  struct Stretch: Hashable {
    var pictures: Range<Int>
    /// How many pictures later than in the fixture.
    var lag: Int
  }

  /// In order of time; what cannot be placed lies between them.
  private(set) var stretches: [Stretch] = []

  /// Pictures that are placed together (2 s), and from one such window to the next.
  private static let (window, hop) = (2 * GreyFrames.rate, GreyFrames.rate / 2)
  /// Windows that a stretch has at least: one alone may be alike by chance.
  private static let least = 3
  /// A window is at a place if it is so alike, and at no other one, half a second off or more, if that is less alike by so much.
  private static let (alike, lead) = (0.8, 0.15)
  /// Pictures by which windows of one stretch may be apart, and from which a jump counts (0.3 s: less is a network's hiccup).
  private static let (together, jump) = (6, 18)
  /// Pictures around its own time in which a window is looked for: 20 s.
  private static let reach = 20 * GreyFrames.rate

  /// - Parameter lag: how much later the output shows most of it; nil: not known.
  package init(_ input: GreyFrames, in output: GreyFrames, lag: Duration?) {
    var last = lag.map { Int(($0.seconds * Double(GreyFrames.rate)).rounded()) }
    var windows: [Stretch] = []
    for first in stride(from: 0, through: output.count - Self.window, by: Self.hop) {
      let part = first..<first + Self.window
      guard let place = Self.place(of: part, input, in: output, near: last) else { continue }
      last = place
      windows.append(Stretch(pictures: part, lag: place))
    }
    var counts: [Int] = []
    for window in windows {
      if let one = stretches.last, abs(one.lag - window.lag) <= Self.together {
        stretches[stretches.count - 1].pictures = one.pictures.lowerBound..<window.pictures.upperBound
        counts[counts.count - 1] += 1
      } else {
        stretches.append(window)
        counts.append(1)
      }
    }
    stretches = zip(stretches, counts).filter { $1 >= Self.least }.map(\.0)
  }

  /// The stretch with most pictures.
  var longest: Stretch? { stretches.max { $0.pictures.count < $1.pictures.count } }

  /// The largest change from one stretch to the next.
  package var jump: VideoMatch.Jump? {
    let changes = zip(stretches, stretches.dropFirst()).map { ($1.pictures.lowerBound, $1.lag - $0.lag) }
    guard let (picture, change) = changes.max(by: { abs($0.1) < abs($1.1) }), abs(change) >= Self.jump else {
      return nil
    }
    func time(_ pictures: Int) -> Duration { .seconds(Double(pictures) / Double(GreyFrames.rate)) }
    return VideoMatch.Jump(time: time(picture), change: time(change))
  }

  /// How many pictures later than in the fixture a part is shown; nil where it could be several places, or none.
  ///
  /// - Parameter last: where what comes before it is: as long as that fits, nothing else is looked for.
  private static func place(
    of part: Range<Int>, _ input: GreyFrames, in output: GreyFrames, near last: Int?
  ) -> Int? {
    // 15 places a second, comparing 15 pictures a second; nearly all of the part must have been there.
    let coarse = 4
    func likeness(_ lag: Int) -> Double {
      input.likeness(to: output, lag: lag, step: coarse, least: part.count / coarse - 2, within: part) ?? -1
    }
    let known = last.map { ($0 - coarse...$0 + coarse).map(likeness).max() ?? -1 } ?? -1
    if let last, known >= alike { return last }
    let places = stride(from: -reach, through: reach, by: coarse).map { (lag: $0, likeness: likeness($0)) }
    guard let best = places.max(by: { $0.likeness < $1.likeness }), best.likeness >= alike,
      best.likeness - known >= lead,
      places.allSatisfy({ abs($0.lag - best.lag) < hop || best.likeness - $0.likeness >= lead })
    else { return nil }
    return best.lag
  }
}
