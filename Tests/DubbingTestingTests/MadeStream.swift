import AudioPrint
import DubbingTesting
import Foundation
import Testing

/// What a pipeline would leave of a fixture, made with ffmpeg alone: events with real sound, and a recording of the output.
struct MadeStream {
  /// What is in one fragment's place of the output.
  enum Sound: Sendable {
    case dub, original, silence
    case dubOf(Int)
  }

  var fixture: Fixture
  /// Seconds of a fragment.
  var segment = 6.0
  /// Seconds of the fixture that had gone by when the worker joined.
  var joined = 0.0
  /// Whether the last fragment is left out unless it is whole.
  var dropsTail = false
  /// ffmpeg's options for the picture of the output, which is small where they filter it; nil: there is none.
  var picture: [String]? = ["-c:v", "copy"]
  /// How much later than the picture the sound of the output is laid, seconds; below 0 the picture is late.
  var soundDelay = 0.0
  /// By sequence number; the rest is dubbed.
  var sounds: [Int: Sound] = [:]
  /// How fragments and dubs travel: nil for PCM, or a format with ffmpeg's options that make it.
  var coded: (format: String, options: [String])?

  /// Fixtures of whose speech the dubs are made, one after the other; some of their words in another fixture are the same sound.
  var speech = ["counting-on", "sentences", "counting-awb"]
  /// What becomes of the output's sound before it is coded: 16 kHz, mono.
  var damage: @Sendable (inout [Float]) -> Void = { _ in }
  /// ffmpeg's filter on the output's sound, which can tell its channels.
  var filter: String?
  /// ffmpeg's options for the sound of the output.
  var sound = ["-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "2"]
  /// What happens between STS and worker, which plays what it hears; for PCM only.
  var fault: StreamFault?

  static let rate = 16000
  // A hundred streams are made of a few fixtures: each is decoded once.
  private static let originals = OnceEach<String, AudioClip>()
  private static let spoken = OnceEach<[String], [Float]>()
  // Of each the same packets are coded for many streams, and its pictures decoded and made small.
  private static let coded = OnceEach<Coding, [Data]>()
  private static let small = OnceEach<String, Data>()

  private struct Coding: Hashable {
    var sounds: [[Float]]
    var format: String
    var options: [String]
  }

  struct Made {
    /// As the worker saw them.
    var events: StreamEvents
    /// As STS sent them.
    var spoken: StreamEvents
    var recording: URL

    func remove() { try? FileManager.default.removeItem(at: recording.deletingLastPathComponent()) }
  }

  /// The spans of the fixture that the worker cuts, seconds.
  var cuts: [(start: Double, end: Double)] {
    var cuts: [(start: Double, end: Double)] = []
    var start = joined
    while start < fixture.duration - 0.05 {
      let end = min(start + segment, fixture.duration)
      if !dropsTail || end - start > segment - 0.001 { cuts.append((start, end)) }
      start += segment
    }
    return cuts
  }

  func make() async throws -> Made {
    let folder = FileManager.default.temporaryDirectory.appending(path: "made-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let original = try await Self.originals(fixture.media.path) {
      try await AudioDecoder.decode(fixture.media.path, sampleRate: Self.rate, alignedToTimestamps: true)
    }
    let dubs = try await dubs(cuts.map { $0.end - $0.start })
    var output: [Float] = []
    let pieces = cuts.map { original.slice(from: $0.start, to: $0.end).samples }
    let events = events(of: try await audio(pieces), dubs: try await audio(dubs))
    let heard = try fault.map { try Self.heard(events, under: $0) } ?? events
    for (sequence, cut) in cuts.enumerated() {
      let dub = dubs[sequence]
      switch sounds[sequence] ?? .dub {
      case .dub: output += fault == nil ? dub : try Self.played(heard, sequence, count: dub.count)
      case .original: output += original.slice(from: cut.start, to: cut.end).samples
      case .silence: output += dub.map { _ in 0 }
      case .dubOf(let other): output += Array(dubs[other].prefix(dub.count))
      }
    }
    damage(&output)
    let recording = folder.appending(path: "output.flv")
    try await record(Array(repeating: 0, count: max(0, Int(soundDelay * Double(Self.rate)))) + output, to: recording)
    return Made(
      events: StreamEvents(heard, stream: "s"), spoken: StreamEvents(events, stream: "s"), recording: recording)
  }

  private func record(_ sound: [Float], to file: URL) async throws {
    let pcm = file.deletingPathExtension().appendingPathExtension("pcm")
    try Self.pcm16(sound).write(to: pcm)
    let seen = Double(sound.count) / Double(Self.rate) - max(0, soundDelay)
    var arguments: [String] = []
    if let picture {
      var source = fixture.media
      if picture.contains("-vf") {
        source = file.deletingLastPathComponent().appending(path: "small.mp4")
        try await Self.small(fixture.media.path) { [fixture] in try await Self.madeSmall(fixture) }.write(to: source)
      }
      arguments += [
        "-ss", "\(joined)", "-t", "\(seen)", "-itsoffset", "\(max(0, -soundDelay))", "-i", source.path,
      ]
    }
    arguments += ["-f", "s16le", "-ar", "\(Self.rate)", "-ac", "1", "-i", pcm.path]
    arguments += picture.map { ["-map", "0:v", "-map", "1:a"] + $0 } ?? ["-map", "0:a"]
    if let filter { arguments += ["-af", filter] }
    try await MediaTool.make(arguments + self.sound + [file.path])
  }

  private func events(of fragments: [FragmentAudio], dubs: [FragmentAudio]) -> [ObservedEvent] {
    zip(fragments, dubs).enumerated().flatMap { sequence, sounds in
      var data = HealthyRun.data(sequence)
      data.audio = sounds.0
      var processed = HealthyRun.processed(0)
      processed.fragmentID = data.fragmentID
      processed.sequenceNumber = sequence
      processed.transcript =
        fixture.expectedTranscripts.flatMap { sequence < $0.count ? $0[sequence] : nil } ?? "one two"
      processed.dubbedAudio = sounds.1
      let time = Double(sequence) * segment
      return [
        HealthyRun.event(time, .toSTS, .fragmentData(data)),
        HealthyRun.event(
          time + 0.01, .toWorker, .fragmentAck(FragmentAck(fragmentID: data.fragmentID, status: .queued))),
        HealthyRun.event(time + 0.8, .toWorker, .fragmentProcessed(processed)),
      ]
    }
  }

  /// The fixture's pictures in a small size, without loss.
  private static func madeSmall(_ fixture: Fixture) async throws -> Data {
    let file = FileManager.default.temporaryDirectory.appending(path: "small-\(UUID().uuidString).mp4")
    defer { try? FileManager.default.removeItem(at: file) }
    try await MediaTool.make([
      "-i", fixture.media.path, "-an", "-vf", "scale=384:216", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "0",
      file.path,
    ])
    return try Data(contentsOf: file)
  }

  /// How sounds travel.
  private func audio(_ sounds: [[Float]]) async throws -> [FragmentAudio] {
    let bytes: [Data]
    if let (format, options) = coded {
      bytes = try await Self.coded(Coding(sounds: sounds, format: format, options: options)) {
        try await Self.code(sounds, to: format, options)
      }
    } else {
      bytes = sounds.map(Self.pcm16)
    }
    return zip(sounds, bytes).map { samples, data in
      FragmentAudio(
        format: coded?.format ?? FragmentAudio.pcm, sampleRateHz: Self.rate, channels: 1,
        durationMs: Double(samples.count) / Double(Self.rate) * 1000, data: data)
    }
  }

  /// A file of each sound, all made by one ffmpeg, which takes longer to start than to code one.
  private static func code(_ sounds: [[Float]], to format: String, _ options: [String]) async throws -> [Data] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "coded-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = sounds.indices.map { folder.appending(path: "\($0).\(format)") }
    var (inputs, outputs) = ([String](), [String]())
    for (index, file) in files.enumerated() {
      let from = folder.appending(path: "\(index).pcm")
      try pcm16(sounds[index]).write(to: from)
      inputs += ["-f", "s16le", "-ar", "\(rate)", "-ac", "1", "-i", from.path]
      outputs += ["-map", "\(index):a"] + options + [file.path]
    }
    try await MediaTool.make(inputs + outputs)
    return try files.map { try Data(contentsOf: $0) }
  }

