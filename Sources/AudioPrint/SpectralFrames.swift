import Synchronization

/// A short-time Fourier transform that streams over a signal where it lies: frame by frame, without copying the signal.
package struct SpectralFrames {
  /// Samples in a frame, and its FFT's size.
  let frame: Int
  /// Samples from one frame to the next.
  let hop: Int
  private let transform: FourierTransform
  private let window: [Float]

  package init(frame: Int, hop: Int) {
    self.frame = frame
    self.hop = hop
    transform = .of(size: frame)
    // A window's cosines cost as much as the transforms of a few frames.
    window = Self.windows.withLock { windows in
      if let known = windows[frame] { return known }
      let made = Vector.hann(frame)
      windows[frame] = made
      return made
    }
  }

  /// By size; there are as many as there are analyses.
  private static let windows = Mutex<[Int: [Float]]>([:])

  /// Bins of each spectrum, from 0 Hz to the Nyquist frequency.
  var bins: Int { transform.bins }

  /// Number of whole frames in so many samples.
  func count(samples: Int) -> Int { samples < frame ? 0 : (samples - frame) / hop + 1 }

  /// Calls the body with each frame's index and spectrum; the spectrum is valid during the call only.
  package func forEach(_ signal: UnsafeBufferPointer<Float>, _ body: (Int, UnsafePointer<Complex>) -> Void) {
    let frames = count(samples: signal.count)
    guard frames > 0, let base = signal.baseAddress else { return }
    let (time, spectrum) = (AlignedBuffer<Float>(frame), AlignedBuffer<Complex>(bins))
    window.withUnsafeBufferPointer { window in
      var index = 0
      while index < frames {
        Vector.multiply(base + index * hop, window.baseAddress!, time.pointer, frame)
        transform.forward(time, spectrum)
        body(index, spectrum.pointer)
        index += 1
      }
    }
  }
}
