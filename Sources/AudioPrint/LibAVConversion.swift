#if LibAV
  import CKernels
  import CLibAV

  /// From a decoder's frames to mono samples at another rate, as the `ffmpeg` command does it: one or two channels of whatever there is, a
  /// look at them and the mix, and then one channel's rate is changed.
  final class LibAVConversion {
    private let path: String
    private let format: Int32
    private let sourceRate: Int32
    private let sourceChannels: Int32
    private let channels: Int
    private let rate: Int32
    /// Nil if the decoder gives the floats that are wanted.
    private var toFloats: OpaquePointer?
    private var converted = av_frame_alloc()
    /// One of the two, or neither if the rate is right.
    private var rateFilter: LibAVRateFilter?
    private var toRate: OpaquePointer?

    /// Two channels that are not mixed yet, one after the other, and their mix: blocks are short enough to stay in a processor's cache.
    private var planes: AlignedBuffer<Float>
    private var waiting = 0
    private let block: Int
    private var standIn = StandInChannel()
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
      block = StandInChannel.block(sampleRate: Int(sourceRate))
      planes = AlignedBuffer(3 * block)
      if sourceRate != self.rate { rateFilter = LibAVRateFilter(from: Int(sourceRate), to: rate) }
      guard converted != nil else { throw failure(-1) }
      try openFormat(frame)
      if sourceRate != self.rate, rateFilter == nil { try openRate() }
    }

    deinit {
      swr_free(&toFloats)
      swr_free(&toRate)
      av_frame_free(&converted)
    }

    private func openFormat(_ frame: UnsafePointer<AVFrame>) throws {
      var (source, target) = (AVChannelLayout(), AVChannelLayout())
      av_channel_layout_default(&target, Int32(channels))
      // Containers without a layout tell a number.
      if frame.pointee.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC {
        av_channel_layout_default(&source, sourceChannels)
      } else {
        var layout = frame.pointee.ch_layout
        guard av_channel_layout_copy(&source, &layout) >= 0 else { throw failure(-1) }
      }
      defer { av_channel_layout_uninit(&source) }
      if format == AV_SAMPLE_FMT_FLTP.rawValue, av_channel_layout_compare(&source, &target) == 0 { return }
      try check(
        swr_alloc_set_opts2(
          &toFloats, &target, AV_SAMPLE_FMT_FLTP, sourceRate, &source, AVSampleFormat(format), sourceRate, 0, nil))
      try check(swr_init(toFloats))
    }

    private func openRate() throws {
      var (mono, alsoMono) = (AVChannelLayout(), AVChannelLayout())
      av_channel_layout_default(&mono, 1)
      av_channel_layout_default(&alsoMono, 1)
      try check(
        swr_alloc_set_opts2(
          &toRate, &mono, AV_SAMPLE_FMT_FLTP, rate, &alsoMono, AV_SAMPLE_FMT_FLTP, sourceRate, 0, nil))
      try check(swr_init(toRate))
    }

    /// Whether a frame is like those before it; a stream may change in its middle.
    func fits(_ frame: UnsafePointer<AVFrame>) -> Bool {
      frame.pointee.format == format && frame.pointee.sample_rate == sourceRate
        && frame.pointee.ch_layout.nb_channels == sourceChannels
    }

    func add(_ frame: UnsafePointer<AVFrame>) throws {
      guard frame.pointee.nb_samples > 0 else { return }
      guard toFloats != nil, let converted else { return try add(planesOf: frame) }
      av_frame_unref(converted)
      converted.pointee.nb_samples = frame.pointee.nb_samples
      converted.pointee.format = AV_SAMPLE_FMT_FLTP.rawValue
      av_channel_layout_default(&converted.pointee.ch_layout, Int32(channels))
      try check(av_frame_get_buffer(converted, 0))
      let status = frame.pointee.extended_data.withMemoryRebound(
        to: UnsafePointer<UInt8>?.self, capacity: Int(sourceChannels)
      ) {
        swr_convert(
          toFloats, converted.pointee.extended_data, converted.pointee.nb_samples, $0, frame.pointee.nb_samples)
      }
      try check(status)
      converted.pointee.nb_samples = status
      try add(planesOf: converted)
    }

    private func add(planesOf frame: UnsafePointer<AVFrame>) throws {
      let count = Int(frame.pointee.nb_samples)
      func plane(_ index: Int) throws -> UnsafeBufferPointer<Float> {
        guard let bytes = frame.pointee.extended_data[index] else { throw failure(-1) }
        return UnsafeBufferPointer(
          start: UnsafeRawPointer(bytes).assumingMemoryBound(to: Float.self), count: count)
      }
      if channels == 1 { return try resample(plane(0)) }
      let (left, right) = try (plane(0), plane(1))
      var done = 0
      while done < count {
        let part = min(count - done, block - waiting)
        (planes.pointer + waiting).update(from: left.baseAddress! + done, count: part)
        (planes.pointer + block + waiting).update(from: right.baseAddress! + done, count: part)
        (waiting, done) = (waiting + part, done + part)
        if waiting == block { try mix() }
      }
    }

    /// Mixes what waits, as ``ChannelMixer`` does.
    private func mix() throws {
      guard waiting > 0 else { return }
      let (left, right, out) = (planes.pointer, planes.pointer + block, planes.pointer + 2 * block)
      let (gain, isWide) = (DecodingRequest.mixingGain, kernel_has_wide())
      var (mixed, both): (Float, Float) = (0, 0)
      kernel_mix(isWide, left, right, gain, out, waiting, &mixed, &both)
      let count = waiting
      let channel = standIn.after(mixed: mixed, unrelated: both * gain * gain) {
        Vector.dot(left, left, count) >= Vector.dot(right, right, count) ? 0 : 1
      }
      // The one, twice, instead of the one and the other.
      if let channel {
        let source = channel == 0 ? left : right
        kernel_mix(isWide, source, source, gain, out, waiting, &mixed, &both)
      }
      waiting = 0
      try resample(UnsafeBufferPointer(start: out, count: count))
    }

    /// What is ready, as soon as there is so much.
    func take(atLeast seconds: Double) -> [Float] {
      guard Double(ready.count) >= seconds * Double(rate) else { return [] }
      defer { ready.removeAll(keepingCapacity: true) }
      return ready
    }

    /// All that is left.
    func finish() throws -> [Float] {
      try mix()
      rateFilter?.finish(&ready)
      if toRate != nil { try resample(nil) }
      defer { ready = [] }
      return ready
    }

    /// - Parameter mono: nil asks for what the filter of the library still holds.
    private func resample(_ mono: UnsafeBufferPointer<Float>?) throws {
      if let mono, rateFilter != nil {
        rateFilter?.add(mono, to: &ready)
        return
      }
      guard let toRate else {
        if let mono { ready += mono }
        return
      }
      let room = Int(swr_get_out_samples(toRate, Int32(mono?.count ?? 0)))
      let start = ready.count
      ready.append(contentsOf: repeatElement(0, count: room))
      let status = ready.withUnsafeMutableBytes { bytes in
        var out = bytes.baseAddress.map { ($0 + start * 4).assumingMemoryBound(to: UInt8.self) }
        var input = UnsafeRawPointer(mono?.baseAddress)?.assumingMemoryBound(to: UInt8.self)
        guard let mono else { return swr_convert(toRate, &out, Int32(room), nil, 0) }
        return swr_convert(toRate, &out, Int32(room), &input, Int32(mono.count))
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
