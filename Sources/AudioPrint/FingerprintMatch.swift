extension Fingerprint {
  /// What a comparison found.
  public struct Match: Sendable, Hashable, Codable {
    /// Whether the audible parts are the same recording, at one lag and speed, and nothing of it is muted.
    public var isSame: Bool
    /// Share of differing bits at the best lag over audible frames: 0 for equal audio, 0.5 for unrelated; nil if there is no overlap.
    public var bitErrorRate: Double?
    /// Where the other one lies in this one's time, in seconds, to about a hop: positive if it is late. At another speed, that at its beginning.
    public var lagSeconds: Double
    /// How much faster the other one plays, 0.97…1.03 to about 0.001, pitch included; 1 if it plays at this speed or is another recording.
    public var speedRatio = 1.0
    /// Seconds of the other one in which it is the same, pauses included, to about 3 s; what is muted in it does not count.
    public var sameSeconds = 0.0
    /// Seconds of the other one.
    public var seconds = 0.0
    /// Blocks of 3 s of the other one that this one explains, and those that are not silent.
    public var explainedBlocks: Int
    /// Those of the other one that are not silent.
    public var audibleBlocks: Int
  }

  /// Compares a clip with this fingerprint; see ``compare(_:maxOffset:)-(Fingerprint,_)``.
  public func compare(_ clip: AudioClip, maxOffset: Double = 10) -> Match {
    compare(Fingerprint(clip), maxOffset: maxOffset)
  }

  /// Compares another fingerprint with this one.
  ///
  /// Two silent ones are the same; one without a single frame (shorter than 0.29 s) is only the same as one that is silent or empty.
  /// Another speed is looked for where blocks are not explained, from 6 s on.
  ///
  /// - Parameters:
  ///   - other: the one that may be shifted.
  ///   - maxOffset: seconds by which it may be shifted, in either direction.
  public func compare(_ other: Fingerprint, maxOffset: Double = 10) -> Match {
    let reach = maxOffset.isNaN ? 0 : Int((maxOffset.clamped(to: 0...86_400) / Self.hop).rounded())
    return FingerprintComparison(reference: self, other: other, reach: reach).match()
  }
}

/// The comparison of two fingerprints, in frames.
private struct FingerprintComparison {
  /// Which frame of the reference lies under one of the other.
  struct Line {
    var ratio = 1.0
    var offset: Double

    func frame(_ index: Int) -> Int {
      ratio == 1 ? index + Int(offset) : Int((ratio * Double(index) + offset).rounded())
    }
  }

  let reference: Fingerprint
  let other: Fingerprint
  /// Greatest lag, in frames.
  let reach: Int
  private let audible: [Bool]
  private let blocks: [Range<Int>]

  /// Frames of 3 s, about the length (256 sub-fingerprints) that Haitsma & Kalker compare.
  private static let block = 94

  init(reference: Fingerprint, other: Fingerprint, reach: Int) {
    (self.reference, self.other, self.reach) = (reference, other, reach)
    audible = other.levels.map { Double($0) >= Thresholds.inaudible }
    let count = other.subprints.count
    blocks = stride(from: 0, to: count, by: Self.block).map {
      // A last block that is too short to say anything belongs to the one before it.
      $0..<($0 + 2 * Self.block > count ? count : $0 + Self.block)
    }.filter { $0.count >= Self.block || $0.lowerBound == 0 }
  }

  func match() -> Fingerprint.Match {
    guard audible.contains(true) else {
      let silent = !reference.levels.contains { Double($0) >= Thresholds.inaudible }
      return Fingerprint.Match(
        isSame: silent, bitErrorRate: nil, lagSeconds: 0, sameSeconds: silent ? other.duration : 0,
        seconds: other.duration, explainedBlocks: 0, audibleBlocks: 0)
    }
    let plain = match(
      along: bestShift(0..<other.subprints.count, around: 0, reach: reach).map { Line(offset: Double($0.shift)) })
    if plain.explainedBlocks == plain.audibleBlocks, plain.audibleBlocks > 0 { return plain }
    guard let line = lineOfAnotherSpeed() else { return plain }
    let found = match(along: line)
    return found.explainedBlocks > plain.explainedBlocks ? found : plain
  }

