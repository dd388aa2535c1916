import AudioPrint
import Foundation

/// A program that writes down what is said in clips: a second pair of ears, which STS knows nothing of.
///
/// ``DubbingSettings/listener`` names it; without one nobody listens, and ``DubbingVerdict/Check/Name/heardAgain`` is not asked.
package struct Listener: Sendable {
  /// For `sh`. It gets `--language` and a code, reads one JSON object a line (`id`, `sample_rate_hz`, `data_base64`: mono, 16 bit), and
  /// writes one with `id` and `text` for each. `readings` may say how else the text can be read: figures run together, `1112` for `11 12`.
  var command: String

  package init(command: String) {
    self.command = command
  }

  /// Model loading included.
  static let timeout = Duration.seconds(180)
  /// Hz; what recognisers take.
  static let sampleRate = 16000

  static var chosen: Listener? { DubbingSettings.current.listener.map(Listener.init) }

  private struct Question: Encodable {
    var id: Int
    /// Hz.
    var sampleRate: Int
    var data: Data

    enum CodingKeys: String, CodingKey {
      case id
      case sampleRate = "sample_rate_hz"
      case data = "data_base64"
    }
  }

  private struct Answer: Decodable {
    var id: Int
    var text: String
    var readings: [String]?
  }

  /// What was said in each clip: how it is read first, and how else it may be.
  ///
  /// - Parameter folder: where the question is kept, beside the stream's recording.
  /// - Throws: ``DubbingError`` when the program fails, does not end in time, or leaves a clip out.
  package func hear(_ clips: [Int: AudioClip], language: String, folder: URL) async throws -> [Int: [String]] {
    guard !clips.isEmpty else { return [:] }
    let file = folder.appending(path: "listened.jsonl")
    let encoder = JSONEncoder()
    // A third of base64 may be slashes.
    encoder.outputFormatting = .withoutEscapingSlashes
    var lines = Data()
    for (id, clip) in clips.sorted(by: { $0.key < $1.key }) {
      lines += try encoder.encode(Question(id: id, sampleRate: clip.sampleRate, data: clip.pcm16))
      lines.append(UInt8(ascii: "\n"))
    }
    try lines.write(to: file)
    let result = try await MediaTool.run(
      "sh", ["-c", "\(command) --language \"$1\" <\"$0\"", file.path, language], timeout: Self.timeout)
    func failed(_ reason: String) -> DubbingError {
      DubbingError(
        .programFailed, command: "\(command) --language \(language) <\(file.path)", reason: "the listener \(reason)",
        next: "run it by hand; where the settings name no listener nobody listens")
    }
    guard result.succeeded else { throw failed("failed: \(result.lastWords)") }
    var heard: [Int: [String]] = [:]
    for line in result.standardOutput.split(whereSeparator: \.isNewline) {
      guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(line.utf8)) else {
        throw failed("wrote what is no answer: \(line.prefix(200))")
      }
      heard[answer.id] = [answer.text] + (answer.readings ?? [])
    }
    let missing = Set(clips.keys).subtracting(heard.keys).sorted()
    guard missing.isEmpty else { throw failed("left clips out: \(missing.list)") }
    return heard
  }
}

extension StreamEvidence {
  /// The same with what a listener heard in each window whose fragment has a translation.
  package func heard(by listener: Listener?, in recording: URL, folder: URL) async throws -> StreamEvidence {
    guard let listener, output != nil else { return self }
    let sound = try await AudioDecoder.decode(
      recording.path, sampleRate: Listener.sampleRate, alignedToTimestamps: true)
    var clips: [Int: AudioClip] = [:]
    for window in windows where !translation(window.sequence).isEmpty {
      guard let place = window.place else { continue }
      let start = (place.output.lowerBound + window.lag).seconds
      clips[window.sequence] = try sound.part(
        from: start, to: start + (place.output.upperBound - place.output.lowerBound).seconds)
    }
    var evidence = self
    let heard = try await listener.hear(clips, language: fixture.targetLanguage, folder: folder)
    evidence.heard = Dictionary(
      uniqueKeysWithValues: heard.map { ($0, WordErrorRate.closest(of: $1, to: translation($0))) })
    return evidence
  }
}

// Does the dub say what the translation says? Identity cannot tell: noise that STS itself made is its own.
extension DubbingVerdict {
  /// Above this share of the words the dub is not understood. Sentences of Kokoro measured 0 to 3 % (2026-11-28).
  static let mostMisheard = 0.15

  static func heardAgain(_ evidence: StreamEvidence, _ rate: WordErrorRate) -> Finding {
    let bound = "at most \(WordErrorRate.percent(mostMisheard)) may be misheard"
    // Of few words one or two may be: Whisper was seen to write `once, doce` as 1112, and `uno, dos` as "uno o dos".
    let allowed = max(mostMisheard * Double(rate.count), min(2, Double(rate.count) / 2))
    guard Double(rate.errors) > allowed else { return Finding(problems: [], measured: "\(rate) misheard, \(bound)") }
    let differences = (evidence.heard ?? [:]).sorted { $0.key < $1.key }.compactMap { sequence, text -> String? in
      let said = evidence.translation(sequence)
      guard WordErrorRate.plainWords(said) != WordErrorRate.plainWords(text) else { return nil }
      return "fragment \(sequence): '\(said)' was to be heard, and '\(text)' was"
    }
    return Finding(problems: ["\(rate) misheard, \(bound)"] + differences, measured: "")
  }
}

extension AudioClip {
  /// 16 bit, little-endian.
  fileprivate var pcm16: Data {
    var bytes = Data(capacity: samples.count * 2)
    for sample in samples {
      let value = Int16(max(-1, min(1, sample)) * 32767)
      bytes.append(UInt8(truncatingIfNeeded: value))
      bytes.append(UInt8(truncatingIfNeeded: value >> 8))
    }
    return bytes
  }

  /// Seconds; what lies outside is left out.
  fileprivate func part(from start: Double, to end: Double) throws -> AudioClip {
    let first = min(max(0, Int(start * Double(sampleRate))), samples.count)
    let last = min(max(first, Int(end * Double(sampleRate))), samples.count)
    return try AudioClip(samples: Array(samples[first..<last]), sampleRate: sampleRate)
  }
}
