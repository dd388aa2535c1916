import ComposeTesting
import Foundation
import Subprocess
import Testing

// Requests to the decoder and tracks are made here by their synthesized initialisers.
@testable import AudioPrint

@Suite("Decoding through ffmpeg", .kind(.computing))
struct AudioDecoderTests {
  private func failure(_ path: String, track: Int = 0) async -> AudioError? {
    do {
      _ = try await AudioDecoder.decode(path, track: track)
      return nil
    } catch {
      return error as? AudioError
    }
  }

  @Test("The sample count is exact, and start and duration are kept", arguments: [8000, 48000, 44100])
  func exact(rate: Int) async throws {
    try await Media.withFolder { folder in
      let clip = try AudioClip.tone(440, 2, sampleRate: rate)
      let path = folder + "/tone.wav"
      try await Media.write(clip, to: path, ["-c:a", "pcm_f32le"])
      #expect(try await AudioDecoder.decode(path).samples.count == 16000)
      let native = try await AudioDecoder.decode(path, sampleRate: nil)
      #expect(native.sampleRate == rate && native.samples == clip.samples)
      let part = try await AudioDecoder.decode(
        path, sampleRate: rate, start: .milliseconds(500), duration: .milliseconds(250))
      #expect(part.samples == clip.slice(from: 0.5, to: 0.75).samples)
    }
  }

  @Test("Each audio track can be chosen; the one that is not there is an error that says so")
  func tracks() async throws {
    try await Media.withFolder { folder in
      let path = folder + "/two.mkv"
      try await Media.ffmpeg([
        "-f", "lavfi", "-i", "sine=440:duration=1:sample_rate=16000", "-f", "lavfi", "-i", "anullsrc=r=16000:d=1",
        "-map", "0", "-map", "1", "-t", "1", "-c:a", "pcm_s16le", path,
      ])
      #expect(try await AudioProbe.tracks(of: path).map(\.sampleRate) == [16000, 16000])
      #expect(try await AudioDecoder.decode(path, track: 0).level > -40)
      #expect(try await AudioDecoder.decode(path, track: 1).level == -.infinity)
      let error = await failure(path, track: 2)
      #expect(error?.code == .noAudioTrack)
    }
  }

  /// Audio that starts at 0.5 s, with and without a video that starts at 0.
  @Test("Sample 0 is presentation time 0 when timestamps are kept", arguments: ["flv", "mp4", "ts"], [true, false])
  func timestamps(container: String, withVideo: Bool) async throws {
    try await Media.withFolder { folder in
      let path = "\(folder)/late.\(container)"
      // Without B-frames, whose decoding order would shift every timestamp by two frames in flv and ts.
      let video = [
        "-f", "lavfi", "-i", "testsrc=size=64x64:rate=25:duration=2", "-map", "1:v", "-c:v", "libx264", "-bf", "0",
      ]
      try await Media.ffmpeg(
        ["-itsoffset", "0.5", "-f", "f32le", "-ar", "48000", "-ac", "1", "-i", "pipe:0"] + (withVideo ? video : [])
          + ["-map", "0:a", "-copyts", "-muxdelay", "0", "-muxpreload", "0", "-c:a", "aac", "-b:a", "128k", path],
        input: Media.pcm(try burst(48000)))
      let clip = try await AudioDecoder.decode(path, alignedToTimestamps: true)
      let track = try #require(try await AudioProbe.tracks(of: path).first)
      // AAC's encoder delay (1024 of 48,000) is a negative start or an edit list in mp4, and extra 21 ms in flv and ts.
      let onset = try #require(clip.samples.firstIndex { abs($0) > 0.1 })
      let shown = Double(onset) / 8000
      let expected = 0.5 + 0.3
      #expect(abs(shown - expected) < 0.03, "onset at \(shown) s; track \(track)")
      let later = try await AudioDecoder.decode(
        path, start: .milliseconds(700), duration: .milliseconds(300), alignedToTimestamps: true)
      let laterOnset = try #require(later.samples.firstIndex { abs($0) > 0.1 })
      #expect(later.samples.count == 2400)
      #expect(abs(laterOnset + 5600 - onset) <= 2)
    }
  }

  /// 0.3 s of silence, then a tone.
  private func burst(_ rate: Int) throws -> AudioClip {
    try .joined([.silence(0.3, sampleRate: rate), .tone(1000, 1, sampleRate: rate)])
  }