  private func match(along line: Line?) -> Fingerprint.Match {
    let heard = blocks.filter { block in 4 * audible[block].count(where: \.self) >= block.count }
    func rate(_ range: Range<Int>) -> Double? { line.flatMap { errorRate(range, $0) } }
    let explained = heard.filter { block in rate(block).map { $0 < Thresholds.bitErrors } ?? false }
    let whole = rate(0..<other.subprints.count)
    let isExplained = heard.isEmpty ? whole.map { $0 < Thresholds.bitErrors } ?? false : explained.count == heard.count
    let muted = line.map(self.muted)
    let unexplained = heard.filter { !explained.contains($0) }.reduce(0) { $0 + $1.count }
    let same = Double(other.subprints.count - unexplained) * Fingerprint.hop - (muted?.seconds ?? 0)
    return Fingerprint.Match(
      isSame: isExplained && muted?.ranges.isEmpty ?? true, bitErrorRate: whole,
      lagSeconds: 0 - (line?.offset ?? 0) * Fingerprint.hop, speedRatio: line?.ratio ?? 1,
      sameSeconds: isExplained || !explained.isEmpty ? max(0, same) : 0, seconds: other.duration,
      explainedBlocks: explained.count, audibleBlocks: heard.count)
  }

  private func muted(along line: Line) -> MutedStretches {
    MutedStretches(
      levels: other.levels.map(Double.init),
      source: other.levels.indices.map { index in
        let frame = line.frame(index)
        return reference.levels.indices.contains(frame) ? Double(reference.levels[frame]) : nil
      }, step: Fingerprint.hop)
  }

  /// Share of differing bits over the audible frames of a range of the other one; nil if they overlap by less than half.
  private func errorRate(_ range: Range<Int>, _ line: Line) -> Double? {
    var (wanted, frames, errors) = (0, 0, 0)
    for index in range where audible[index] {
      wanted += 1
      let frame = line.frame(index)
      guard reference.subprints.indices.contains(frame) else { continue }
      frames += 1
      errors += (reference.subprints[frame] ^ other.subprints[index]).nonzeroBitCount
    }
    guard frames >= 8, 2 * frames >= wanted else { return nil }
    return Double(errors) / Double(32 * frames)
  }

  /// The shift of the reference's frames against a range of the other one's at which fewest bits differ.
  private func bestShift(_ range: Range<Int>, around centre: Int, reach: Int) -> (shift: Int, rate: Double)? {
    let (first, last) = (
      max(centre - reach, -other.subprints.count), min(centre + reach, reference.subprints.count)
    )
    guard first <= last else { return nil }
    var best: (shift: Int, rate: Double)?
    for shift in (first...last).reversed() {
      guard let rate = errorRate(range, Line(offset: Double(shift))) else { continue }
      if rate < best?.rate ?? .infinity { best = (shift, rate) }
    }
    return best
  }

  // MARK: Another speed

  /// Frames of the pieces that are looked for alone (1.5 s, in which 3 % are a frame and a half), and the most of them.
  private static let (piece, mostPieces) = (47, 60)
  /// Share of differing bits from which a piece was not found: the least of some hundred shifts of another recording is above it.
  private static let found = 0.4

  /// Pieces are looked for one by one; a line through most of their places is another speed.
  private func lineOfAnotherSpeed() -> Line? {
    let count = other.subprints.count
    guard count >= 4 * Self.piece else { return nil }
    let step = max(Self.piece, (count - Self.piece) / Self.mostPieces)
    let pairs = stride(from: 0, through: count - Self.piece, by: step).compactMap { first -> (x: Double, y: Double)? in
      let range = first..<first + Self.piece
      guard 2 * audible[range].count(where: \.self) >= range.count else { return nil }
      let best = bestShift(range, around: 0, reach: reach + Int(0.032 * Double(first)) + 1)
      guard let best, best.rate < Self.found else { return nil }
      let middle = Double(first) + Double(Self.piece) / 2
      return (middle * Fingerprint.hop, (middle + Double(best.shift)) * Fingerprint.hop)
    }
    guard let rough = SpeedEstimation.robustLine(pairs, tolerance: 0.05) else { return nil }
    // The pieces' places are whole frames.
    var best: (rate: Double, line: Line)?
    for ratio in stride(from: -0.002, through: 0.002, by: 0.0005) {
      for offset in -2...2 {
        let line = Line(ratio: rough.ratio + ratio, offset: rough.offset / Fingerprint.hop + Double(offset))
        guard let rate = errorRate(0..<count, line), rate < best?.rate ?? .infinity else { continue }
        best = (rate, line)
      }
    }
    guard let best, SpeedEstimation.range.contains(best.line.ratio), abs(best.line.offset) <= Double(reach + 1) else {
      return nil
    }
    return best.line
  }
}
