import ArgumentParser
import AudioPrint
import Foundation

/// `audioprint plot OUTPUT PNG --original O`.
struct Plot: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draws the spectrograms of the original and of the recording, and below them what each part is.",
    discussion: """
      The strip: green passthrough, blue dubbed (shades alternate with the fragment), orange mixed, black silent, red unknown.
      """)

  @OptionGroup var attribute: Attribute
  @Option(help: "The PNG to write.")
  var png: String
  @Option(help: "Width of the picture in pixels.")
  var width = 1200

  func validate() throws {
    guard (100...8000).contains(width) else { throw ValidationError("--width must be 100 to 8000 pixels") }
  }

  func run() async throws {
    let (clip, results, original) = try await attribute.attribution()
    var picture = Picture(width: width)
    if let original { picture.addSpectrogram(original.slice(from: 0, to: clip.duration), duration: clip.duration) }
    picture.addSpectrogram(clip, duration: clip.duration)
    picture.addStrip(results, duration: clip.duration)
    try await PNGWriter.write(picture.pixels, width: width, height: picture.height, to: png)
    if attribute.output.json {
      try attribute.output.print(["png": png])
    } else {
      print("\(png): \(width) × \(picture.height)")
    }
  }
}

/// RGB rows that grow downwards.
struct Picture {
  let width: Int
  private(set) var pixels: [UInt8] = []
  var height: Int { pixels.count / (3 * width) }

  /// 257 rows from 4 kHz down to 0, 80 dB from black to white.
  mutating func addSpectrogram(_ clip: AudioClip, duration: Double) {
    let columns = Spectrogram.levels(of: clip, columns: width, duration: duration)
    for row in stride(from: Spectrogram.rows - 1, through: 0, by: -1) {
      for column in 0..<width {
        let share = ((columns[column * Spectrogram.rows + row] + 90) / 80).clamp(0, 1)
        pixels += [UInt8(255 * share), UInt8(255 * share * share), UInt8(90 * (1 - share) * share * 4)]
      }
    }
    addGap()
  }

  mutating func addStrip(_ results: [WindowAttribution], duration: Double) {
    var row: [UInt8] = []
    for column in 0..<width {
      let time = (Double(column) + 0.5) / Double(width) * duration
      let result = results.first { $0.start <= time && time < $0.end }
      row += result.map { Self.colour($0.attribution) } ?? [60, 60, 60]
    }
    for _ in 0..<40 { pixels += row }
  }

  private mutating func addGap() { pixels += [UInt8](repeating: 60, count: 3 * width * 4) }

  private static func colour(_ attribution: SegmentClass) -> [UInt8] {
    switch attribution {
    case .passthrough: [60, 170, 80]
    case .dubbed(let fragment): fragment.isMultiple(of: 2) ? [60, 110, 220] : [110, 160, 245]
    case .mixed: [240, 160, 40]
    case .silent: [0, 0, 0]
    case .unknown: [210, 50, 50]
    }
  }
}

extension Float {
  fileprivate func clamp(_ low: Float, _ high: Float) -> Float { Swift.min(Swift.max(self, low), high) }
}
