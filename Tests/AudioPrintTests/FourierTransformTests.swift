import AudioPrint
import ComposeTesting
import Testing

@Suite("Fourier transforms", .kind(.logic))
struct FourierTransformTests {
  @Test("There and back again is the same signal", arguments: [1, 2, 3, 8, 100, 512, 997, 1024])
  func inverse(size: Int) {
    var chance = Chance(UInt64(size))
    let transform = FourierTransform.of(size: size)
    let (time, spectrum, back) = (
      AlignedBuffer<Float>(size), AlignedBuffer<Complex>(transform.bins), AlignedBuffer<Float>(size)
    )
    for i in 0..<size { time.pointer[i] = Float.random(in: -1...1, using: &chance) }
    transform.forward(time, spectrum)
    transform.inverse(spectrum, back)
    for i in 0..<size { #expect(abs(back.pointer[i] / Float(size) - time.pointer[i]) < 1e-5) }
  }

  @Test("Many tasks plan and run at once")
  func concurrent() async {
    let sums = await withTaskGroup(of: Float.self) { group in
      for task in 0..<64 {
        group.addTask {
          let size = 64 + task % 8
          let transform = FourierTransform.of(size: size)
          let (time, spectrum) = (AlignedBuffer<Float>(size), AlignedBuffer<Complex>(transform.bins))
          for i in 0..<size { time.pointer[i] = 1 }
          transform.forward(time, spectrum)
          return FourierTransform.withTemporary(size: 500 + task) { Float($0.size) } + spectrum.pointer[0].re
            - Float(size)
        }
      }
      return await group.reduce(into: Set<Float>()) { $0.insert($1) }
    }
    #expect(sums == Set((0..<64).map { Float(500 + $0) }))
  }

  @Test(
    "Frames cover the signal from its first sample, and never read beyond its last",
    arguments: [0, 1, 511, 512, 639, 640, 1000])
  func frames(count: Int) {
    let signal = [Float](repeating: 1, count: count)
    let stft = SpectralFrames(frame: 512, hop: 128)
    var seen = 0
    signal.withUnsafeBufferPointer {
      stft.forEach($0) { index, spectrum in
        #expect(index == seen)
        #expect(abs(spectrum[0].re - 256) < 0.01)
        seen += 1
      }
    }
    #expect(seen == (count < 512 ? 0 : (count - 512) / 128 + 1))
  }

  @Test("Sizes are fast and large enough", arguments: [1, 2, 5, 17, 1000, 64001])
  func fastSize(count: Int) {
    let size = FourierTransform.fastSize(atLeast: count)
    #expect(size >= count && size < 2 * count)
  }
}
