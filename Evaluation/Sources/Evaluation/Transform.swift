import AudioPrint
import Foundation

/// What may happen to audio on its way without anybody dubbing it.
struct Transform: Sendable {
  var name: String
  var arguments: [String]
  var container = "m4a"

  private static let aac = ["-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2"]

  private static func filter(_ name: String, _ filter: String) -> Transform {
    Transform(name: name, arguments: ["-af", filter] + aac)
  }

  static let all: [Transform] = [
    Transform(name: "aac 128k stereo", arguments: aac),
    Transform(name: "aac 64k", arguments: ["-c:a", "aac", "-b:a", "64k", "-ar", "44100"]),
    Transform(name: "aac 32k", arguments: ["-c:a", "aac", "-b:a", "32k", "-ar", "22050"]),
    Transform(name: "aac 128k flv", arguments: ["-c:a", "aac", "-b:a", "128k", "-ar", "44100"], container: "flv"),
    Transform(name: "mp3 128k", arguments: ["-c:a", "libmp3lame", "-b:a", "128k", "-ar", "44100"], container: "mp3"),
    Transform(name: "mp3 48k", arguments: ["-c:a", "libmp3lame", "-b:a", "48k", "-ar", "32000"], container: "mp3"),
    Transform(name: "opus 24k", arguments: ["-c:a", "libopus", "-b:a", "24k"], container: "ogg"),
    Transform(name: "opus 64k", arguments: ["-c:a", "libopus", "-b:a", "64k"], container: "ogg"),
    Transform(
      name: "telephone", arguments: ["-af", "highpass=300,lowpass=3400", "-c:a", "pcm_mulaw", "-ar", "8000"],
      container: "wav"),
    filter("12 dB down", "volume=-12dB"),
    filter("30 dB down", "volume=-30dB"),
    filter("12 dB up, limited", "volume=12dB,alimiter=limit=0.9:level=0"),
    filter("low-pass 4 kHz", "lowpass=4000"),
    filter("equaliser", "equalizer=f=400:t=q:w=1:g=8,equalizer=f=1800:t=q:w=1:g=-10,highpass=200"),
    filter("compressor", "acompressor=threshold=-30dB:ratio=4:attack=5:release=80:makeup=4"),
    filter("resampled to 11025", "aresample=11025,aresample=48000"),
    filter("uneven stereo", "pan=stereo|c0=0.9*c0|c1=0.2*c0"),
    filter("250 ms late", "adelay=250:all=1"),
    filter("3.3 s late", "adelay=3300:all=1"),
    // The source is at -22 dBFS; white noise of amplitude 0.0434 has -32.
    Transform(
      name: "noise 10 dB below",
      arguments: ["-filter_complex", "anoisesrc=c=white:a=0.0434:r=16000:d=30:seed=5[n];[0:a][n]amix=2:normalize=0"]
        + aac),
  ]
}

/// What may have been put in the original's place.
enum Replacement: String, CaseIterable, Sendable {
  case language = "other language"
  case words = "same voice, other words"
  case over12 = "voice over, original 12 dB under"
  case over18 = "voice over, original 18 dB under"
  case silence
  case noise
  case otherFragment = "other fragment of the stream"
  case swapped = "neighbours swapped"
  case shifted = "shifted by one fragment"
  case partial = "first and last fragment replaced"
  case loop = "one fragment in a loop"
  // Not part of the 30 s and window figures: the original is louder than what was put over it.
  case under12 = "voice 12 dB under the original"
  case under18 = "voice 18 dB under the original"

  static let counted = allCases.filter { ![.under12, .under18].contains($0) }

  func output(of material: Material) throws -> AudioClip {
    let (dubbed, parts) = (material.dubbed, (0..<Material.fragments).map(material.part))
    func over(_ decibels: Double) throws -> AudioClip {
      let voice = try AudioClip.joined(dubbed)
      return try voice.mixed(with: material.original.levelled(voice.level - decibels))
    }
    switch self {
    case .language: return try .joined(dubbed)
    case .words: return try .joined(material.otherWords)
    case .over12: return try over(12)
    case .over18: return try over(18)
    case .under12: return try over(-12)
    case .under18: return try over(-18)
    case .silence: return try .silence(Material.seconds)
    case .noise: return try .noise(Material.seconds, seed: 9)
    case .otherFragment: return try .joined([3, 4, 0, 1, 2].map { parts[$0] })
    case .swapped: return try .joined([1, 0, 3, 2, 2].map { parts[$0] })
    case .shifted: return try .joined([4, 0, 1, 2, 3].map { parts[$0] })
    case .partial: return try .joined([dubbed[0], parts[1], parts[2], parts[3], dubbed[4]])
    case .loop: return try .joined([2, 2, 4, 2, 2].map { $0 == 4 ? dubbed[2] : parts[1] })
    }
  }

  /// Whether nothing of the window is the original in its own place.
  func isReplaced(from start: Double, to end: Double) -> Bool {
    switch self {
    case .partial: end <= 6 || start >= 24
    // Fragment 1 is in its own place in the loop, the swap and the reshuffle leave none.
    case .loop: end <= 6 || start >= 12
    default: true
    }
  }
}
