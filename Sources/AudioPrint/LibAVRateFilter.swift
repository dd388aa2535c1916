#if LibAV
  import CKernels

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Darwin)
    import Darwin
  #elseif canImport(Musl)
    import Musl
  #endif

  /// Changes the rate of one channel that comes in pieces, with the filter that libswresample has unless it is told otherwise: the samples
  /// are the same but for rounding, in a third of the time.
  ///
  /// The filter is a sinc of 32 periods of the lower rate, cut off at 97 % of its Nyquist frequency, under a Kaiser window of beta 9. Before
  /// its beginning and after its end the signal is taken to be itself, backwards.
  struct LibAVRateFilter {
    /// The two rates without what divides both.
    private let (up, down): (Int, Int)
    /// Taps of each phase, and how many of them lie before the moment that is asked for. Those beyond `length`, up to a multiple of 8, are 0.
    private let (length, before, taps): (Int, Int, Int)
    /// A filter for each of `up` moments between two samples, one after another.
    private let bank: AlignedBuffer<Float>
    /// Samples that further results need; the first has the index `first`.
    private var samples: [Float] = []
    private var first = 0
    /// Index of the next result.
    private var next = 0
    private var hasBegun = false

    /// More phases than this libswresample does not make either, but takes the nearest.
    private static let phases = 1024
    private static let (periods, cutoff, beta) = (32.0, 0.97, 9.0)

    /// Nil for rates whose ratio needs too many phases.
    init?(from rate: Int, to wanted: Int) {
      let divisor = Self.greatestCommonDivisor(rate, wanted)
      (up, down) = (wanted / divisor, rate / divisor)
      guard up <= Self.phases, down <= 1 << 16 else { return nil }
      let factor = min(1, Double(wanted) * Self.cutoff / Double(rate))
      length = (Int((Self.periods / factor).rounded(.up)) + 1) / 2 * 2
      before = (length - 1) / 2
      taps = (length + 7) / 8 * 8
      bank = AlignedBuffer(up * taps)
      for phase in 0..<up { fill(phase, factor) }
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
      b == 0 ? a : greatestCommonDivisor(b, a % b)
    }

    private func fill(_ phase: Int, _ factor: Double) {
      let gains = (0..<length).map { tap in
        let distance = Double(tap - before) - Double(phase) / Double(up)
        let (x, edge) = (Double.pi * distance * factor, 2 * distance / Double(length))
        return (x == 0 ? 1 : sin(x) / x) * Self.bessel(Self.beta * max(0, 1 - edge * edge).squareRoot())
      }
      let sum = gains.reduce(0, +)
      for (tap, gain) in gains.enumerated() { bank.pointer[phase * taps + tap] = Float(gain / sum) }
    }

    /// The modified Bessel function of the first kind, of order 0.
    private static func bessel(_ x: Double) -> Double {
      var (sum, term, index) = (1.0, 1.0, 1.0)
      while term > sum * 1e-17 {
        term *= x * x / (4 * index * index)
        sum += term
        index += 1
      }
      return sum
    }

    /// Takes further samples, and puts what can be told with them behind the results.
    mutating func add(_ piece: UnsafeBufferPointer<Float>, to results: inout [Float]) {
      samples.append(contentsOf: piece)
      if !hasBegun, samples.count > length { begin() }
      if hasBegun { filter(until: .max, &results) }
    }

    /// What is left: as many results as libswresample gives, which takes no more than half a filter's length beyond the end, and nothing of
    /// what is shorter than a filter.
    mutating func finish(_ results: inout [Float]) {
      guard hasBegun else { return }
      let end = first + samples.count
      let unfinished = count(upTo: end + before - length)
      let missing = (end - unfinished * down / up + before + 1) / 2
      samples += samples.suffix(taps).reversed()
      filter(until: count(upTo: end + missing + before - length), &results)
    }

    /// How many results lie at or before a sample; result n lies at floor(n · down / up).
    private func count(upTo sample: Int) -> Int { sample < 0 ? 0 : ((sample + 1) * up + down - 1) / down }

    /// Puts before the beginning what the first result needs of it.
    private mutating func begin() {
      hasBegun = true
      samples.insert(contentsOf: Array(samples.dropFirst().prefix(before).reversed()), at: 0)
      first = -before
    }

    /// All results up to one, as far as the samples reach.
    private mutating func filter(until end: Int, _ results: inout [Float]) {
      // Its taps must all be there.
      let count = min(end, self.count(upTo: first + samples.count - taps + before)) - next
      guard count > 0 else { return }
      let (start, isWide) = (results.count, kernel_has_wide())
      results.append(contentsOf: repeatElement(0, count: count))
      results.withUnsafeMutableBufferPointer { out in
        samples.withUnsafeBufferPointer { source in
          for offset in 0..<min(up, count) {
            let position = (next + offset) * down
            kernel_filter(
              isWide, source.baseAddress! + (position / up - before - first), down,
              bank.pointer + position % up * taps, taps,
              out.baseAddress! + start + offset, up, (count - offset + up - 1) / up)
          }
        }
      }
      next += count
      let used = min(samples.count, next * down / up - before - first)
      samples.removeFirst(used)
      first += used
    }
  }
#endif
