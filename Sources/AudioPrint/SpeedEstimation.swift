#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// How much faster one clip plays another one, pitch and all, as a wrong sampling rate or a drifting clock does.
///
/// Pieces of b are found in a by their envelopes; the line through the pairs of times gives the ratio to about 1e-3. Then b is
/// stretched by it, GCC-PHAT delays (Knapp & Carter 1976) of ever longer pieces are measured, and the slope of those is taken out as
/// well: over 30 s the ratio is then known to about 1e-6, which coherence needs (0.1 ms of drift in a window of 6 s is 2e-5).
struct SpeedEstimation {
  /// Ratios that are looked for.
  static let range = 0.968...1.032

  /// b(t) = a(ratio · t + offset), times in seconds.
  struct Line: Hashable {
    var ratio: Double
    var offset: Double
  }

  let a: PreparedClip
  let b: PreparedClip
  let maxOffset: Double

  private static let rate = Double(Thresholds.sampleRate)
  /// Length and step of the pieces that are found by their envelopes, in seconds: 3 % of 2 s is one frame of 64 ms.
  private static let (piece, step) = (2.0, 1.0)
  /// Pieces are spread over longer clips, so that the time does not grow with the length.
  private static let mostPieces = 60

  /// The line, and b played at a's speed; nil if the pieces lie on no line.
  func estimate() -> (line: Line, stretched: [Float])? {
    guard b.duration >= 2 * Self.piece, var line = coarse() else { return nil }
    var stretched = Stretch.samples(b.samples, by: line.ratio)
    for (length, radius) in [(0.5, 0.04), (1, 0.01), (2, 0.004)] {
      guard let rest = drift(of: stretched, at: line.offset, length: length, radius: radius) else { return nil }
      line = Line(ratio: line.ratio * rest.ratio, offset: rest.offset)
      stretched = Stretch.samples(b.samples, by: line.ratio)
    }
    return Self.range.contains(line.ratio) && abs(line.offset) <= maxOffset + 0.001 ? (line, stretched) : nil
  }

  // MARK: By envelopes

  private func coarse() -> Line? {
    let spacing = max(Self.step, (b.duration - Self.piece) / Double(Self.mostPieces))
    let pairs = stride(from: 0, through: b.duration - Self.piece, by: spacing).compactMap(place)
    guard let line = Self.robustLine(pairs, tolerance: 0.03) else { return nil }
    return Self.range.contains(line.ratio) && abs(line.offset) <= maxOffset + 0.1 ? line : nil
  }

  /// Where in a the piece of b that begins at this time is.
  private func place(_ time: Double) -> (x: Double, y: Double)? {
    let first = Int(time * Self.rate)
    let count = Int(Self.piece * Self.rate)
    guard b.waveform.level(from: first, count: count) >= Thresholds.inaudible else { return nil }
    let frames = b.frames(from: first, count: count)
    let reach = maxOffset + 0.032 * time
    let from = Int(((time - reach) * MelSpectrogram.framesPerSecond).clamped(to: 0...Double(a.mel.frames)))
    let end = (time + Self.piece + reach) * MelSpectrogram.framesPerSecond
    let searched = from..<max(from, Int(end.clamped(to: 0...Double(a.mel.frames))))
    guard frames.count >= 8, searched.count >= 8 else { return nil }
    let size = EnvelopeCorrelation.size(frames.count, searched.count)
    let peak = EnvelopeCorrelation.peak(
      window: .init(b.mel.envelope(of: frames), size: size),
      candidate: .init(a.mel.envelope(of: searched), size: size))
    guard let peak, peak.score > 0.4 else { return nil }
    // The middles are compared: there a stretched piece fits best.
    let half = Double(frames.count) / 2
    return (
      x: (Double(frames.lowerBound) + half) / MelSpectrogram.framesPerSecond,
      y: (Double(peak.offset + searched.lowerBound) + half) / MelSpectrogram.framesPerSecond
    )
  }

  // MARK: By waveforms

  private func drift(of stretched: [Float], at offset: Double, length: Double, radius: Double) -> Line? {
    let count = Int(length * Self.rate)
    let last = stretched.count - count
    guard last > 0 else { return nil }
    let spacing = max(count / 2, last / Self.mostPieces)
    let pairs = stride(from: 0, through: last, by: spacing).compactMap {
      Self.middles(of: stretched[$0..<$0 + count], in: a, offset: offset, radius: radius)
    }
    return Self.robustLine(pairs, tolerance: radius / 8)
  }

