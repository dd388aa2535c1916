/// Mono audio in memory: finite float samples, nominally in -1…1, at one sampling rate.
///
/// Both are checked when a clip is made and cannot be changed afterwards, so nothing that takes a clip has to check again.
public struct AudioClip: Sendable, Hashable {
  /// The samples; full scale is ±1, values beyond it are kept.
  public let samples: [Float]
  /// Samples a second, in Hz.
  public let sampleRate: Int

  /// Length in seconds.
  public var duration: Double { Double(samples.count) / Double(sampleRate) }

  /// A clip from samples that are mono floats already.
  ///
  /// - Throws: ``AudioError`` with `badFormat` for a rate outside 1…768,000 Hz, `notFinite` if a sample is NaN or infinite.
  public init(samples: [Float], sampleRate: Int) throws {
    try Self.check(sampleRate: sampleRate)
    self.init(unchecked: samples, sampleRate: sampleRate)
    try requireFinite()
  }

  /// For samples whose origin guarantees that they are finite and whose rate has been checked.
  init(unchecked samples: [Float], sampleRate: Int) {
    self.samples = samples
    self.sampleRate = sampleRate
  }

  /// A clip from interleaved signed 16-bit little-endian PCM; channels are mixed to mono with equal weight. Where they cancel each other,
  /// as a channel and the same one upside down do, the loudest stands for all.
  ///
  /// - Throws: ``AudioError`` with `badFormat` for a rate outside 1…768,000 Hz, fewer than 1 or more than 64 channels,
  ///   or a byte count that is no whole number of frames.
  public init(pcm16 bytes: some Collection<UInt8>, sampleRate: Int, channels: Int = 1) throws {
    try self.init(bytes: bytes, bytesPerSample: 2, sampleRate: sampleRate, channels: channels) {
      Float(Int16(littleEndian: $0.loadUnaligned(fromByteOffset: $1, as: Int16.self))) / 32768
    }
  }

  /// A clip from interleaved 32-bit little-endian float PCM; channels are mixed to mono with equal weight.
  ///
  /// - Throws: as ``init(pcm16:sampleRate:channels:)``, and `notFinite` if a sample is NaN or infinite.
  public init(pcmFloat32 bytes: some Collection<UInt8>, sampleRate: Int, channels: Int = 1) throws {
    try self.init(bytes: bytes, bytesPerSample: 4, sampleRate: sampleRate, channels: channels) {
      Float(bitPattern: UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: $1, as: UInt32.self)))
    }
    try requireFinite()
  }

  private init(
    bytes: some Collection<UInt8>, bytesPerSample: Int, sampleRate: Int, channels: Int,
    sample: (UnsafeRawBufferPointer, Int) -> Float
  ) throws {
    try Self.check(sampleRate: sampleRate)
    guard (1...64).contains(channels) else {
      throw AudioError(.badFormat, "PCM with \(channels) channels cannot be read: 1 to 64 are possible")
    }
    let frameSize = bytesPerSample * channels
    guard bytes.count.isMultiple(of: frameSize) else {
      throw AudioError(
        .badFormat, "\(bytes.count) bytes of PCM are no whole number of frames of \(frameSize) bytes",
        next: "check the sample format and the channel count, or cut the last \(bytes.count % frameSize) bytes")
    }
    func mix(_ raw: UnsafeRawBufferPointer) -> [Float] {
      let count = raw.count / bytesPerSample
      let values = [Float](unsafeUninitializedCapacity: count) { buffer, used in
        while used < count {
          buffer[used] = sample(raw, used * bytesPerSample)
          used += 1
        }
      }
      guard channels > 1 else { return values }
      var mixer = ChannelMixer(channels: channels, gain: 1 / Float(channels), sampleRate: sampleRate)
      return values.withUnsafeBufferPointer { mixer.mix($0) } + mixer.finish()
    }
    let contiguous = bytes.withContiguousStorageIfAvailable { mix(UnsafeRawBufferPointer($0)) }
    self.init(unchecked: contiguous ?? Array(bytes).withUnsafeBytes(mix), sampleRate: sampleRate)
  }

  /// The part between two times in seconds; what lies outside the clip is left out, so the result may be shorter.
  public func slice(from start: Double, to end: Double) -> AudioClip {
    let rate = Double(sampleRate)
    let count = Double(samples.count)
    guard start < end else { return AudioClip(unchecked: [], sampleRate: sampleRate) }
    let first = Int((start * rate).rounded().clamped(to: 0...count))
    let last = Int((end * rate).rounded().clamped(to: 0...count))
    return AudioClip(unchecked: Array(samples[first..<max(first, last)]), sampleRate: sampleRate)
  }

  /// Root-mean-square level in dB relative to full scale (a full-scale sine is -3 dBFS); -infinity for no or zero samples.
  public var level: Double { samples.withUnsafeBufferPointer { decibels(power: Vector.meanSquare($0)) } }

  static func check(sampleRate: Int) throws {
    guard (1...768_000).contains(sampleRate) else {
      throw AudioError(.badFormat, "\(sampleRate) Hz is no sampling rate that can be handled: 1 to 768000 are possible")
    }
  }

  /// Throws if a sample is NaN or infinite: one such value would spread over every spectrum that it touches.
  func requireFinite() throws {
    let bad = samples.withUnsafeBufferPointer { Vector.firstNotFinite($0) }
    guard let bad else { return }
    throw AudioError(
      .notFinite, "sample \(bad) is \(samples[bad]): audio must be finite",
      evidence: ["sample \(bad) of \(samples.count), at \(Double(bad) / Double(sampleRate)) s"],
      next: "look for a division by zero or for bytes that are not float PCM in what made the samples")
  }
}

extension Comparable {
  func clamped(to range: ClosedRange<Self>) -> Self { min(max(self, range.lowerBound), range.upperBound) }
}
