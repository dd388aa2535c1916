extension AudioDecoder {
  /// Decodes one audio track to two channels, for ``Continuity``: what is mono comes twice, what has more is mixed to two.
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
  ) async throws -> (left: AudioClip, right: AudioClip) {
    try AudioClip.check(sampleRate: sampleRate)
    var request = DecodingRequest(
      path: path, sampleRate: sampleRate, track: track, alignedToTimestamps: alignedToTimestamps)
    try request.validate()
    if alignedToTimestamps { try request.adopt(try await AudioProbe.track(track, of: path)) }
    let alignment = request.alignment(channels: 2)
    let filter = alignedToTimestamps ? ["-af", DecodingRequest.gapFilter] : []
    let arguments =
      ["-nostdin", "-hide_banner", "-v", "error", "-i", path, "-map", "0:a:\(track)", "-vn", "-sn", "-dn"] + filter
      + [
        "-ac", "2", "-ar", "\(sampleRate)", "-flush_packets", "0", "-f", "f32le", "-c:a", "pcm_f32le", "pipe:1",
      ]
    let (outcome, channels) = try await FFmpeg.stream("ffmpeg", arguments) { bytes in
      var reader = SampleReader(
        PipeSource(interleaved: bytes), sampleRate: sampleRate, alignment: alignment, path: path)
      var channels: [[Float]] = [[], []]
      // A piece may end between the two samples of a frame.
      var next = 0
      while let piece = try await reader.next() {
        for channel in 0..<2 {
          channels[channel] += stride(from: (channel + next) % 2, to: piece.count, by: 2).map { piece[$0] }
        }
        next = (next + piece.count) % 2
        try progress(Double(channels[0].count) / Double(sampleRate))
      }
      return channels
    }
    try request.judge(
      failure: outcome.status.isSuccess ? nil : "\(outcome.status)", messages: outcome.messages,
      samples: channels[1].count, allowTruncated: allowTruncated)
    let frames = min(channels[0].count, channels[1].count)
    let clips = channels.map { AudioClip(unchecked: Array($0.prefix(frames)), sampleRate: sampleRate) }
    return (clips[0], clips[1])
  }
}
