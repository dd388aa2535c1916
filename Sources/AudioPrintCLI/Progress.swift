import AudioPrint
import Foundation

/// Tells on standard error how much has been decoded, so that an hour of audio does not look like a hang.
///
/// Shown if standard error is a terminal, or if it is asked for; scripts that read it get nothing unasked.
struct Progress {
  private let name: String
  private let isTerminal: Bool
  private let isShown: Bool
  /// Seconds of audio from one line to the next: decoding runs at some hundred times real time.
  private static let step = 300.0

  init(_ path: String, always: Bool) {
    name = path.split(separator: "/").last.map(String.init) ?? path
    isTerminal = isatty(STDERR_FILENO) == 1
    isShown = always || isTerminal
  }

  /// Decodes at the commands' rate.
  func decode(_ path: String) async throws -> AudioClip {
    var samples: [Float] = []
    var next = Self.step
    let rate = try await AudioDecoder.decode(path, sampleRate: decodingRate) { piece in
      samples.append(contentsOf: piece)
      let seconds = Double(samples.count) / Double(decodingRate)
      guard seconds >= next else { return }
      tell(seconds, isLast: false)
      next = seconds + Self.step
    }
    let clip = try AudioClip(samples: samples, sampleRate: rate)
    // A short file is decoded before anybody wonders; on a terminal nothing is said of it.
    if !isTerminal || next > Self.step { tell(clip.duration, isLast: true) }
    return clip
  }

  private func tell(_ seconds: Double, isLast: Bool) {
    guard isShown else { return }
    let text = "audioprint: decoded \(seconds.text(0)) s of \(name)"
    let line = isTerminal ? "\r\u{1b}[K" + text + (isLast ? "\n" : "") : text + "\n"
    FileHandle.standardError.write(Data(line.utf8))
  }
}
