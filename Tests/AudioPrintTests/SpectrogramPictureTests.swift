import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("A spectrogram as a picture", .kind(.computing))
struct SpectrogramPictureTests {
  /// The row of the brightest pixel in a column, from the top; nil in the dark.
  private func brightest(_ picture: SpectrogramPicture, column: Int) -> Int? {
    let reds = (0..<picture.height).map { picture.pixels[3 * ($0 * picture.width + column)] }
    guard let most = reds.max(), most > 128 else { return nil }
    return reds.firstIndex(of: most)
  }

  @Test("A tone is a line at its frequency, as long as it lasts", arguments: [500.0, 1000, 3000])
  func tone(frequency: Double) throws {
    let picture = SpectrogramPicture(try .tone(frequency, 1), width: 100, height: 100, duration: 2, shades: 12)
    #expect(picture.width == 100 && picture.height == 100 && picture.pixels.count == 30000)
    let row = try #require(brightest(picture, column: 25))
    #expect(abs(Double(row) - (100 - frequency / 40)) <= 2)
    #expect(brightest(picture, column: 75) == nil)
  }

  @Test("Few shades are few colours")
  func shades() throws {
    let picture = SpectrogramPicture(try .noise(2), width: 100, height: 50, duration: 2, shades: 4)
    let colours = Set((0..<5000).map { Array(picture.pixels[3 * $0..<3 * $0 + 3]) })
    #expect((2...4).contains(colours.count))
  }

  @Test("The PNG has every pixel as it was, and few bytes")
  func png() async throws {
    // Noise is what compresses worst.
    let picture = SpectrogramPicture(try .noise(12), width: 400, height: 96, duration: 12, shades: 12)
    let png = try await picture.png()
    #expect(png.prefix(8) == Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
    #expect(png.count < 30_000, "so that a page of fifty streams stays handy")
    try await Media.withFolder { folder in
      try await Media.ffmpeg(
        ["-f", "png_pipe", "-i", "pipe:0", "-f", "rawvideo", "-pix_fmt", "rgb24", folder + "/rgb"], input: Array(png))
      #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder + "/rgb"))) == picture.pixels)
    }
  }
}
