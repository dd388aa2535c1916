#if LibAV
  import CLibAV

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Darwin)
    import Darwin
  #elseif canImport(Musl)
    import Musl
  #endif

  /// Decodes a file's audio track in this process, through FFmpeg's libraries: one hour costs no second process and no pipe.
  ///
  /// The steps and their settings are those of the `ffmpeg` command that ``DecodingRequest`` describes, so the samples are the same. For
  /// regular files only: what may block is read by a process that can be ended.
  final class LibAVDecoder {
    private let path: String
    private let rate: Int
    private let log = LibAVLog()
    private let deadline = LibAVDeadline()
    private var container: UnsafeMutablePointer<AVFormatContext>?
    private var codec: UnsafeMutablePointer<AVCodecContext>?
    private var packet = av_packet_alloc()
    private var frame = av_frame_alloc()
    private var stream: Int32 = 0
    private var conversion: LibAVConversion?
    private var isDraining = false
    private var isAtEnd = false

    /// Seconds that a file may take to be opened, and to give the next samples: a damaged one must not hold a test.
    private static let patience = 60.0
    /// Seconds of a piece: whoever takes it has work to do once for each, and memory for it.
    private static let piece = 0.35

    /// What the libraries had to complain of so far.
    var messages: String { log.lines.joined(separator: "\n") }

    /// - Throws: ``AudioError`` if the file is missing, no media, or has no such track.
    init(path: String, track: Int, sampleRate: Int) throws {
      (self.path, rate) = (path, sampleRate)
      try log.collecting { try open(track: track) }
    }

    deinit {
      av_frame_free(&frame)
      av_packet_free(&packet)
      avcodec_free_context(&codec)
      avformat_close_input(&container)
    }

    // MARK: Opening

    private func open(track: Int) throws {
      deadline.start(seconds: Self.patience)
      container = avformat_alloc_context()
      guard let allocated = container, packet != nil, frame != nil else { throw outOfMemory() }
      allocated.pointee.interrupt_callback = deadline.callback
      // On failure the context is freed, and the pointer becomes nil. Only files: no protocol that a name may look like.
      var options: OpaquePointer?
      defer { av_dict_free(&options) }
      if MP4Edits.onlyPrime(path) { av_dict_set(&options, "advanced_editlist", "0", 0) }
      try check(avformat_open_input(&container, "file:" + path, nil, &options))
      guard let container else { throw outOfMemory() }
      // Decodes what comes first of each track, and for its own use only; takes as long as two seconds of audio.
      if !isDescribed(container) { try check(avformat_find_stream_info(container, nil)) }
      let streams = UnsafeBufferPointer(start: container.pointee.streams, count: Int(container.pointee.nb_streams))
      let audio = streams.compactMap(\.self).filter { $0.pointee.codecpar.pointee.codec_type == AVMEDIA_TYPE_AUDIO }
      guard audio.indices.contains(track) else {
        throw AudioError.noTrack(track, path: path, evidence: ["audio tracks: \(audio.count)"])
      }
      for other in streams.compactMap(\.self) where other != audio[track] { other.pointee.discard = AVDISCARD_ALL }
      stream = audio[track].pointee.index
      try openCodec(of: audio[track])
    }

    /// Whether the file's header has told all that its decoders need to know, as that of an MP4 with AAC does.
    private func isDescribed(_ container: UnsafeMutablePointer<AVFormatContext>) -> Bool {
      guard let name = container.pointee.iformat?.pointee.name, strncmp(name, "mov,", 4) == 0 else { return false }
      return UnsafeBufferPointer(start: container.pointee.streams, count: Int(container.pointee.nb_streams)).allSatisfy
      {
        guard let codec = $0?.pointee.codecpar?.pointee else { return false }
        guard codec.codec_type == AVMEDIA_TYPE_AUDIO else { return true }
        return codec.codec_id == AV_CODEC_ID_AAC && codec.extradata_size > 0 && codec.sample_rate > 0
          && codec.ch_layout.nb_channels > 0
      }
    }

    private func openCodec(of stream: UnsafeMutablePointer<AVStream>) throws {
      let kind = stream.pointee.codecpar.pointee.codec_id
      let library = kind == AV_CODEC_ID_OPUS ? avcodec_find_decoder_by_name(OpusLibrary.name) : nil
      guard let decoder = library ?? avcodec_find_decoder(kind) else {
        throw AudioError(
          .decodingFailed, "\(path) has audio of a codec that FFmpeg's libraries here cannot decode",
          evidence: log.lines)
      }
      codec = avcodec_alloc_context3(decoder)
      guard let codec else { throw outOfMemory() }
      try check(avcodec_parameters_to_context(codec, stream.pointee.codecpar))
      // With it the decoder leaves out the samples that only prime it.
      codec.pointee.pkt_timebase = stream.pointee.time_base
      codec.pointee.thread_count = 1
      try check(avcodec_open2(codec, decoder, nil))
    }

    private func check(_ status: Int32) throws {
      guard status < 0 else { return }
      log.add("\(path): \(Self.words(status))")
      if deadline.isOver { throw tooSlow() }
      throw AudioError.from(ffmpeg: log.lines, path: path, track: 0, failure: "FFmpeg's libraries gave error \(status)")
    }

    // MARK: Decoding

    /// The next samples, mono, at the wanted rate; nil at the end.
    func next() throws -> [Float]? {
      guard !isAtEnd else { return nil }
      deadline.start(seconds: Self.patience)
      return try log.collecting {
        while true {
          if deadline.isOver { throw tooSlow() }
          guard try receive() else {
            isAtEnd = true
            let rest = try conversion?.finish() ?? []
            return rest.isEmpty ? nil : rest
          }
          if let samples = conversion?.take(atLeast: Self.piece), !samples.isEmpty { return samples }
        }
      }
    }

    /// Decodes one frame into the conversion; false at the end.
    private func receive() throws -> Bool {
      guard let codec, let frame else { return false }
      while true {
        let status = avcodec_receive_frame(codec, frame)
        if status == 0 {
          defer { av_frame_unref(frame) }
          try convert(frame)
          return true
        }
        if status == libav_end_of_file { return false }
        if status != libav_try_again { log.add("Error while decoding \(path): \(Self.words(status))") }
        if isDraining, status != libav_try_again { return false }
        guard try send() else { return false }
      }
    }

    /// Gives the decoder the track's next packet, or the end; false if it has had that.
    private func send() throws -> Bool {
      guard let codec, let packet, !isDraining else { return false }
      while true {
        if deadline.isOver { throw tooSlow() }
        let status = av_read_frame(container, packet)
        if status < 0 {
          if status != libav_end_of_file { log.add("\(path): \(Self.words(status))") }
          isDraining = true
          return avcodec_send_packet(codec, nil) >= 0
        }
        defer { av_packet_unref(packet) }
        guard packet.pointee.stream_index == stream else { continue }
        let sent = avcodec_send_packet(codec, packet)
        if sent < 0, sent != libav_try_again { log.add("Error while decoding \(path): \(Self.words(sent))") }
        return true
      }
    }

    private func convert(_ frame: UnsafeMutablePointer<AVFrame>) throws {
      if conversion?.fits(frame) != true {
        let rest = try conversion?.finish() ?? []
        conversion = try LibAVConversion(frame, to: rate, path: path, before: rest)
      }
      try conversion?.add(frame)
    }

    // MARK: Errors

    private func tooSlow() -> AudioError {
      AudioError(
        .decodingFailed, "\(path) gave no samples within \(Int(Self.patience)) s", evidence: Array(log.lines.suffix(5)),
        next: "does its disk answer? ffmpeg -i \(path) -f null - tells more")
    }

    private func outOfMemory() -> AudioError { AudioError(.decodingFailed, "there is no memory to decode \(path)") }

    private static func words(_ status: Int32) -> String {
      var text = [CChar](repeating: 0, count: 128)
      av_strerror(status, &text, text.count)
      return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// What the libraries decode of a request.
  struct LibAVSource: SampleSource {
    let sampleRate: Int
    private let decoder: LibAVDecoder

    var messages: String { decoder.messages }

    /// Nil if it is for a process of its own: what is no regular file may block, and what is to be sought or aligned is ffmpeg's art.
    init?(_ request: DecodingRequest) throws {
      guard let rate = request.sampleRate, request.start == nil, request.duration == nil, !request.alignedToTimestamps,
        MediaFile(path: request.path).isRegular
      else { return nil }
      sampleRate = rate
      decoder = try LibAVDecoder(path: request.path, track: request.track, sampleRate: rate)
    }

    func next() async throws -> [Float]? {
      try Task.checkCancellation()
      return try decoder.next()
    }
  }
#endif
