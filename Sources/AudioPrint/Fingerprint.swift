#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// A compact fingerprint of audio, to be stored beside a fixture and compared with a recording when the media is not at hand.
///
/// After Haitsma & Kalker, "A highly robust audio fingerprinting system", ISMIR 2002: one 32-bit sub-fingerprint each 32 ms, whose bits
/// say whether the difference of energy between neighbouring bands rises or falls. About 156 bytes a second, levels included. It names the
/// recording and where it lies, but does not measure what was mixed over it: where the media is at hand, use ``Similarity``.
///
/// As JSON it is an object: `format` ("audioprint"), `version` (1), `frames` (count) and `bits`, base64 of the sub-fingerprints as
/// little-endian 32-bit integers in order of time, then of the frames' levels, one signed byte in dBFS each.
public struct Fingerprint: Sendable, Hashable {
  /// Version of the format and of the analysis behind it; fingerprints of other versions are refused.
  public static let version = 1
  /// Seconds from one sub-fingerprint to the next, and that each looks at.
  public static let (hop, frame) = (0.032, 0.256)

  /// One for each frame, in order of time; bit b is band b, from low to high.
  public let subprints: [UInt32]
  /// Level of each frame in dBFS, -128…127.
  public let levels: [Int8]

  /// Seconds that the sub-fingerprints begin in.
  public var duration: Double { Double(subprints.count) * Self.hop }

  /// Makes the fingerprint of a clip of any rate; a clip shorter than two frames has none.
  public init(_ clip: AudioClip) {
    var analysis = SubprintAnalysis()
    analysis.append(Waveform(clip).samples)
    (subprints, levels) = (analysis.subprints, analysis.levels)
  }

  /// Makes the fingerprint of a file or URL while it is decoded: memory grows by no more than the fingerprint does.
  ///
  /// - Parameters:
  ///   - path: a file or URL that ffmpeg reads.
  ///   - track: index among the audio tracks, from 0.
  ///   - progress: told how many seconds have been decoded, several times for each minute of audio.
  /// - Throws: ``AudioError`` as ``AudioDecoder`` does, `tooShort` below ``Similarity/shortest``, and what `progress` throws.
  public init(contentsOf path: String, track: Int = 0, progress: (Double) throws -> Void = { _ in }) async throws {
    let analysis = try await AudioDecoder.withReader(of: path, sampleRate: Thresholds.sampleRate, track: track) {
      reader in
      var analysis = SubprintAnalysis()
      while let piece = try await reader.next() {
        analysis.append(piece)
        try progress(Double(reader.count) / Double(Thresholds.sampleRate))
      }
      // Of what has no sample at all the decoder knows why.
      let seconds = Double(reader.count) / Double(Thresholds.sampleRate)
      if seconds > 0, seconds < Thresholds.shortestClip { throw AudioError.tooShort(path, seconds: seconds) }
      return analysis
    }
    (subprints, levels) = (analysis.subprints, analysis.levels)
  }

  private init(subprints: [UInt32], levels: [Int8]) {
    (self.subprints, self.levels) = (subprints, levels)
  }
}

extension Fingerprint: Codable {
  private enum CodingKeys: String, CodingKey { case format, version, frames, bits }

  /// - Throws: `DecodingError` for another format or version, or if the bytes are not those of so many frames.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func corrupt(_ key: CodingKeys, _ text: String) -> DecodingError {
      .dataCorruptedError(forKey: key, in: container, debugDescription: text)
    }
    let format = try container.decode(String.self, forKey: .format)
    guard format == "audioprint" else { throw corrupt(.format, "\(format) is no AudioPrint fingerprint") }
    let version = try container.decode(Int.self, forKey: .version)
    guard version == Self.version else {
      throw corrupt(.version, "version \(version) cannot be compared with version \(Self.version): make it anew")
    }
    let frames = try container.decode(Int.self, forKey: .frames)
    let bytes = [UInt8](try container.decode(Data.self, forKey: .bits))
    guard frames >= 0, bytes.count.isMultiple(of: 5), bytes.count / 5 == frames else {
      throw corrupt(.bits, "\(bytes.count) bytes are not those of \(frames) frames of 5")
    }
    self.init(
      subprints: (0..<frames).map { frame in
        (0..<4).reduce(0) { $0 | UInt32(bytes[4 * frame + $1]) << UInt32(8 * $1) }
      },
      levels: bytes[(4 * frames)...].map { Int8(bitPattern: $0) })
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode("audioprint", forKey: .format)
    try container.encode(Self.version, forKey: .version)
    try container.encode(subprints.count, forKey: .frames)
    let bits = subprints.flatMap { print in (0..<4).map { UInt8(truncatingIfNeeded: print >> UInt32(8 * $0)) } }
    try container.encode(Data(bits + levels.map { UInt8(bitPattern: $0) }), forKey: .bits)
  }
}

/// Sub-fingerprints of a signal at `Thresholds.sampleRate` that comes in pieces.
private struct SubprintAnalysis: Sendable {
  /// 256 ms frames every 32 ms, 33 bands from 300 to 3000 Hz, equally spaced in the logarithm.
  private static let (frame, hop, bands) = (2048, 256, 33)

  /// First bin of each band, and the end of the last; every band has at least one bin of 3.9 Hz.
  private static let edges: [Int] = (0...bands).map {
    Int(
      (300 * pow(10, Double($0) / Double(bands)) * Double(frame) / Double(Thresholds.sampleRate)).rounded())
  }

  private(set) var subprints: [UInt32] = []
  private(set) var levels: [Int8] = []
  /// Samples that the next frame begins with.
  private var rest: [Float] = []
  /// Energies of the last frame; the first one has none before it to differ from.
  private var previous: [Float]?

  mutating func append(_ piece: [Float]) {
    rest += piece
    let stft = SpectralFrames(frame: Self.frame, hop: Self.hop)
    let power = AlignedBuffer<Float>(stft.bins)
    let signal = rest
    signal.withUnsafeBufferPointer { signal in
      stft.forEach(signal) { index, spectrum in
        Vector.power(spectrum, power.pointer, stft.bins)
        add(power.pointer, UnsafeBufferPointer(rebasing: signal[(index * Self.hop)..<(index * Self.hop + Self.frame)]))
      }
    }
    rest.removeFirst(stft.count(samples: rest.count) * Self.hop)
  }

  private mutating func add(_ power: UnsafePointer<Float>, _ samples: UnsafeBufferPointer<Float>) {
    let energies = (0..<Self.bands).map { band in
      Vector.sum(power + Self.edges[band], Self.edges[band + 1] - Self.edges[band])
    }
    defer { previous = energies }
    guard let previous else { return }
    var bits: UInt32 = 0
    for band in 0..<32 where energies[band] - energies[band + 1] > previous[band] - previous[band + 1] {
      bits |= 1 << UInt32(band)
    }
    subprints.append(bits)
    levels.append(Int8(decibels(power: Vector.meanSquare(samples)).clamped(to: -128...127)))
  }
}
