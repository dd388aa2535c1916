import Subprocess

/// Reads the audio of any file or URL that ffmpeg reads, streamed through a pipe.
///
/// Needs `ffmpeg` and `ffprobe` on the PATH. With the package's trait `LibAV`, files that are wanted whole are decoded in this process by
/// FFmpeg's libraries instead, which takes less time; the samples are the same.
public enum AudioDecoder {
  /// Decodes one audio track to mono; the sample count is exactly what ffmpeg delivered.
  ///
  /// - Parameters:
  ///   - path: a file, or a URL that ffmpeg can open.
  ///   - sampleRate: rate of the result in Hz; nil keeps the track's own.
  ///   - track: index among the audio tracks, from 0.
  ///   - start: where to begin. Counted from the container's start, or, with `alignedToTimestamps`, a presentation time.
  ///   - duration: how much to decode at most.
  ///   - alignedToTimestamps: sample i of the result has presentation time `start + i / sampleRate` as `ffprobe` prints it: what lies
  ///     before the first sample, and gaps longer than 20 ms, become silence, overlaps are cut. Without it the samples are as
  ///     they come, one after another.
  ///   - allowTruncated: a file that ends early or has damaged packets gives what could be decoded instead of an error.
  /// - Throws: ``AudioError``; its code tells a missing file, no media, no such track, truncation, no samples and a missing ffmpeg apart.
  public static func decode(
    _ path: String, sampleRate: Int? = 8000, track: Int = 0, start: Duration? = nil, duration: Duration? = nil,
    alignedToTimestamps: Bool = false, allowTruncated: Bool = false
  ) async throws -> AudioClip {
    let (samples, rate) = try await withReader(
      of: path, sampleRate: sampleRate, track: track, start: start, duration: duration,
      alignedToTimestamps: alignedToTimestamps, allowTruncated: allowTruncated
    ) { reader in
      var samples: [Float] = []
      while let piece = try await reader.next() { samples += piece }
      return (samples, reader.sampleRate)
    }
    return AudioClip(unchecked: samples, sampleRate: rate)
  }

  /// Decodes one audio track in pieces that the body asks for, so that memory stays constant; ffmpeg is gone when this returns.
  ///
  /// The parameters are those of ``decode(_:sampleRate:track:start:duration:alignedToTimestamps:allowTruncated:)``. A body that does not
  /// read to the end is not told of damage that it did not reach.
  ///
  /// - Throws: ``AudioError``, or what the body throws.
  package static func withReader<R: Sendable>(
    of path: String, sampleRate: Int? = 8000, track: Int = 0, start: Duration? = nil, duration: Duration? = nil,
    alignedToTimestamps: Bool = false, allowTruncated: Bool = false,
    _ body: (inout SampleReader) async throws -> R
  ) async throws -> R {
    try AudioClip.check(sampleRate: sampleRate ?? 1)
    let request = DecodingRequest(
      path: path, sampleRate: sampleRate, track: track, start: start?.inSeconds, duration: duration?.inSeconds,
      alignedToTimestamps: alignedToTimestamps)
    try request.validate()
    #if LibAV
      if let source = try LibAVSource(request) {
        var reader = SampleReader(source, sampleRate: source.sampleRate, alignment: request.alignment, path: path)
        let result = try await body(&reader)
        if reader.isAtEnd {
          try request.judge(
            failure: nil, messages: source.messages, samples: reader.decoded, allowTruncated: allowTruncated)
        }
        return result
      }
    #endif
    return try await withPipe(request, allowTruncated: allowTruncated, body)
  }

  /// Decodes in a process of its own, which may wait for a network or a pipe and can be ended.
  static func withPipe<R: Sendable>(
    _ request: DecodingRequest, allowTruncated: Bool, _ body: (inout SampleReader) async throws -> R
  ) async throws -> R {
    var request = request
    let path = request.path
    if request.sampleRate == nil || request.alignedToTimestamps {
      try request.adopt(try await AudioProbe.track(request.track, of: path))
    }
    request.decoder = await OpusLibrary.decoder(for: request)
    let (rate, alignment) = (request.sampleRate ?? 8000, request.alignment)
    let (outcome, result) = try await FFmpeg.stream("ffmpeg", request.arguments) { bytes in
      var reader = SampleReader(
        PipeSource(bytes, sampleRate: rate), sampleRate: rate, alignment: alignment, path: path)
      let result = try await body(&reader)
      return (result: result, decoded: reader.isAtEnd ? reader.decoded : nil)
    }
    if let decoded = result.decoded {
      try request.judge(
        failure: outcome.failure, messages: outcome.messages, samples: decoded,
        allowTruncated: allowTruncated)
    }
    return result.result
  }
}

/// What is asked of ffmpeg, as a value: its arguments and the verdict on its answer are computed without a process.
struct DecodingRequest {
  var path: String
  var sampleRate: Int?
  var track: Int
  var start: Double?
  var duration: Double?
  var alignedToTimestamps: Bool

  /// Aligning to timestamps fills everything before the first sample with silence; beyond this the clock is a wall clock, and a
  /// decoder that filled it would hang rather than help.
  static let latestStart = 3600.0

  func validate() throws {
    guard track >= 0 else { throw AudioError(.badFormat, "audio track \(track) of \(path): tracks count from 0") }
    guard (start ?? 0) >= 0, (duration ?? 0) >= 0 else {
      throw AudioError(.badFormat, "the span to decode from \(path) has a negative start or duration")
    }
  }

