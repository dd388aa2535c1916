import AudioPrint
import Foundation

/// The sound of a fragment or of a dub, decoded by what its bytes are, whatever they are called.
struct FragmentSound: Sendable {
  /// nil where nothing can be heard of it.
  var clip: AudioClip?
  /// What declaration and bytes do not agree on.
  var problems: [String] = []

  /// How far the declared length may be from the decoded one: an AAC encoder adds and fills up frames, two of them last 128 ms at 16 kHz.
  static let lengthTolerance = 0.15

  /// Decodes a payload; one that cannot be decoded has no clip and says why.
  ///
  /// - Throws: `AudioError` when ffmpeg is missing, and what writing to the temporary folder throws.
  init(_ audio: FragmentAudio) async throws {
    let container = Container(audio.data)
    if audio.isPCM, container == nil {
      // The contract says already what does not hold.
      if audio.problems.isEmpty {
        clip = try AudioClip(audio)
      }
      return
    }
    if audio.isPCM, let container {
      problems.append("the format is declared \(audio.format), the bytes are \(container.rawValue)")
    }
    do {
      let decoded = try await Self.decoded(audio.data)
      clip = decoded
      // 0: the contract has no such field.
      if audio.durationMs > 0, abs(decoded.duration * 1000 - audio.durationMs) > Self.lengthTolerance * 1000 {
        problems.append(
          "duration_ms is \(audio.durationMs.rounded()), the sound lasts \((decoded.duration * 1000).rounded()) ms")
      }
    } catch let error as AudioError where error.code != .toolMissing {
      problems.append("\(audio.data.count) bytes declared \(audio.format) cannot be decoded: \(error.summary)")
    }
  }

  private static func decoded(_ data: Data) async throws -> AudioClip {
    let file = FileManager.default.temporaryDirectory.appending(path: "fragment-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    try data.write(to: file)
    return try await AudioDecoder.decode(file.path)
  }

  /// What a file of sound begins with. Raw samples begin like none of these but by a chance of one in 4 billion.
  enum Container: String {
    case wav = "a WAV file"
    case mp4 = "an MP4 file"
    case ogg = "an Ogg file"
    case flac = "a FLAC file"
    case matroska = "a Matroska file"
    case id3 = "an MP3 file"

    init?(_ data: Data) {
      let head = [UInt8](data.prefix(12))
      func has(_ text: String, at index: Int) -> Bool { head.dropFirst(index).starts(with: text.utf8) }
      switch true {
      case has("RIFF", at: 0) && has("WAVE", at: 8): self = .wav
      case has("ftyp", at: 4): self = .mp4
      case has("OggS", at: 0): self = .ogg
      case has("fLaC", at: 0): self = .flac
      case has("ID3", at: 0) && data.count > 128: self = .id3
      case head.starts(with: [0x1A, 0x45, 0xDF, 0xA3]): self = .matroska
      default: return nil
      }
    }
  }
}

/// What travelled, decoded: the fragments of a stream and the dubs that answered them.
package struct StreamSounds: Sendable {
  /// By sequence number.
  package var fragments: [Int: AudioClip] = [:]
  package var dubs: [Int: AudioClip] = [:]
  /// What declarations and sound do not agree on, one sentence each.
  package var problems: [String] = []

  /// - Parameters:
  ///   - events: what the worker sent.
  ///   - spoken: what STS itself answered.
  /// - Throws: as ``FragmentSound`` does.
  package init(_ events: StreamEvents, spoken: StreamEvents) async throws {
    for fragment in events.fragments {
      let sound = try await FragmentSound(fragment.data.audio)
      fragments[fragment.sequence] = sound.clip
      problems += sound.problems.map { "fragment:data: fragment \(fragment.sequence): \($0)" }
      if let declared = events.openings.last?.config.format, declared != fragment.data.audio.format {
        problems.append(
          "fragment:data: fragment \(fragment.sequence) is \(fragment.data.audio.format), stream:init said \(declared)")
      }
    }
    for fragment in spoken.fragments {
      guard let audio = fragment.firstAnswer?.dubbedAudio else { continue }
      let sound = try await FragmentSound(audio)
      dubs[fragment.sequence] = sound.clip
      problems += sound.problems.map { "fragment:processed: dubbed_audio of fragment \(fragment.sequence): \($0)" }
    }
  }
}
