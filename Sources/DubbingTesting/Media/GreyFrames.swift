import AudioPrint
import Foundation

/// A video as small grey pictures, a fixed number a second: what can still be recognised when it was encoded anew, scaled, or given
/// another frame rate.
package struct GreyFrames: Sendable {
  /// Pixels of a picture, and pictures a second.
  package static let (width, height, rate) = (32, 18, 60)
  package static let size = width * height

  let count: Int
  /// What each pixel differs from its mean over the whole video by, picture after picture: brightness, bars and logos drop out.
  private let values: [Int16]
  /// Each picture with itself.
  private let energies: [Double]

  /// - Parameter pixels: 8-bit grey, picture after picture.
  package init(_ pixels: [UInt8]) {
    let count = pixels.count / Self.size
    self.count = count
    let values = [Int16](unsafeUninitializedCapacity: count * Self.size) { values, used in
      used = count * Self.size
      pixels.withUnsafeBufferPointer { pixels in
        for pixel in 0..<Self.size {
          var sum = 0
          var index = pixel
          while index < used {
            sum += Int(pixels[index])
            index += Self.size
          }
          let mean = Int16(count > 0 ? (sum + count / 2) / count : 0)
          index = pixel
          while index < used {
            (values.baseAddress! + index).initialize(to: Int16(pixels[index]) - mean)
            index += Self.size
          }
        }
      }
    }
    energies = values.withUnsafeBufferPointer { values in (0..<count).map { Self.product(values, $0, values, $0) } }
    self.values = values
  }

  /// Decodes the first video track; time 0 of the container is picture 0.
  ///
  /// - Parameters:
  ///   - path: a media file.
  ///   - area: the part of the picture that is looked at, as ffmpeg's `crop` has it; nil: all of it.
  /// - Throws: ``DubbingError`` with ffmpeg's own words, and what reading the temporary file throws.
  static func decode(_ path: String, area: String? = nil) async throws -> GreyFrames {
    let file = FileManager.default.temporaryDirectory.appending(path: "frames-\(UUID().uuidString).gray")
    defer { try? FileManager.default.removeItem(at: file) }
    // Scaled before they are repeated or left out, which then costs nothing.
    let crop = area.map { "crop=\($0)," } ?? ""
    let filter = crop + "scale=\(width):\(height):flags=area,format=gray,fps=\(rate):start_time=0"
    _ = try await run(["-v", "error", "-y", "-copyts"], on: path, filter: filter, ["-f", "rawvideo", file.path])
    return GreyFrames([UInt8](try Data(contentsOf: file)))
  }

  /// The smallest part outside of which every picture is black, `width:height:x:y`; nil where nothing was decoded.
  ///
  /// - Throws: ``DubbingError`` with ffmpeg's own words.
  static func areaWithinBars(_ path: String) async throws -> String? {
    // Two pictures a second: an area grows, and never shrinks.
    let filter = "fps=2,cropdetect=round=2:reset=0:skip=0"
    let words = try await run(["-hide_banner"], on: path, filter: filter, ["-f", "null", "-"]).standardError
    return words.matches(of: /crop=(\d+:\d+:\d+:\d+)/).last.map { String($0.output.1) }
  }

  private static func run(
    _ options: [String], on path: String, filter: String, _ output: [String]
  ) async throws -> CommandResult {
    try await MediaTool.read(
      path, with: "ffmpeg", options + ["-nostdin", "-i", path, "-map", "0:v:0", "-vf", filter] + output,
      timeout: .seconds(120))
  }

  /// Standard deviation over time, grey levels of 256: how much the picture changes at all.
  var change: Double {
    guard count > 0 else { return 0 }
    return (energies.reduce(0, +) / Double(count * Self.size)).squareRoot()
  }

  /// Pictures after which motion is looked for: half a second.
  private static let step = rate / 2

  /// How much half a second changes the picture mostly, squared grey levels of 256 a pixel: the median over the whole video.
  var motion: Double {
    let motions = stride(from: 0, to: count - Self.step, by: Self.step / 5).map(motion).sorted()
    return motions.isEmpty ? 0 : motions[motions.count / 2]
  }

  /// The longest stretch of pictures without motion, which is less than `least`.
  ///
  /// - Parameter part: the pictures that are looked at.
  func longestStill(in part: Range<Int>, least: Double) -> Int {
    let part = part.clamped(to: 0..<count)
    var (longest, first) = (0, part.lowerBound)
    for frame in stride(from: part.lowerBound, to: part.upperBound - Self.step, by: 3) {
      if motion(at: frame) < least { longest = max(longest, frame + Self.step - first) } else { first = frame + 3 }
    }
    return longest
  }

  private func motion(at frame: Int) -> Double { difference(frame, frame + Self.step) }

  /// By how much two pictures differ, squared grey levels of 256 a pixel.
  func difference(_ one: Int, _ other: Int) -> Double {
    values.withUnsafeBufferPointer { values in
      (energies[one] + energies[other] - 2 * Self.product(values, one, values, other)) / Double(Self.size)
    }
  }

  /// How alike this video is to another one that shows everything `lag` pictures later, −1…1; every `step`-th picture is compared.
  ///
  /// nil where fewer than `least` pictures could be compared.
  ///
  /// - Parameter part: the pictures of the other video that are looked at; nil: all.
  func likeness(to other: GreyFrames, lag: Int, step: Int, least: Int, within part: Range<Int>? = nil) -> Double? {
    let first = max(0, lag, part?.lowerBound ?? 0)
    let last = min(other.count, count + lag, part?.upperBound ?? .max)
    guard last - first >= least * step else { return nil }
    var (both, mine, theirs) = (0.0, 0.0, 0.0)
    values.withUnsafeBufferPointer { own in
      other.values.withUnsafeBufferPointer { others in
        var frame = first
        while frame < last {
          both += Self.product(own, frame - lag, others, frame)
          mine += energies[frame - lag]
          theirs += other.energies[frame]
          frame += step
        }
      }
    }
    guard mine > 0, theirs > 0 else { return 0 }
    return both / (mine * theirs).squareRoot()
  }

  private static func product(
    _ a: UnsafeBufferPointer<Int16>, _ i: Int, _ b: UnsafeBufferPointer<Int16>, _ j: Int
  ) -> Double {
    guard let first = a.baseAddress, let second = b.baseAddress else { return 0 }
    return Double(Vector.dot(first + i * size, second + j * size, size))
  }
}
