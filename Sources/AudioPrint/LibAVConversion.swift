#if LibAV
  import CLibAV

  /// From a decoder's frames to mono samples at another rate, as the `ffmpeg` command does it: stereo of whatever there is, a look at the
  /// channels and the mix, and then one channel's rate is changed.
  final class LibAVConversion {
    private let path: String
    private let format: Int32
    private let sourceRate: Int32
    private let sourceChannels: Int32
    private let channels: Int
    private let rate: Int32
    private var toFloats: OpaquePointer?
    private var toRate: OpaquePointer?
    private var mixer: ChannelMixer
    /// Interleaved, at the source's rate.
    private var waiting: [Float] = []
    /// At the wanted rate.
    private var ready: [Float]

    /// - Parameter before: samples that come before those of this conversion.
    init(_ frame: UnsafePointer<AVFrame>, to rate: Int, path: String, before: [Float]) throws {
      self.path = path
      self.rate = Int32(rate)
      ready = before
      format = frame.pointee.format
      sourceRate = frame.pointee.sample_rate
      sourceChannels = frame.pointee.ch_layout.nb_channels
      channels = sourceChannels == 1 ? 1 : DecodingRequest.channels
      mixer = ChannelMixer(
        channels: channels, gain: channels == 1 ? 1 : DecodingRequest.mixingGain, sampleRate: Int(sourceRate))
      var source = AVChannelLayout()
      var (target, mono, alsoMono) = (AVChannelLayout(), AVChannelLayout(), AVChannelLayout())
      av_channel_layout_default(&target, Int32(channels))
      av_channel_layout_default(&mono, 1)
      av_channel_layout_default(&alsoMono, 1)
      // Containers without a layout tell a number.
      if frame.pointee.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC {
        av_channel_layout_default(&source, sourceChannels)
      } else {
        var layout = frame.pointee.ch_layout
        guard av_channel_layout_copy(&source, &layout) >= 0 else { throw failure(-1) }
      }
      defer { av_channel_layout_uninit(&source) }
      try check(
        swr_alloc_set_opts2(
          &toFloats, &target, AV_SAMPLE_FMT_FLT, sourceRate, &source, AVSampleFormat(format), sourceRate, 0, nil))
      try check(swr_init(toFloats))
      guard sourceRate != self.rate else { return }
      try check(
        swr_alloc_set_opts2(
          &toRate, &mono, AV_SAMPLE_FMT_FLT, self.rate, &alsoMono, AV_SAMPLE_FMT_FLT, sourceRate, 0, nil))
      try check(swr_init(toRate))
    }

    deinit {
      swr_free(&toFloats)
      swr_free(&toRate)
    }

    /// Whether a frame is like those before it; a stream may change in its middle.
    func fits(_ frame: UnsafePointer<AVFrame>) -> Bool {
      frame.pointee.format == format && frame.pointee.sample_rate == sourceRate
        && frame.pointee.ch_layout.nb_channels == sourceChannels
    }

    func add(_ frame: UnsafePointer<AVFrame>) throws {
      let count = Int(frame.pointee.nb_samples)
      guard count > 0 else { return }
      let start = waiting.count
      waiting.append(contentsOf: repeatElement(0, count: count * channels))
      let status = waiting.withUnsafeMutableBytes { bytes in
        var out = bytes.baseAddress.map { ($0 + start * 4).assumingMemoryBound(to: UInt8.self) }
        return frame.pointee.extended_data.withMemoryRebound(
          to: UnsafePointer<UInt8>?.self, capacity: Int(sourceChannels)
        ) {
          swr_convert(toFloats, &out, Int32(count), $0, Int32(count))
        }
      }
      try check(status)
      waiting.removeLast((count - Int(status)) * channels)
    }

    /// What is ready, as soon as so many source samples have come together.
    func take(atLeast count: Int) throws -> [Float] {
      if waiting.count >= count * channels { try convertWaiting() }
      defer { ready.removeAll(keepingCapacity: true) }
      return ready
    }

    /// All that is left.
    func finish() throws -> [Float] {
      try convertWaiting()
      try resample(mixer.finish())
      if toRate != nil { try resample(nil) }
      defer { ready = [] }
      return ready
    }

    private func convertWaiting() throws {
      let mono = channels == 1 ? waiting : waiting.withUnsafeBufferPointer { mixer.mix($0) }
      waiting.removeAll(keepingCapacity: true)
      try resample(mono)
    }

    /// - Parameter mono: nil asks for what the filter still holds.
    private func resample(_ mono: [Float]?) throws {
      guard let toRate else {
        ready += mono ?? []
        return
      }
      if let mono, mono.isEmpty { return }
      let room = Int(swr_get_out_samples(toRate, Int32(mono?.count ?? 0)))
      let start = ready.count
      ready.append(contentsOf: repeatElement(0, count: room))
      let status = ready.withUnsafeMutableBytes { bytes in
        var out = bytes.baseAddress.map { ($0 + start * 4).assumingMemoryBound(to: UInt8.self) }
        guard let mono else { return swr_convert(toRate, &out, Int32(room), nil, 0) }
        return mono.withUnsafeBytes { source in
          var input = source.baseAddress?.assumingMemoryBound(to: UInt8.self)
          return swr_convert(toRate, &out, Int32(room), &input, Int32(mono.count))
        }
      }
      try check(status)
      ready.removeLast(room - Int(status))
    }

    private func check(_ status: Int32) throws { if status < 0 { throw failure(status) } }

    private func failure(_ status: Int32) -> AudioError {
      AudioError(
        .decodingFailed, "the samples of \(path) cannot be converted: error \(status) of libswresample",
        evidence: ["format \(format), \(sourceRate) Hz, \(sourceChannels) channels, to \(rate) Hz"])
    }
  }
#endif
