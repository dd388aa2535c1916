import AudioPrint
import Foundation

/// Tells on standard error how much has been decoded, so that an hour of audio does not look like a hang.
///
/// Shown if standard error is a terminal, or if it is asked for; scripts that read it get nothing unasked.
final class Progress {
  private let name: String
  private let isTerminal: Bool
  private let isShown: Bool
  /// Seconds of audio from one line to the next: decoding runs at some hundred times real time.
  private static let step = 300.0
  private var (next, seconds) = (step, 0.0)

  init(_ path: String, always: Bool) {
    name = path.split(separator: "/").last.map(String.init) ?? path
    isTerminal = isatty(STDERR_FILENO) == 1
    isShown = always || isTerminal
  }

  /// Decodes at the commands' rate.
  func decode(_ path: String, track: Int) async throws -> AudioClip {
    let samples = try await AudioDecoder.withReader(of: path, sampleRate: decodingRate, track: track) { reader in
      var samples: [Float] = []
      while let piece = try await reader.next() {
        samples += piece
        decoded(Double(reader.count) / Double(decodingRate))
      }
      return samples
    }
    finish()
    return try AudioClip(samples: samples, sampleRate: decodingRate)
  }

  func decoded(_ seconds: Double) {
    self.seconds = seconds
    guard seconds >= next else { return }
    tell(isLast: false)
    next = seconds + Self.step
  }

  /// A short file is decoded before anybody wonders; on a terminal nothing is said of it.
  func finish() {
    if !isTerminal || next > Self.step { tell(isLast: true) }
  }

  private func tell(isLast: Bool) {
    guard isShown else { return }
    let text = "audioprint: decoded \(seconds.text(0)) s of \(name)"
    let line = isTerminal ? "\r\u{1b}[K" + text + (isLast ? "\n" : "") : text + "\n"
    FileHandle.standardError.write(Data(line.utf8))
  }
}
