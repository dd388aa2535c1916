/// Finds the one speed at which an output plays whatever it is made of, where nothing is explained at the candidates' own.
///
/// As ``SpeedEstimation``, for several candidates: pieces of 2 s are found by their envelopes, and the ratio is the one slope that the
/// places of most pieces have, each candidate with an offset of its own. Then the output is stretched, and delays of ever longer pieces
/// take out what is left. It needs two seconds' distance between pieces of one candidate, so candidates of 4 s and more.
struct SpeedSearch {
  /// At another speed: the output's samples at the candidates' speed, and where each candidate's sample 0 lies in them, in seconds.
  struct Finding {
    var ratio: Double
    var samples: [Float]
    var starts: [Int: Double]
  }

  /// A piece of the output in a candidate: the middles of both, in seconds.
  private struct Pair {
    var candidate: Int
    var x: Double
    var y: Double
  }

  let attributor: Attributor
  let output: Waveform

  private static let rate = Double(Thresholds.sampleRate)
  private static let piece = 2.0

  /// - Parameter stretches: seconds of the output in which nothing is explained.
  func finding(in stretches: [(start: Double, end: Double)]) -> Finding? {
    let prepared = PreparedClip(output.clip)
    let times = stretches.flatMap { Array(stride(from: max(0, $0.start), through: $0.end - Self.piece, by: 1)) }
    guard times.count >= 3, var ratio = Self.ratio(of: times.compactMap { place($0, prepared) }) else { return nil }
    var pairs = ratio.pairs
    var samples: [Float] = []
    for (length, radius) in [(0.5, 0.04), (1, 0.01), (2, 0.004)] {
      samples = Stretch.samples(output.samples, by: ratio.value)
      let places = Self.offsets(pairs, ratio.value).map { offset in
        let own = pairs.filter { $0.candidate == offset.key }.map { $0.x * ratio.value }
        return (candidate: offset.key, offset: offset.value, from: (own.min() ?? 0) - 1, to: (own.max() ?? 0) + 1)
      }
      // The delays' times are the stretched ones: their slope is what is left of the ratio.
      let delays = places.flatMap { place in
        stride(from: max(0, place.from), through: place.to - length, by: length / 2).compactMap { start in
          delay(of: samples, from: start, length: length, in: place.candidate, offset: place.offset, radius: radius)
        }
      }
      guard let rest = Self.slope(delays, near: 1, tolerance: radius / 8), abs(rest.value - 1) < 0.01 else {
        return nil
      }
      ratio.value *= rest.value
      pairs = rest.pairs.map { Pair(candidate: $0.candidate, x: $0.x / (ratio.value / rest.value), y: $0.y) }
    }
    guard SpeedEstimation.range.contains(ratio.value) else { return nil }
    samples = Stretch.samples(output.samples, by: ratio.value)
    return Finding(
      ratio: ratio.value, samples: samples, starts: Self.offsets(pairs, ratio.value).mapValues { -$0 })
  }

  // MARK: Places

  /// The candidate in which the piece from this time on fits best, and where.
  private func place(_ time: Double, _ prepared: PreparedClip) -> Pair? {
    let (first, count) = (Int(time * Self.rate), Int(Self.piece * Self.rate))
    guard output.level(from: first, count: count) >= Thresholds.inaudible else { return nil }
    let frames = prepared.frames(from: first, count: count)
    guard frames.count >= 8 else { return nil }
    let envelope = prepared.mel.envelope(of: frames)
    var windows: [Int: EnvelopeCorrelation.Spectra] = [:]
    var best: (score: Float, pair: Pair)?
    for candidate in attributor.candidates.indices {
      let range = searchedFrames(candidate, time)
      guard range.count >= 8 else { continue }
      let size = EnvelopeCorrelation.size(frames.count, range.count)
      let window = windows[size] ?? EnvelopeCorrelation.Spectra(envelope, size: size)
      windows[size] = window
      let theirs = attributor.bank.spectra(candidate, of: attributor.prepared[candidate], range: range, size: size)
      guard let peak = EnvelopeCorrelation.peak(window: window, candidate: theirs) else { continue }
      guard peak.score > max(0.4, best?.score ?? 0) else { continue }
      // The middles are compared: there a stretched piece fits best.
      let half = Double(frames.count) / 2
      best = (
        peak.score,
        Pair(
          candidate: candidate, x: (Double(frames.lowerBound) + half) / MelSpectrogram.framesPerSecond,
          y: (Double(peak.offset + range.lowerBound) + half) / MelSpectrogram.framesPerSecond)
      )
    }
    return best?.pair
  }

