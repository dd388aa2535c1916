extension AudioDecoder {
  /// Decodes one audio track once, to two channels, as ``Continuity`` needs them, and to their mix.
  ///
  /// What is mono comes twice, 3 dB lower, what has more channels is mixed to two. `mixed` is what
  /// ``decode(_:sampleRate:track:start:duration:alignedToTimestamps:allowTruncated:)`` gives.
  ///
  /// - Parameters:
  ///   - path: a file, or a URL that ffmpeg can open.
  ///   - sampleRate: rate of the result in Hz.
  ///   - track: index among the audio tracks, from 0.
  ///   - alignedToTimestamps: as for one channel: sample i has presentation time `i / sampleRate`, gaps become silence.
  ///   - allowTruncated: a file that ends early or has damaged packets gives what could be decoded instead of an error.
  ///   - progress: told how many seconds have been decoded.
  /// - Throws: ``AudioError`` as ``decode(_:sampleRate:track:start:duration:alignedToTimestamps:allowTruncated:)``, and what `progress` throws.
  public static func decodeStereo(
    _ path: String, sampleRate: Int = 8000, track: Int = 0, alignedToTimestamps: Bool = false,
    allowTruncated: Bool = false,
    progress: (Double) throws -> Void = { _ in }
  ) async throws -> (left: AudioClip, right: AudioClip, mixed: AudioClip) {
    try AudioClip.check(sampleRate: sampleRate)
    var request = DecodingRequest(
      path: path, sampleRate: sampleRate, track: track, alignedToTimestamps: alignedToTimestamps)
    try request.validate()
    if alignedToTimestamps { try request.adopt(try await AudioProbe.track(track, of: path)) }
    return try await decodeStereo(request, allowTruncated: allowTruncated, progress: progress)
  }

  /// The first track at 8 kHz, laid where its timestamps say, for whoever has asked ffprobe already.
  ///
  /// - Parameters:
  ///   - path: a file, or a URL that ffmpeg can open.
  ///   - firstSample: presentation time of the track's first sample, seconds.
  /// - Throws: ``AudioError``.
  package static func decodeStereo(
    _ path: String, firstSample: Double
  ) async throws -> (left: AudioClip, right: AudioClip, mixed: AudioClip) {
    var request = DecodingRequest(path: path, sampleRate: 8000, track: 0, alignedToTimestamps: true)
    try request.adopt(firstSample: firstSample)
    return try await decodeStereo(request, allowTruncated: false) { _ in }
  }

  private static func decodeStereo(
    _ request: DecodingRequest, allowTruncated: Bool, progress: (Double) throws -> Void
  ) async throws -> (left: AudioClip, right: AudioClip, mixed: AudioClip) {
    var request = request
    request.decoder = await OpusLibrary.decoder(for: request)
    let sampleRate = request.sampleRate ?? 8000
    let alignment = request.alignment(channels: DecodingRequest.channels)
    let (outcome, interleaved) = try await FFmpeg.stream("ffmpeg", request.arguments) { bytes in
      var reader = SampleReader(
        PipeSource(interleaved: bytes), sampleRate: sampleRate, alignment: alignment, path: request.path)
      var samples: [Float] = []
      while let piece = try await reader.next() {
        samples += piece
        try progress(Double(samples.count / DecodingRequest.channels) / Double(sampleRate))
      }
      return samples
    }
    let frames = interleaved.count / DecodingRequest.channels
    try request.judge(
      failure: outcome.failure, messages: outcome.messages, samples: frames,
      allowTruncated: allowTruncated)
    var mixer = ChannelMixer(
      channels: DecodingRequest.channels, gain: DecodingRequest.pipeGain, sampleRate: sampleRate)
    let mixed = interleaved.withUnsafeBufferPointer { mixer.mix(UnsafeBufferPointer(rebasing: $0[..<(2 * frames)])) }
    func channel(_ index: Int) -> AudioClip {
      let samples = [Float](unsafeUninitializedCapacity: frames) { out, count in
        interleaved.withUnsafeBufferPointer { source in
          while count < frames {
            // The pipe's channels are as much louder as their mix needs.
            out[count] = source[2 * count + index] * DecodingRequest.mixingGain
            count += 1
          }
        }
      }
      return AudioClip(unchecked: samples, sampleRate: sampleRate)
    }
    return (channel(0), channel(1), AudioClip(unchecked: mixed + mixer.finish(), sampleRate: sampleRate))
  }
}
