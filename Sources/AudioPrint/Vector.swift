#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Level in dB of a power; -infinity for zero.
func decibels(power: Double) -> Double { power > 0 ? 10 * log10(power) : -.infinity }

/// Power of a level in dB.
func power(decibels: Double) -> Double { pow(10, decibels / 10) }

/// One bin of a spectrum, laid out as FFTW's `fftwf_complex` (`float[2]`).
package struct Complex: BitwiseCopyable {
  package var re: Float
  var im: Float
}

/// The inner loops, on raw pointers.
///
/// `while` over pointers is deliberate: a package that fetched this one builds it without optimisation in debug, where every array
/// subscript and range iterator is a call, and this form is 20 to 50 times faster; optimised it vectorises as well as any.
package enum Vector {
  static func meanSquare(_ x: UnsafeBufferPointer<Float>) -> Double {
    guard let p = x.baseAddress, !x.isEmpty else { return 0 }
    return energy(p, x.count) / Double(x.count)
  }

  /// Sum of squares. Blocks of 1024 are summed as floats and added as doubles, which keeps 1 h exact to 1e-6.
  static func energy(_ p: UnsafePointer<Float>, _ count: Int) -> Double {
    var total = 0.0
    var i = 0
    while i < count {
      let end = min(i + 1024, count)
      let sum = dot(p + i, p + i, end - i)
      // The squares of samples beyond 1e19 are no floats any more.
      total += sum.isFinite ? Double(sum) : (i..<end).reduce(0) { $0 + Double(p[$1]) * Double(p[$1]) }
      i = end
    }
    return total
  }

  static func firstNotFinite(_ x: UnsafeBufferPointer<Float>) -> Int? {
    guard let p = x.baseAddress else { return nil }
    var i = 0
    while i < x.count {
      // x - x is 0 for every finite x and NaN otherwise.
      if p[i] - p[i] != 0 { return i }
      i += 1
    }
    return nil
  }

  /// out = x · window.
  static func multiply(
    _ x: UnsafePointer<Float>, _ window: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    var i = 0
    while i < count {
      out[i] = x[i] * window[i]
      i += 1
    }
  }

  /// out = |x|².
  static func power(_ x: UnsafePointer<Complex>, _ out: UnsafeMutablePointer<Float>, _ count: Int) {
    var i = 0
    while i < count {
      out[i] = x[i].re * x[i].re + x[i].im * x[i].im
      i += 1
    }
  }

  // Sums have four parts, because a compiler may not reorder additions: so written they become vector instructions.
  static func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int) -> Float {
    var (a, b, c, d): (Float, Float, Float, Float) = (0, 0, 0, 0)
    var i = 0
    while i + 4 <= count {
      a += x[i] * y[i]
      b += x[i + 1] * y[i + 1]
      c += x[i + 2] * y[i + 2]
      d += x[i + 3] * y[i + 3]
      i += 4
    }
    while i < count {
      a += x[i] * y[i]
      i += 1
    }
    return (a + b) + (c + d)
  }

  /// Sum of products; the caller sees to it that it stays below 2³¹.
  package static func dot(_ x: UnsafePointer<Int16>, _ y: UnsafePointer<Int16>, _ count: Int) -> Int32 {
    var sum: Int32 = 0
    var i = 0
    while i < count {
      sum &+= Int32(x[i]) &* Int32(y[i])
      i &+= 1
    }
    return sum
  }

  static func sumOfMagnitudes(_ x: UnsafePointer<Complex>, _ count: Int) -> Float {
    func magnitude(_ z: Complex) -> Float { (z.re * z.re + z.im * z.im).squareRoot() }
    var (a, b, c, d): (Float, Float, Float, Float) = (0, 0, 0, 0)
    var i = 0
    while i + 4 <= count {
      a += magnitude(x[i])
      b += magnitude(x[i + 1])
      c += magnitude(x[i + 2])
      d += magnitude(x[i + 3])
      i += 4
    }
    while i < count {
      a += magnitude(x[i])
      i += 1
    }
    return (a + b) + (c + d)
  }

  static func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var sum: Float = 0
    var i = 0
    while i < count {
      sum += x[i]
      i += 1
    }
    return sum
  }

  /// out += x².
  static func addSquares(_ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ count: Int) {
    var i = 0
    while i < count {
      out[i] += x[i] * x[i]
      i += 1
    }
  }

  /// out += y · conj(x).
  static func addCrossSpectrum(
    _ y: UnsafePointer<Complex>, _ x: UnsafePointer<Complex>, _ out: UnsafeMutablePointer<Complex>, _ count: Int
  ) {
    var i = 0
    while i < count {
      out[i].re += y[i].re * x[i].re + y[i].im * x[i].im
      out[i].im += y[i].im * x[i].re - y[i].re * x[i].im
      i += 1
    }
  }

  static func hann(_ count: Int) -> [Float] {
    (0..<count).map { Float(0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(count))) }
  }
}