  private func searchedFrames(_ candidate: Int, _ time: Double) -> Range<Int> {
    let clip = attributor.prepared[candidate]
    guard clip.duration > 60, let start = attributor.candidates[candidate].expectedStart else {
      return 0..<clip.mel.frames
    }
    let reach = attributor.options.wideSearchRange
    func frame(_ seconds: Double) -> Int {
      Int((seconds * MelSpectrogram.framesPerSecond).clamped(to: 0...Double(clip.mel.frames)))
    }
    let from = frame(time - start - reach)
    return from..<max(from, frame(time - start + Self.piece + reach))
  }

  private func delay(
    of samples: [Float], from start: Double, length: Double, in candidate: Int, offset: Double, radius: Double
  ) -> Pair? {
    let (first, count) = (Int(start * Self.rate), Int(length * Self.rate))
    guard first + count <= samples.count else { return nil }
    return SpeedEstimation.middles(
      of: samples[first..<first + count], in: attributor.prepared[candidate], offset: offset, radius: radius
    ).map { Pair(candidate: candidate, x: $0.x, y: $0.y) }
  }

  // MARK: The one slope

  /// The ratio that most pairs of pieces agree on.
  private static func ratio(of pairs: [Pair]) -> (value: Double, pairs: [Pair])? {
    var best: (count: Int, found: (value: Double, pairs: [Pair]))?
    for (index, one) in pairs.enumerated() {
      for other in pairs[(index + 1)...] where other.candidate == one.candidate && other.x - one.x > 1.5 {
        let guess = (other.y - one.y) / (other.x - one.x)
        guard (0.96...1.04).contains(guess), let found = slope(pairs, near: guess, tolerance: 0.03) else { continue }
        if found.pairs.count > best?.count ?? 0 { best = (found.pairs.count, found) }
      }
    }
    // Half of the pieces: a few lie on any line.
    guard let best, best.count >= 3, 2 * best.count >= pairs.count, SpeedEstimation.range.contains(best.found.value)
    else { return nil }
    return best.found
  }

  /// The least-squares slope of the pairs that lie near a guess, each candidate with an offset of its own.
  private static func slope(_ pairs: [Pair], near guess: Double, tolerance: Double) -> (value: Double, pairs: [Pair])? {
    let offsets = offsets(pairs, guess)
    // A candidate with one pair has nothing to say.
    let near = Dictionary(
      grouping: pairs.filter { abs($0.y - guess * $0.x - (offsets[$0.candidate] ?? 0)) <= tolerance }, by: \.candidate
    ).values.filter { $0.count >= 2 }
    var (products, squares) = (0.0, 0.0)
    for own in near {
      let count = Double(own.count)
      let (x, y) = (own.map(\.x).reduce(0, +) / count, own.map(\.y).reduce(0, +) / count)
      for pair in own {
        products += (pair.x - x) * (pair.y - y)
        squares += (pair.x - x) * (pair.x - x)
      }
    }
    return squares > 0 ? (products / squares, near.flatMap(\.self)) : nil
  }

  /// By candidate, the median of y - ratio · x.
  private static func offsets(_ pairs: [Pair], _ ratio: Double) -> [Int: Double] {
    Dictionary(grouping: pairs, by: \.candidate).mapValues { own in
      own.map { $0.y - ratio * $0.x }.sorted()[own.count / 2]
    }
  }
}
