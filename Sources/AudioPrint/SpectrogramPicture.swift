#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A spectrogram as an RGB picture: 4 kHz at the top, 0 Hz at the bottom, 80 dB from black to white.
///
/// ```swift
/// let picture = SpectrogramPicture(clip, width: 480, height: 96, duration: clip.duration, shades: 16)
/// let url = "data:image/png;base64," + (try await picture.png()).base64EncodedString()
/// ```
package struct SpectrogramPicture: Sendable, Hashable {
  /// Pixels.
  package let width: Int
  /// Pixels.
  package let height: Int
  /// 8-bit RGB, row after row from the top.
  package let pixels: [UInt8]

  /// Draws a clip.
  ///
  /// - Parameters:
  ///   - clip: what is drawn, of any rate.
  ///   - width: number of moments that the duration is divided into, at least 1.
  ///   - height: 1 to ``Spectrogram/rows``; with fewer, a pixel has the colour of the loudest frequency in it.
  ///   - duration: seconds that the width stands for; what the clip does not fill is black.
  ///   - shades: how many colours are used, at least 2; few of them make a small file.
  package init(
    _ clip: AudioClip, width: Int, height: Int = Spectrogram.rows, duration: Double, shades: Int = 256
  ) {
    self.width = max(1, width)
    self.height = min(max(1, height), Spectrogram.rows)
    let colours = Self.colours(max(2, shades))
    let levels = Spectrogram.levels(of: clip, columns: self.width, duration: duration)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * self.width * self.height)
    for row in stride(from: self.height - 1, through: 0, by: -1) {
      let frequencies = row * Spectrogram.rows / self.height..<(row + 1) * Spectrogram.rows / self.height
      for column in 0..<self.width {
        var loudest: Float = -120
        for frequency in frequencies { loudest = max(loudest, levels[column * Spectrogram.rows + frequency]) }
        let share = min(max((loudest + 90) / 80, 0), 1)
        pixels += colours[Int((share * Float(colours.count - 1)).rounded())]
      }
    }
    self.pixels = pixels
  }

  /// From black over violet and orange to a pale yellow, at even steps of level.
  private static func colours(_ count: Int) -> [[UInt8]] {
    (0..<count).map { index in
      let share = Float(index) / Float(count - 1)
      return [UInt8(255 * share), UInt8(255 * share * share), UInt8(90 * (1 - share) * share * 4)]
    }
  }

  /// The picture as a PNG file with a palette of its own, made by ffmpeg.
  ///
  /// - Throws: ``AudioError`` if ffmpeg is missing or fails; its words are in the evidence.
  package func png() async throws -> Data {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("audioprint-\(UUID().uuidString).png")
    defer { try? FileManager.default.removeItem(at: file) }
    // A palette of the picture's own colours keeps every one of them, if it was drawn with few shades, in a third of the bytes.
    let palette = "split[a][b];[a]palettegen=reserve_transparent=0[p];[b][p]paletteuse=dither=none"
    try await PNGWriter.write(pixels, width: width, height: height, to: file.path, filter: palette)
    return try Data(contentsOf: file)
  }
}
