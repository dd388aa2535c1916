import CFFTW
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// A real-to-complex FFT of one size and its inverse, in single precision (FFTW 3, Frigo & Johnson 2005).
///
/// Plans are made once for each size and shared, those of the inverse when it is first wanted: a fingerprint never wants it. Making a plan
/// changes FFTW's global tables, so it happens under a lock; executing one (the "new-array" form) is safe from any number of threads, and
/// takes none.
package final class FourierTransform: Sendable {
  package let size: Int
  /// Number of bins of the spectrum: size / 2 + 1.
  package let bins: Int
  private let forward: Plan
  private let inverse = AtomicLazyReference<Plan>()

  /// A plan is immutable after it was made; fftwf_execute_dft_* only reads it, which FFTW documents as thread-safe.
  private final class Plan: @unchecked Sendable {
    let pointer: fftwf_plan
    init(_ pointer: fftwf_plan) { self.pointer = pointer }
  }

  /// The lock is FFTW's planner lock too: plans are made and destroyed only while it is held.
  private static let cache = Mutex<[Int: FourierTransform]>([:])

  /// The transform of this size, made at first use and kept. Size must be at least 1.
  package static func of(size: Int) -> FourierTransform {
    cache.withLock { cache in
      if let known = cache[size] { return known }
      let made = FourierTransform(size: size)
      cache[size] = made
      return made
    }
  }

  /// For sizes that depend on the input's length: the plan is destroyed after the body, so the cache cannot grow without bound.
  package static func withTemporary<R>(size: Int, _ body: (FourierTransform) -> R) -> R {
    let transform = cache.withLock { $0[size] ?? FourierTransform(size: size) }
    defer {
      cache.withLock { cache in
        if cache[size] !== transform { transform.destroyPlans() }
      }
    }
    return body(transform)
  }

  // Called with the lock held. FFTW_ESTIMATE rather than MEASURE: planning is deterministic, so equal input gives equal bits in every
  // run, and takes microseconds.
  private init(size: Int) {
    precondition(size > 0 && size <= Int(Int32.max), "FFT size out of range")
    self.size = size
    bins = size / 2 + 1
    let real = AlignedBuffer<Float>(size)
    let complex = AlignedBuffer<Complex>(bins)
    guard let plan = fftwf_plan_dft_r2c_1d(Int32(size), real.pointer, complex.fftw, FFTW_ESTIMATE) else {
      fatalError("FFTW made no plan for a real transform of size \(size): the library is broken")
    }
    forward = Plan(plan)
  }

  private func planInverse() -> Plan {
    Self.cache.withLock { _ in
      if let made = inverse.load() { return made }
      let (real, complex) = (AlignedBuffer<Float>(size), AlignedBuffer<Complex>(bins))
      guard let plan = fftwf_plan_dft_c2r_1d(Int32(size), complex.fftw, real.pointer, FFTW_ESTIMATE) else {
        fatalError("FFTW made no plan for the inverse of a real transform of size \(size): the library is broken")
      }
      return inverse.storeIfNil(Plan(plan))
    }
  }

  // Called with the lock held.
  private func destroyPlans() {
    fftwf_destroy_plan(forward.pointer)
    if let inverse = inverse.load() { fftwf_destroy_plan(inverse.pointer) }
  }

  /// Both buffers must come from ``AlignedBuffer``: the plan's SIMD code assumes their alignment. Keeps the input.
  package func forward(_ input: AlignedBuffer<Float>, _ output: AlignedBuffer<Complex>) {
    precondition(input.count >= size && output.count >= bins)
    fftwf_execute_dft_r2c(forward.pointer, input.pointer, output.fftw)
  }

  /// Unnormalised: the result is `size` times the inverse. Destroys the input.
  package func inverse(_ input: AlignedBuffer<Complex>, _ output: AlignedBuffer<Float>) {
    precondition(input.count >= bins && output.count >= size)
    fftwf_execute_dft_c2r((inverse.load() ?? planInverse()).pointer, input.fftw, output.pointer)
  }

  /// The smallest size ≥ count of the form 2^a · {1, 3, 5, 9, 15}, for which FFTW is fast.
  package static func fastSize(atLeast count: Int) -> Int {
    var best = Int.max
    for factor in [1, 3, 5, 9, 15] {
      var size = factor
      while size < count { size *= 2 }
      best = min(best, size)
    }
    return best
  }
}

/// Zeroed memory with the alignment that FFTW's plans assume, freed with the last reference.
package final class AlignedBuffer<Element: BitwiseCopyable> {
  package let pointer: UnsafeMutablePointer<Element>
  let count: Int

  package init(_ count: Int) {
    self.count = count
    let bytes = max(1, count) * MemoryLayout<Element>.stride
    guard let raw = fftwf_malloc(bytes) else { fatalError("out of memory: \(bytes) bytes") }
    memset(raw, 0, bytes)
    pointer = raw.bindMemory(to: Element.self, capacity: max(1, count))
  }

  deinit { fftwf_free(pointer) }

  func zero(from start: Int = 0) {
    guard start < count else { return }
    memset(pointer + start, 0, (count - start) * MemoryLayout<Element>.stride)
  }
}

extension AlignedBuffer where Element == Complex {
  /// The same memory as FFTW's type: `fftwf_complex` is `float[2]`, which has `Complex`'s layout.
  var fftw: UnsafeMutablePointer<fftwf_complex> {
    UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: fftwf_complex.self)
  }
}
