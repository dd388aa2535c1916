import Subprocess

/// The samples of an audio track, decoded piece by piece as they are asked for.
///
/// ``AudioDecoder/withReader(of:sampleRate:track:start:duration:alignedToTimestamps:allowTruncated:_:)`` makes one. ffmpeg waits while
/// nobody asks, so memory stays constant whatever the length.
package struct SampleReader {
  /// Samples a second, in Hz.
  package let sampleRate: Int
  /// Samples that were handed out so far.
  package private(set) var count = 0

  private let path: String
  private var source: any SampleSource
  private var alignment: Alignment
  /// Samples that the source gave, before alignment.
  private(set) var decoded = 0
  private(set) var isAtEnd = false

  init(_ source: any SampleSource, sampleRate: Int, alignment: Alignment, path: String) {
    self.source = source
    self.sampleRate = sampleRate
    self.alignment = alignment
    self.path = path
  }

  /// The next samples, never none; nil at the end.
  ///
  /// - Throws: ``AudioError`` with `notFinite` if a sample is NaN or infinite.
  package mutating func next() async throws -> [Float]? {
    var piece = alignment.silence()
    while piece.isEmpty {
      guard let next = try await source.next() else {
        isAtEnd = true
        return nil
      }
      piece = next
      decoded += piece.count
      if let bad = piece.withUnsafeBufferPointer({ Vector.firstNotFinite($0) }) {
        throw AudioError(
          .notFinite, "sample \(decoded - piece.count + bad) of \(path) is \(piece[bad]): audio must be finite",
          next: "look for a division by zero in what made the file")
      }
      alignment.cut(&piece)
    }
    count += piece.count
    return piece
  }
}

/// What gives the samples of a track piece by piece, mono, at the rate that was asked for.
protocol SampleSource {
  /// The next samples, perhaps none; nil at the end.
  mutating func next() async throws -> [Float]?
}

/// The channels that ffmpeg writes into a pipe, mixed, or as they are.
struct PipeSource: SampleSource {
  private var bytes: SubprocessOutputSequence.Iterator
  /// nil: the channels come interleaved, as they are.
  private var mixer: ChannelMixer?
  /// A pipe may cut a float in two: the cut-off bytes wait here for the next piece.
  private var remainder: [UInt8] = []
  private var isAtEnd = false

  init(_ bytes: SubprocessOutputSequence, sampleRate: Int) {
    self.bytes = bytes.makeAsyncIterator()
    mixer = ChannelMixer(
      channels: DecodingRequest.channels, gain: DecodingRequest.pipeGain, sampleRate: sampleRate)
  }

  /// Without mixing: the samples of a frame one after another, and a piece may end between them.
  init(interleaved bytes: SubprocessOutputSequence) {
    self.bytes = bytes.makeAsyncIterator()
    mixer = nil
  }

  mutating func next() async throws -> [Float]? {
    guard !isAtEnd else { return nil }
    guard let buffer = try await bytes.next() else {
      isAtEnd = true
      return mixer?.finish()
    }
    let channels = buffer.withUnsafeBytes { floats($0) }
    guard mixer != nil else { return channels }
    return channels.withUnsafeBufferPointer { mixer?.mix($0) }
  }

  private mutating func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    guard remainder.isEmpty, bytes.count.isMultiple(of: 4) else {
      remainder.append(contentsOf: bytes)
      let whole = remainder.count / 4 * 4
      defer { remainder.removeFirst(whole) }
      return remainder.withUnsafeBytes { Self.unaligned(UnsafeRawBufferPointer(rebasing: $0[..<whole])) }
    }
    return Self.unaligned(bytes)
  }

  private static func unaligned(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    [Float](unsafeUninitializedCapacity: bytes.count / 4) { floats, count in
      UnsafeMutableRawBufferPointer(floats).copyMemory(from: bytes)
      count = bytes.count / 4
    }
  }
}

/// Puts silence before a stream of samples or drops its beginning, and ends it after so many.
struct Alignment {
  /// Samples of silence still to be put before; negative: samples still to be dropped.
  private var lead: Int
  /// Samples that may still follow; nil for no limit.
  private var limit: Int?

  init(lead: Int, limit: Int?) {
    self.lead = lead
    self.limit = limit
  }

  /// The next piece of the silence before, at most 65,536 samples; empty if there is no more.
  mutating func silence() -> [Float] {
    guard lead > 0 else { return [] }
    var piece = [Float](repeating: 0, count: min(lead, 65_536))
    lead -= piece.count
    keepToLimit(&piece)
    return piece
  }

  mutating func cut(_ piece: inout [Float]) {
    let dropped = min(piece.count, max(0, -lead))
    lead += dropped
    if dropped > 0 { piece.removeFirst(dropped) }
    keepToLimit(&piece)
  }

  private mutating func keepToLimit(_ piece: inout [Float]) {
    guard let left = limit else { return }
    if piece.count > left { piece.removeLast(piece.count - left) }
    limit = left - piece.count
  }
}