  /// The middles of a piece and of where a clip plays it, in seconds; nil if it is too quiet, or is not there.
  ///
  /// - Parameters:
  ///   - offset: about how much later it is there, in seconds.
  ///   - radius: how far from that it may be, in seconds.
  static func middles(
    of piece: ArraySlice<Float>, in clip: PreparedClip, offset: Double, radius: Double
  ) -> (x: Double, y: Double)? {
    let level = piece.withUnsafeBufferPointer { decibels(power: Vector.meanSquare($0)) }
    guard level >= Thresholds.inaudible else { return nil }
    let centre = piece.startIndex + Int((offset * rate).rounded())
    let half = piece.count / 2
    return clip.samples.withUnsafeBufferPointer {
      DelaySearch(piece).delay(in: $0, centre: centre, radius: Int(radius * rate))
    }.map { (x: Double(piece.startIndex + half) / rate, y: ($0 + Double(half)) / rate) }
  }

  /// The line on which most points lie, by trying every pair (Theil–Sen's slopes, judged as RANSAC does); nil if fewer than half do.
  static func robustLine(_ points: [(x: Double, y: Double)], tolerance: Double) -> Line? {
    var best: (count: Int, line: Line)?
    for (index, one) in points.enumerated() {
      for other in points[(index + 1)...] where other.x - one.x > 1 {
        let ratio = (other.y - one.y) / (other.x - one.x)
        guard (0.95...1.05).contains(ratio) else { continue }
        let line = Line(ratio: ratio, offset: one.y - ratio * one.x)
        let count = points.count { abs($0.y - ratio * $0.x - line.offset) <= tolerance }
        if count > best?.count ?? 0 { best = (count, line) }
      }
    }
    guard let best, best.count >= 3, 2 * best.count >= points.count else { return nil }
    return leastSquares(points.filter { abs($0.y - best.line.ratio * $0.x - best.line.offset) <= tolerance })
  }

  private static func leastSquares(_ points: [(x: Double, y: Double)]) -> Line? {
    let count = Double(points.count)
    let (x, y) = (points.map(\.x).reduce(0, +) / count, points.map(\.y).reduce(0, +) / count)
    let spread = points.map { ($0.x - x) * ($0.x - x) }.reduce(0, +)
    guard spread > 0 else { return nil }
    let ratio = points.map { ($0.x - x) * ($0.y - y) }.reduce(0, +) / spread
    return Line(ratio: ratio, offset: y - ratio * x)
  }
}

/// Plays samples slower or faster by a windowed-sinc interpolation: sample i of the result is the source at (i + phase) / ratio.
enum Stretch {
  private static let (taps, phases) = (24, 512)

  /// One row of taps for each phase; Hann-windowed, so that an error is 50 dB down below 3.4 kHz of 8.
  private static let table: [Float] = (0...phases).flatMap { phase in
    (0..<taps).map { tap in
      let x = Double(tap - taps / 2 + 1) - Double(phase) / Double(phases)
      guard abs(x) < Double(taps / 2) else { return 0 }
      let window = 0.5 + 0.5 * cos(2 * Double.pi * x / Double(taps))
      return Float(x == 0 ? 1 : sin(Double.pi * x) / (Double.pi * x) * window)
    }
  }

  static func samples(_ source: [Float], by ratio: Double, phase: Double = 0) -> [Float] {
    let padded = [Float](repeating: 0, count: taps) + source + [Float](repeating: 0, count: taps)
    let count = max(0, Int(Double(source.count) * ratio - phase))
    return padded.withUnsafeBufferPointer { padded in
      table.withUnsafeBufferPointer { table in
        [Float](unsafeUninitializedCapacity: count) { out, used in
          while used < count {
            let place = (Double(used) + phase) / ratio
            let whole = Int(place)
            let phase = Int(((place - Double(whole)) * Double(phases)).rounded())
            out[used] = Vector.dot(
              padded.baseAddress! + whole + taps - taps / 2 + 1, table.baseAddress! + phase * taps, taps)
            used += 1
          }
        }
      }
    }
  }
}
