import ArgumentParser
import AudioPrint
import Foundation

/// `audioprint plot OUTPUT PNG --original O`.
struct Plot: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Draws the spectrograms of the original and of the recording, and below them how late and what each part is.",
    discussion: """
      The spectrograms go from 0 to 4 kHz. The lag curve's middle line is 0, above it the recording is late; its scale is printed.
      The strip: green passthrough, blue dubbed (shades alternate with the fragment), orange mixed, black silent, red unknown.
      The recording is in memory whole: 2 MB a minute.

      EXAMPLE: audioprint plot output.flv --original talk.mp4 --png output.png
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
    let output = attribute.output
    try StoredFingerprint.refuse(attribute.recording, "plot")
    let clip = try await output.decode(attribute.recording, track: attribute.track)
    var results: [WindowAttribution] = []
    try await attribute.attribution { results.append($0) }
    var picture = Picture(width: width)
    if let path = attribute.original {
      let original = try await output.decode(path, track: attribute.originalTrack)
      picture.addSpectrogram(original.slice(from: 0, to: clip.duration), duration: clip.duration)
    }
    picture.addSpectrogram(clip, duration: clip.duration)
    let scale = picture.addLags(results, duration: clip.duration)
    picture.addStrip(results, duration: clip.duration)
    try await PNGWriter.write(picture.pixels, width: width, height: picture.height, to: png)
    if output.json {
      try output.print(Answer(png: png, lagScale: scale * 1000))
    } else {
      print(
        "\(png): \(width) × \(picture.height), lags from \((-1000 * scale).text(0)) to \((1000 * scale).text(0)) ms")
    }
  }

  private struct Answer: Encodable {
    var png: String
    /// What the lag curve's upper border stands for.
    var lagScale: Double

    enum CodingKeys: String, CodingKey {
      case png
      case lagScale = "lag_scale_ms"
    }
  }
}

/// RGB rows that grow downwards.
struct Picture {
  let width: Int
  private(set) var pixels: [UInt8] = []
  var height: Int { pixels.count / (3 * width) }

  mutating func addSpectrogram(_ clip: AudioClip, duration: Double) {
    pixels += SpectrogramPicture(clip, width: width, duration: duration).pixels
    addGap()
  }

  /// The lag of whatever explains each part, in the strip's colours; returns the seconds that the upper border stands for.
  mutating func addLags(_ results: [WindowAttribution], duration: Double) -> Double {
    let named = results.filter { $0.candidateIndex != nil }
    // 5 ms, 10 ms, 20 ms, …: the least that holds all of them.
    let largest = named.map { abs($0.lagSeconds) }.max() ?? 0
    var scale = 0.005
    while scale < largest { scale *= 2 }
    let half = Self.lagRows / 2
    var rows = [[UInt8]](repeating: [UInt8](repeating: 24, count: 3 * width), count: 2 * half + 1)
    rows[half] = [UInt8](repeating: 90, count: 3 * width)
    for column in 0..<width {
      let time = (Double(column) + 0.5) / Double(width) * duration
      guard let result = named.first(where: { $0.start <= time && time < $0.end }) else { continue }
      let row = half - Int((result.lagSeconds / scale * Double(half - 1)).rounded())
      for thick in row - 1...row + 1 {
        rows[thick].replaceSubrange(3 * column..<3 * column + 3, with: Self.colour(result.attribution))
      }
    }
    for row in rows { pixels += row }
    addGap()
    return scale
  }

  private static let lagRows = 120

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