  @Test("A gap in the timestamps becomes silence of its length")
  func gap() async throws {
    try await Media.withFolder { folder in
      let path = folder + "/gap.flv"
      // 14 packets of 1024 samples from 0.51 s on are dropped, the timestamps of the others stay.
      try await Media.write(
        .tone(1000, 1.5, sampleRate: 48000), to: path,
        ["-c:a", "aac", "-b:a", "128k", "-bsf:a", "noise=drop='between(n\\,24\\,37)'"])
      let plain = try await AudioDecoder.decode(path)
      let aligned = try await AudioDecoder.decode(path, alignedToTimestamps: true)
      #expect(abs(aligned.duration - plain.duration - 0.3) < 0.05)
      #expect(aligned.slice(from: 0.6, to: 0.75).level < -60)
    }
  }

  @Test("A missing file, a text, a video without sound and an empty sound are told apart")
  func badInput() async throws {
    try await Media.withFolder { folder in
      let text = folder + "/text.mp4"
      try Data(String(repeating: "no media at all\n", count: 200).utf8).write(to: URL(fileURLWithPath: text))
      let mute = folder + "/mute.mp4"
      try await Media.ffmpeg(["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=1", mute])
      let empty = folder + "/empty.wav"
      try await Media.write(try AudioClip(samples: [], sampleRate: 8000), to: empty, ["-c:a", "pcm_s16le"])
      let cases: [(String, AudioError.Code, String)] = [
        (folder + "/none.mp4", .fileMissing, "No such file or directory"), (folder, .fileMissing, "Is a directory"),
        (text, .notMedia, "Invalid data"), (mute, .noAudioTrack, "matches no streams"),
        (empty, .noSamples, "no samples"),
      ]
      for (path, code, words) in cases {
        let error = await failure(path)
        #expect(error?.code == code, "\(path): \(error.map(String.init(describing:)) ?? "no error")")
        #expect(error?.description.contains(words) == true, "\(error.map(String.init(describing:)) ?? "")")
      }
    }
  }

  @Test("A file that is cut off is an error, unless what is there is enough", arguments: ["index last", "index first"])
  func truncated(layout: String) async throws {
    try await Media.withFolder { folder in
      let path = folder + "/whole.mp4"
      let flags = layout == "index first" ? ["-movflags", "+faststart"] : []
      try await Media.write(.noise(4, sampleRate: 48000), to: path, ["-c:a", "aac", "-b:a", "128k"] + flags)
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      let cut = folder + "/cut.mp4"
      try data.prefix(data.count / 2).write(to: URL(fileURLWithPath: cut))
      #expect(await failure(cut)?.code == .truncated)
      if layout == "index first" {
        let rest = try await AudioDecoder.decode(cut, allowTruncated: true)
        #expect((1.0...3.0).contains(rest.duration))
      }
    }
  }

  @Test(
    "Opus is decoded by its own library, whatever it is packed in: ffmpeg's own decoder clicks",
    arguments: ["ogg", "mkv", "webm", "mp4", "ts"])
  func opus(container: String) async throws {
    let notes = try AudioClip.notes(8, seed: 1)
    try await Media.withFolder { folder in
      let (path, reference) = ("\(folder)/notes.\(container)", folder + "/reference.wav")
      try await Media.write(notes, to: path, ["-c:a", "libopus", "-b:a", "24k"])
      try await Media.ffmpeg(["-c:a", "libopus", "-i", path, "-ar", "8000", "-c:a", "pcm_f32le", reference])
      let expected = try await AudioDecoder.decode(reference).samples
      var heard = [
        try await AudioDecoder.decode(path).samples, try await AudioDecoder.decodeStereo(path).mixed.samples,
      ]
      // Other containers do not begin at 0, or only nearly.
      if container == "ogg" { heard.append(try await AudioDecoder.decode(path, alignedToTimestamps: true).samples) }
      for (way, samples) in heard.enumerated() {
        #expect(samples.count == expected.count, "\(way): \(samples.count), \(expected.count)")
        let apart = zip(samples, expected).map { abs($0 - $1) }.max() ?? 1
        // ffmpeg's own decoder is off by a fifth of the loudest sample.
        #expect(apart < 2e-4, "\(way): \(apart)")
      }
    }
  }