  /// Presentation time of the track's first sample in seconds; containers without timestamps begin at 0.
  private(set) var firstSample = 0.0
  /// How ffprobe calls the track's codec, if it was asked.
  private(set) var codec: String?
  /// The decoder that ffmpeg is to use; nil leaves it the choice.
  var decoder: String?

  mutating func adopt(_ track: AudioProbe.Track) throws {
    if sampleRate == nil { sampleRate = track.sampleRate }
    codec = track.codec
    try adopt(firstSample: track.startTime ?? 0)
  }

  mutating func adopt(firstSample time: Double) throws {
    firstSample = time
    guard alignedToTimestamps, firstSample - (start ?? 0) > Self.latestStart else { return }
    throw AudioError(
      .badFormat,
      "the audio of \(path) starts at timestamp \(firstSample) s: the time before it is too long to be filled with silence",
      next: "pass a start of about \(Int(firstSample)) s, or record with timestamps that begin near 0")
  }

  /// What turns the samples as they come into samples that begin at `start`.
  var alignment: Alignment { alignment(channels: 1) }

  /// The same for interleaved samples.
  func alignment(channels: Int) -> Alignment {
    guard alignedToTimestamps else { return Alignment(lead: 0, limit: nil) }
    let rate = Double(sampleRate ?? 8000)
    return Alignment(
      lead: channels * Int(((firstSample - (start ?? 0)) * rate).rounded()),
      limit: duration.map { channels * Int(($0 * rate).rounded()) })
  }

  /// async=1 only fills gaps and trims overlaps; FLV's millisecond timestamps jitter by 1 ms, so 20 ms is a gap and no rounding.
  static let gapFilter = "aresample=async=1:min_hard_comp=0.02"

  /// Two of whatever there is, so that ``ChannelMixer`` can look at them before it mixes them.
  static let channels = 2
  /// As ffmpeg mixes stereo to mono: what is the same in both comes out 3 dB louder.
  static let mixingGain = Float(0.5).squareRoot()
  /// The same for the channels of a pipe. ffmpeg makes two channels of -3 dB of a mono track; 3 dB more of all make it what it was, to the bit.
  static let pipeGain: Float = 0.5

  private var channels: String {
    "aresample=\(sampleRate ?? 8000),aresample=ochl=stereo:rematrix_volume=1.4142135623730951"
  }

  var arguments: [String] {
    var list = ["-nostdin", "-hide_banner", "-v", "error"]
    if !alignedToTimestamps, let start { list += ["-ss", "\(start)"] }
    if let decoder { list += ["-c:a:\(track)", decoder] }
    list += ["-i", path, "-map", "0:a:\(track)", "-vn", "-sn", "-dn"]
    if alignedToTimestamps {
      // Its first_pts=0 with -copyts would pad the beginning too, but ffmpeg 5.1 then starts the audio of an MPEG-TS that also has
      // video at 0 wherever it starts; so the beginning is padded here, from the start that ffprobe tells.
      list += ["-af", Self.gapFilter + ":osf=fltp," + channels]
      // ffmpeg counts from the container's start, which is at or after time 0; the exact end is cut by the sample.
      if let duration { list += ["-t", "\((start ?? 0) + duration + 1)"] }
    } else {
      // Long pieces, and one channel's rate changed once: less of ffmpeg's time for the same samples.
      list += ["-af", "asetnsamples=n=16384:p=0,aresample=osf=fltp," + channels]
      if let duration { list += ["-t", "\(duration)"] }
    }
    return list + [
      "-ac", "\(Self.channels)", "-ar", "\(sampleRate ?? 8000)", "-flush_packets", "0", "-f", "f32le", "-c:a",
      "pcm_f32le", "pipe:1",
    ]
  }

  /// - Parameter failure: how the decoder failed; nil if it came to the end.
  func judge(failure: String?, messages: String, samples: Int, allowTruncated: Bool) throws {
    let lines = messages.split(whereSeparator: \.isNewline).map(String.init)
    if let failure { throw AudioError.from(ffmpeg: lines, path: path, track: track, failure: failure) }
    let damage = lines.filter { line in Self.damageMarks.contains { line.containsIgnoringCase($0) } }
    if !damage.isEmpty && !allowTruncated {
      throw AudioError(
        .truncated, "\(path) is cut off or damaged: \(samples) samples could be decoded",
        evidence: Array(damage.prefix(5)), next: "record it again, or allow truncated input if what is there is enough")
    }
    if samples == 0 {
      throw AudioError(
        .noSamples, "audio track \(track) of \(path) gave no samples", evidence: Array(lines.suffix(5)),
        next: start == nil
          ? "the track is empty: look at what wrote it" : "does the audio reach the start that was asked for?")
    }
  }

  /// Words with which ffmpeg reports input that ends early or is damaged although it exits with 0.
  private static let damageMarks = [
    "partial file", "truncat", "corrupt", "invalid data found", "error while decoding", "end of file",
    "error submitting packet",
  ]
}

extension String {
  /// ASCII case-insensitive containment.
  func containsIgnoringCase(_ other: String) -> Bool { lowercased().contains(other.lowercased()) }
}

extension Duration {
  /// In seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
