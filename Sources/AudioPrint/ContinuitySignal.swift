/// A signal as it is followed: at 8 kHz, pre-emphasised, with the energy of each block of 5 ms.
///
/// Pre-emphasis evens the spectrum of speech, whose neighbouring pitch periods are alike below 500 Hz and differ above.
struct ContinuitySignal: Sendable {
  /// Samples in a block: 5 ms.
  static let block = 40
  /// Blocks a second.
  static let rate = 200.0
  private static let emphasis: Float = 0.9
  /// Energy of a block below which it is silent whatever else sounds: -80 dBFS, about -70 before the pre-emphasis.
  static let floor: Float = 40 * 1e-8

  /// As it was, for what pre-emphasis hides: cut peaks.
  let plain: [Float]
  let samples: [Float]
  /// One for each block; the last may be shorter.
  let energies: [Float]
  /// Energy of a block in which the signal is as loud as it mostly is while it sounds.
  let loud: Float

  init(_ waveform: [Float]) {
    plain = waveform
    samples = Self.emphasised(waveform)
    energies = samples.withUnsafeBufferPointer(Self.energies)
    let mean = energies.reduce(0, +) / Float(max(1, energies.count))
    // A single click must not make everything else look quiet.
    var (sum, count): (Float, Float) = (0, 0)
    for energy in energies where energy > 0.1 * mean {
      sum += min(energy, 10 * mean)
      count += 1
    }
    let loud = count > 0 ? sum / count : 0
    self.loud = loud.isFinite ? loud : 0
  }

  var blocks: Int { energies.count }

  var inverted: ContinuitySignal { ContinuitySignal(plain.map { -$0 }) }

  private static func emphasised(_ source: [Float]) -> [Float] {
    // Samples near the greatest float have no squares.
    let limit: Float = 1e6
    return source.withUnsafeBufferPointer { source in
      [Float](unsafeUninitializedCapacity: source.count) { out, count in
        guard source.count > 0, let from = source.baseAddress, let to = out.baseAddress else { return }
        var i = 1
        to[0] = max(-limit, min(limit, from[0]))
        while i < source.count {
          to[i] = max(-limit, min(limit, from[i] - emphasis * from[i - 1]))
          i += 1
        }
        count = source.count
      }
    }
  }

  private static func energies(_ samples: UnsafeBufferPointer<Float>) -> [Float] {
    guard let base = samples.baseAddress else { return [] }
    let blocks = (samples.count + block - 1) / block
    return [Float](unsafeUninitializedCapacity: blocks) { out, count in
      while count < blocks {
        let first = count * block
        out[count] = Vector.dot(base + first, base + first, min(block, samples.count - first))
        count += 1
      }
    }
  }

  /// Σ self[i] · other[i + offset] over a span of this signal's samples, zero outside of the other one.
  func cross(_ other: ContinuitySignal, offset: Int, from first: Int, count: Int) -> Float {
    let (from, to) = (max(first, -offset, 0), min(first + count, other.samples.count - offset, samples.count))
    guard from < to else { return 0 }
    return samples.withUnsafeBufferPointer { mine in
      other.samples.withUnsafeBufferPointer { theirs in
        Vector.dot(mine.baseAddress! + from, theirs.baseAddress! + from + offset, to - from)
      }
    }
  }

  /// Where a piece of another signal is heard in this one, near a sample; nil if nowhere.
  ///
  /// - Returns: the sample at which the piece begins, and its normalised correlation there, −1…1: below 0 it has the opposite sign.
  func place(of piece: ArraySlice<Float>, centre: Int, radius: Int) -> (offset: Double, agreement: Float)? {
    samples.withUnsafeBufferPointer { mine in
      guard let delay = DelaySearch(piece).delay(in: mine, centre: centre, radius: radius) else { return nil }
      let at = Int(delay.rounded())
      let (first, last) = (max(0, at), min(mine.count, at + piece.count))
      guard first < last, let base = mine.baseAddress else { return nil }
      return piece.withUnsafeBufferPointer { piece in
        guard let theirs = piece.baseAddress else { return nil }
        let product = Vector.dot(theirs + (first - at), base + first, last - first)
        let power = Vector.dot(theirs, theirs, piece.count) * Vector.dot(base + first, base + first, last - first)
        guard power > 0, power.isFinite else { return nil }
        return (delay, product / power.squareRoot())
      }
    }
  }

  /// Blocks of the loudest piece in each part of the signal, where that is loud: a break spares most of them.
  ///
  /// - Parameters:
  ///   - piece: its length, at most `whole`.
  ///   - whole: blocks of the signal that count.
  ///   - parts: at least 1.
  ///   - step: from one place of a piece to the next.
  func loudestPieces(of piece: Int, within whole: Int, parts: Int, step: Int) -> [Range<Int>] {
    (0..<parts).compactMap { part in
      let span = part * whole / parts..<(part + 1) * whole / parts
      func energy(_ start: Int) -> Float { energies[start..<start + piece].reduce(0, +) }
      let starts = stride(from: span.lowerBound, through: max(span.lowerBound, span.upperBound - piece), by: step)
      let loudest = starts.filter { $0 + piece <= whole }.map { (start: $0, energy: energy($0)) }
        .max { $0.energy < $1.energy }
      return loudest.flatMap { $0.energy > loud ? $0.start..<$0.start + piece : nil }
    }
  }

  /// Energy of a span of samples, zero outside of the signal.
  func energy(from first: Int, count: Int) -> Float {
    let (from, to) = (max(first, 0), min(first + count, samples.count))
    guard from < to else { return 0 }
    return samples.withUnsafeBufferPointer { Vector.dot($0.baseAddress! + from, $0.baseAddress! + from, to - from) }
  }
}
