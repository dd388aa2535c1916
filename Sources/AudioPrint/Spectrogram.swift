import Subprocess

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Levels over time and frequency, for pictures.
package enum Spectrogram {
  /// Number of frequencies, from 0 to 4 kHz.
  package static let rows = 257

  /// Levels in dB, column after column, each from 0 Hz upwards; -120 where the clip has ended.
  ///
  /// - Parameters:
  ///   - clip: what is looked at, of any rate.
  ///   - columns: number of moments that the duration is divided into; one frame of 64 ms is taken from the middle of each.
  ///   - duration: seconds that the columns stand for.
  package static func levels(of clip: AudioClip, columns: Int, duration: Double) -> [Float] {
    let prepared = Waveform(clip)
    let frame = Thresholds.envelopeFrame
    let stft = SpectralFrames(frame: frame, hop: frame)
    var levels = [Float](repeating: -120, count: columns * rows)
    prepared.samples.withUnsafeBufferPointer { samples in
      for column in 0..<columns {
        let middle = (Double(column) + 0.5) / Double(max(1, columns)) * duration * Double(Thresholds.sampleRate)
        let first = Int(middle) - frame / 2
        guard first >= 0, first + frame <= samples.count else { continue }
        stft.forEach(UnsafeBufferPointer(rebasing: samples[first..<first + frame])) { _, spectrum in
          for row in 0..<rows {
            let power =
              (spectrum[row].re * spectrum[row].re + spectrum[row].im * spectrum[row].im) * 16 / Float(frame * frame)
            levels[column * rows + row] = Float(decibels(power: Double(max(power, 1e-12))))
          }
        }
      }
    }
    return levels
  }
}

/// Writes pictures as PNG, through ffmpeg.
package enum PNGWriter {
  /// Writes 8-bit RGB rows, from the top.
  ///
  /// - Throws: ``AudioError`` if ffmpeg is missing or cannot write the file; its words are in the evidence.
  package static func write(_ pixels: [UInt8], width: Int, height: Int, to path: String) async throws {
    try await write(pixels, width: width, height: height, to: path, filter: nil)
  }

  /// - Parameter filter: a filter graph of ffmpeg that the picture goes through.
  static func write(_ pixels: [UInt8], width: Int, height: Int, to path: String, filter: String?) async throws {
    guard width > 0, height > 0, pixels.count == 3 * width * height else {
      throw AudioError(.badFormat, "\(pixels.count) bytes are no RGB picture of \(width) × \(height)")
    }
    // A file rather than ffmpeg's standard input: an ffmpeg that ends early would end this process with SIGPIPE.
    let raw = FileManager.default.temporaryDirectory.appendingPathComponent("audioprint-\(UUID().uuidString).rgb")
    try Data(pixels).write(to: raw)
    defer { try? FileManager.default.removeItem(at: raw) }
    let (_, outcome) = try await FFmpeg.text(
      "ffmpeg",
      [
        "-nostdin", "-hide_banner", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
        "\(width)x\(height)",
        "-i", raw.path,
      ] + (filter.map { ["-vf", $0] } ?? []) + [
        "-frames:v", "1", "-update", "1", "-c:v", "png", "-f", "image2", path,
      ])
    guard outcome.status.isSuccess else {
      throw AudioError(
        .decodingFailed, "the picture \(path) cannot be written",
        evidence: outcome.messages.split(whereSeparator: \.isNewline).map(String.init))
    }
  }
}
