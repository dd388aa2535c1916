/// How the video packets of an output follow those of its input, by payload hash.
public struct VideoMatch: Sendable, Hashable {
  /// What became of the fixture's picture.
  public enum Treatment: String, Sendable, Hashable, Codable {
    /// The output's packets are the input's.
    case untouched
    /// It was encoded anew, perhaps scaled, perhaps at another frame rate.
    case reencoded
    /// The output has no picture, or the fixture has none.
    case absent = "none"
  }

  /// What became of the picture, as far as it could be seen.
  package var treatment = Treatment.untouched
  /// Why ``lag`` is not known.
  package var lagProblem: String?
  /// How alike a re-encoded picture is to the fixture's, 0…1; nil: not compared.
  package var likeness: Double?
  /// Whether the output shows something else than the fixture.
  package var isAnother = false
  /// How long a re-encoded picture stands still, at the longest, where the fixture's moves; below a second it is zero.
  package var frozen = Duration.zero
  /// How much of a re-encoded picture is shown a second time, at the longest, where the fixture's moves on; below 0.3 s it is zero.
  package var shownAgain = Duration.zero
  /// Where a re-encoded picture comes earlier or later than before.
  package struct Jump: Sendable, Hashable {
    /// Time in the output from which on it does.
    package var time: Duration
    /// How much later everything is from there on; below zero it is earlier.
    package var change: Duration

    package init(time: Duration, change: Duration) {
      (self.time, self.change) = (time, change)
    }
  }
  /// The largest jump of a re-encoded picture's place; nil: none of 0.3 s or more was seen.
  package var jump: Jump?
  /// Packets of the input.
  package var inputCount = 0
  /// Packets of the output.
  package var outputCount = 0
  /// Output packets that are one of the input's.
  package var matched = 0
  /// Input packets before the first one that matched.
  package var missingHead = 0
  /// Input packets after the last one that matched.
  package var missingTail = 0
  /// Input packets between the first and the last one that matched, in no place of the output.
  package var missingInside = 0
  /// Output packets whose input packet was there before.
  package var repeated = 0
  /// Output packets that come after a later one.
  package var reordered = 0
  /// Output packets whose payload is not in the input: the video was touched.
  package var foreign = 0
  /// Decoding times that do not grow.
  package var nonMonotonic = 0
  /// Packets whose presentation time is before their decoding time.
  package var presentedBeforeDecoded = 0
  /// How much later the output shows a picture: median over the packets that match, or over decoded pictures where none does; nil where
  /// that could not be measured.
  package var lag: Duration?
  /// Largest minus smallest of those differences.
  package var jitter = Duration.zero

  /// A match of nothing.
  package init() {}
}

extension VideoMatch {
  /// Follows the output packet by packet; equal payloads (a still picture) are matched to the next one that is due.
  package init(input: [MediaPacket], output: [MediaPacket]) {
    inputCount = input.count
    outputCount = output.count
    var indexes = Dictionary(grouping: input.indices, by: { input[$0].hash })
    let known = Set(indexes.keys)
    var last = -1
    var used: [Int] = []
    var lags: [Double] = []
    for packet in output {
      guard known.contains(packet.hash) else {
        foreign += 1
        continue
      }
      let unused = indexes[packet.hash] ?? []
      guard let index = unused.first(where: { $0 > last }) ?? unused.first else {
        repeated += 1
        continue
      }
      indexes[packet.hash]?.removeAll { $0 == index }
      if index < last { reordered += 1 }
      last = max(last, index)
      used.append(index)
      if let from = input[index].pts, let to = packet.pts { lags.append(to - from) }
    }
    matched = used.count
    count(gapsOf: used)
    count(timesOf: output)
    if let smallest = lags.min(), let largest = lags.max() {
      lag = .seconds(lags.sorted()[lags.count / 2])
      jitter = .seconds(largest - smallest)
    }
  }

  /// Follows the output by its packets, or, where they are not the input's, by what they show.
  ///
  /// - Throws: ``DubbingError`` when a file cannot be read.
  package static func of(_ input: MediaFile, in output: MediaFile) async throws -> VideoMatch {
    var match = VideoMatch(input: try await input.pictures(), output: try await output.pictures())
    guard match.inputCount > 0, match.outputCount > 0 else {
      match.treatment = .absent
      match.lagProblem = "the \(match.inputCount > 0 ? "output" : "fixture") has no picture"
      return match
    }
    // A few packets that happen to be alike, such as those of a black picture, say nothing.
    guard match.matched * 10 < match.outputCount else { return match }
    match.treatment = .reencoded
    (match.lag, match.jitter) = (nil, .zero)
    do {
      let found = try await PictureMatch.find(input, in: output)
      (match.lag, match.likeness) = (found.lag, found.likeness)
    } catch let error as PictureMatch.NotMeasurable {
      (match.lagProblem, match.isAnother) = (error.reason, error.isAnother)
    }
    let (before, after) = (try await input.greyFrames(), try await output.greyFrames())
    match.frozen = PictureMatch.frozen(before, in: after, lag: match.lag)
    if let lag = match.lag {
      match.shownAgain = PictureMatch.shownAgain(before, in: after, lag: lag)
      match.jump = PicturePlaces(before, in: after, lag: lag).jump
    }
    return match
  }

  private mutating func count(gapsOf used: [Int]) {
    guard let first = used.min(), let last = used.max() else {
      missingInside = inputCount
      return
    }
    missingHead = first
    missingTail = inputCount - 1 - last
    missingInside = last - first + 1 - used.count
  }

  private mutating func count(timesOf output: [MediaPacket]) {
    let decoding = output.compactMap(\.dts)
    nonMonotonic = zip(decoding, decoding.dropFirst()).count { $1 <= $0 }
    presentedBeforeDecoded = output.count { packet in
      guard let pts = packet.pts, let dts = packet.dts else { return false }
      return pts < dts - 0.0005
    }
  }
}
