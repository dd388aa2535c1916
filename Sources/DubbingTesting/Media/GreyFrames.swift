import Foundation

/// A video as small grey pictures, a fixed number a second: what can still be recognised when it was encoded anew, scaled, or given
/// another frame rate.
struct GreyFrames: Sendable {
  /// Pixels of a picture, and pictures a second.
  static let (width, height, rate) = (32, 18, 60)
  static let size = width * height

  let count: Int
  /// What each pixel differs from its mean over the whole video by, picture after picture: brightness, bars and logos drop out.
  private let values: [Int16]

  /// - Parameter pixels: 8-bit grey, picture after picture.
  init(_ pixels: [UInt8]) {
    let count = pixels.count / Self.size
    self.count = count
    values = [Int16](unsafeUninitializedCapacity: count * Self.size) { values, used in
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
  }

  /// Decodes the first video track; time 0 of the container is picture 0.
  ///
  /// - Throws: ``DubbingError`` with ffmpeg's own words, and what reading the temporary file throws.
  static func decode(_ path: String) async throws -> GreyFrames {
    let file = FileManager.default.temporaryDirectory.appending(path: "frames-\(UUID().uuidString).gray")
    defer { try? FileManager.default.removeItem(at: file) }
    // Scaled before they are repeated or left out, which then costs nothing.
    let filter = "scale=\(width):\(height):flags=area,format=gray,fps=\(rate):start_time=0"
    let result: CommandResult
    do {
      result = try await MediaTool.run(
        "ffmpeg",
        ["-v", "error", "-nostdin", "-y", "-copyts", "-i", path, "-map", "0:v:0", "-vf", filter, "-f", "rawvideo"] + [
          file.path
        ], timeout: .seconds(120))
    } catch let error as DubbingError {
      throw DubbingError(unreadable: path, program: "ffmpeg", reason: error.description)
    }
    guard result.succeeded else { throw DubbingError(unreadable: path, program: "ffmpeg", reason: result.lastWords) }
    return GreyFrames([UInt8](try Data(contentsOf: file)))
  }

  /// Standard deviation over time, grey levels of 256: how much the picture changes at all.
  var change: Double {
    guard count > 0 else { return 0 }
    let energy = values.withUnsafeBufferPointer { values in
      stride(from: 0, to: count, by: 4).reduce(0.0) { $0 + Self.product(values, $1, values, $1) }
    }
    return (energy / Double((count + 3) / 4 * Self.size)).squareRoot()
  }

  /// How alike this video is to another one that shows everything `lag` pictures later, −1…1; every `step`-th picture is compared.
  ///
  /// nil where fewer than `least` pictures could be compared.
  func likeness(to other: GreyFrames, lag: Int, step: Int, least: Int) -> Double? {
    let first = max(0, lag)
    let last = min(other.count, count + lag)
    guard last - first >= least * step else { return nil }
    var (both, mine, theirs) = (0.0, 0.0, 0.0)
    values.withUnsafeBufferPointer { own in
      other.values.withUnsafeBufferPointer { others in
        var frame = first
        while frame < last {
          both += Self.product(own, frame - lag, others, frame)
          mine += Self.product(own, frame - lag, own, frame - lag)
          theirs += Self.product(others, frame, others, frame)
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
    let (one, two) = (first + i * size, second + j * size)
    var sum: Int32 = 0
    var pixel = 0
    while pixel < size {
      sum &+= Int32(one[pixel]) &* Int32(two[pixel])
      pixel &+= 1
    }
    return Double(sum)
  }
}