  @Test("What only speaks of Opus, and Opus beside another codec, are decoded as what they are")
  func notOpus() async throws {
    try await Media.withFolder { folder in
      let tone = try AudioClip.tone(440, 1, sampleRate: 48000)
      for container in ["m4a", "mp3", "mkv"] {
        let path = "\(folder)/named.\(container)"
        let codec = container == "mp3" ? "libmp3lame" : "aac"
        try await Media.write(tone, to: path, ["-metadata", "title=Opus 1", "-c:a", codec, "-b:a", "128k"])
        let level = try await AudioDecoder.decode(path).level
        #expect(MediaFile(path: path).mayHoldOpus && abs(level + 9) < 1, "\(container): \(level)")
      }
      let both = folder + "/both.mkv"
      try await Media.ffmpeg(
        ["-f", "f32le", "-ar", "48000", "-ac", "1", "-i", "pipe:0", "-map", "0", "-map", "0", "-c:a:0", "aac"]
          + ["-c:a:1", "libopus", both], input: Media.pcm(tone))
      for track in [0, 1] {
        let level = try await AudioDecoder.decode(both, track: track).level
        #expect(abs(level + 9) < 1, "track \(track): \(level)")
      }
      // Long enough for the index, which is at the end, not to be among the first bytes.
      let notes = try AudioClip.notes(20, seed: 1)
      for codec in ["libopus", "aac"] {
        let path = "\(folder)/\(codec).mp4"
        try await Media.write(notes, to: path, ["-c:a", codec, "-b:a", "96k"])
        #expect(MediaFile(path: path).mayHoldOpus == (codec == "libopus"))
      }
      #expect(!MediaFile(path: folder).mayHoldOpus && !MediaFile(path: folder + "/none").mayHoldOpus)
    }
  }

  @Test("NaN in float PCM is an error")
  func notFinite() async throws {
    try await Media.withFolder { folder in
      let path = folder + "/nan.wav"
      let raw = [Float](repeating: .nan, count: 800).withUnsafeBytes { Array($0) }
      try await Media.ffmpeg(
        ["-f", "f32le", "-ar", "8000", "-ac", "1", "-i", "pipe:0", "-c:a", "pcm_f32le", path], input: raw)
      #expect(await failure(path)?.code == .notFinite)
    }
  }

  @Test("A tool that is not installed is named, with what to do")
  func toolMissing() async throws {
    let error = await #expect(throws: AudioError.self) { try await FFmpeg.text("ffmpeg-of-nowhere", []) }
    #expect(error?.code == .toolMissing && error?.underlying is SubprocessError)
    #expect(error?.description.contains("make setup") == true)
  }

  @Test("Impossible requests are refused before ffmpeg is run")
  func requests() async {
    for (track, start) in [(-1, Duration.zero), (0, .seconds(-1))] {
      let error = await #expect(throws: AudioError.self) {
        try await AudioDecoder.decode("any.wav", track: track, start: start)
      }
      #expect(error?.code == .badFormat)
    }
    await #expect(throws: AudioError.self) { try await AudioDecoder.decode("any.wav", sampleRate: 0) }
  }

  @Test("Timestamps of a wall clock are refused, unless the start is one of them", arguments: [nil, 1_700_000_000.0])
  func wallClock(start: Double?) throws {
    var request = DecodingRequest(
      path: "live.flv", sampleRate: 8000, track: 0, start: start, duration: 1, alignedToTimestamps: true)
    let track = AudioProbe.Track(sampleRate: 48_000, startTime: 1_700_000_000.5)
    if start == nil {
      let error = #expect(throws: AudioError.self) { try request.adopt(track) }
      #expect(error?.code == .badFormat)
    } else {
      try request.adopt(track)
      #expect(request.firstSample == 1_700_000_000.5)
    }
  }

  @Test("A sample that a pipe cuts in two is put together again")
  func cutSample() async throws {
    try await Media.withFolder { folder in
      let (path, noise) = (folder + "/raw", try AudioClip.noise(1))
      // Two channels, of which one is silent: ffmpeg has made them 3 dB louder, and the mix is their mean.
      let frames: [Float] = noise.samples.flatMap { [$0, Float(0)] }
      try Data(frames.withUnsafeBytes { Array($0) }).write(to: URL(fileURLWithPath: path))
      let pieces = "head -c 6 '\(path)'; sleep 0.1; tail -c +7 '\(path)'"
      let (_, samples) = try await FFmpeg.stream("sh", ["-c", pieces]) { bytes in
        var reader = SampleReader(
          PipeSource(bytes, sampleRate: 8000), sampleRate: 8000, alignment: Alignment(lead: 0, limit: nil), path: path)
        var samples: [Float] = []
        while let piece = try await reader.next() { samples += piece }
        return samples
      }
      #expect(samples == noise.samples.map { $0 / 2 })
    }
  }
}