  /// Speech of other fixtures, cut to these lengths: no two are alike, and none is the fixture's.
  private func dubs(_ lengths: [Double]) async throws -> [[Float]] {
    let samples = try await Self.spoken(speech) {
      var samples: [Float] = []
      for name in speech {
        samples += try await AudioDecoder.decode(Fixture.named(name).media.path, sampleRate: Self.rate).samples
      }
      return samples
    }
    var start = 0
    return lengths.map { length in
      let count = Int((length * Double(Self.rate)).rounded())
      defer { start += count }
      return Array(samples[start..<start + count])
    }
  }

  private static func pcm16(_ samples: [Float]) -> Data {
    samples.map { Int16(max(-32768, min(32767, ($0 * 32767).rounded()))) }.withUnsafeBytes { Data($0) }
  }
}

extension MediaTool {
  /// Makes a file with ffmpeg. Encoding takes as long as a machine is slow, so that only one that hangs is given up.
  static func make(_ arguments: [String]) async throws {
    // FFmpeg's AAC encoder as it is by default searches for the quietest noise, and for what two channels have in common, which takes
    // most of the time of these tests.
    let quick = arguments.flatMap { $0 == "aac" ? [$0, "-aac_coder", "fast", "-aac_ms", "0"] : [$0] }
    let result = try await run("ffmpeg", ["-v", "error", "-nostdin", "-y"] + quick, timeout: .seconds(600))
    try #require(result.succeeded, "\(result.lastWords)")
  }
}
